# SPDX-License-Identifier: GPL-2.0
"""What a guest that measured has left: read, checked, put into columns; and what it is given."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.bench import counts, cpio, elf, plan, reading, tables
from kseries.bench.answer import RECEIVERS
from kseries.bench.elf import Function
from kseries.bench.model import COLUMNS, KIB, RECEIVER_SIDE, Row, Setup
from kseries.bench.reading import Seen, Worthless

SETUP = Setup("zcrx", "late")
ANSWER = {
    "version": 1,
    "receiver": "zcrx",
    "family": 4,
    "flows": 1,
    "write": 61440,
    "packets_of_writes": False,
    "mtu": 4148,
    "warm_up": SETUP.warm_up,
    "regime": "late",
    "pin": "anywhere",
    "cpu": -1,
    "busy_poll_us": 0,
    "defer_us": 0,
    "touched": False,
    "checked": False,
    "buffer": 262144,
    "map": 524288,
    "area_pages": 8192,
    "huge_pages": False,
    "rmem": 2097152,
    "bytes": SETUP.bytes,
    "ns": 1100,
    "ticks": 1081,
    "user_us": 0,
    "system_us": 0,
    "waits": 26,
    "calls": 7680,
    "mapped": 0,
    "copied": 0,
    "rearms": 1,
    "starved": 0,
    "packets": 512,
    "placed_bytes": SETUP.bytes,
    "provider_bytes": SETUP.bytes,
    "no_buffer": 0,
    "drops": 0,
    "checksum": "0" * 16,
    "bad": False,
}
COUNTS = """\
segment
count receiver user 100 bench_zcrx_receive
count receiver syscall 200 io_zcrx_recv_skb
count receiver poll-rx 150 nsim_rx_split
count sender poll-rx 50 nsim_rx_split
count sender poll-tx 60 tcp_ack
count sender user 40 send_part
count sender syscall 110 tcp_sendmsg
count other softirq 30 net_rx_action
count sender dma 200 memcpy
count other hardirq 20 tick
count other user 5 bench_zcrx_receive
count other user 15 main
count other syscall 20 schedule
event switches 40
event polls-rx 80
faults 0
total 1000
"""
CONSOLE = "[    0.000000] Linux version 6.12.117\n"


def seen(
    *, text: str = COUNTS, console: str = CONSOLE, last: str = "exit 0", **told: object
) -> Seen:
    return Seen(f"{json.dumps(ANSWER | told)}\n{last}\n", text, console)


def why(**told: object) -> str:
    with pytest.raises(Worthless) as error:
        reading.measurement(SETUP, seen(**told))  # type: ignore[arg-type]
    return str(error.value)


def test_instructions_are_put_into_columns_that_add_up_to_the_clock() -> None:
    found = reading.measurement(SETUP, seen())
    columns = {name: found.column(name) for name in COLUMNS}
    assert columns == {
        "user": 100,
        "syscall": 200,
        "softirq": 200,
        "dma": 200,
        "steer": 0,
        "drop": 0,
        "sender": 210,
        "shared softirq": 30,
        "interrupt": 20,
        "other": 40,
    }
    assert found.unbooked == 81
    assert sum(columns.values()) + found.unbooked == found.answer.ticks
    assert found.cost == 500 / SETUP.bytes
    assert found.per_byte(*RECEIVER_SIDE) == found.cost
    assert found.packet == 61440
    assert found.events == {"switches": 40, "polls-rx": 80}


def test_functions_of_a_column_are_one_row_and_those_of_unknown_programs_have_no_name() -> None:
    rows = reading.measurement(SETUP, seen()).rows
    assert rows[:3] == (
        Row("dma", "memcpy", 200),
        Row("softirq", "nsim_rx_split", 200),
        Row("syscall", "io_zcrx_recv_skb", 200),
    )
    assert Row("other", counts.ANOTHER, 20) in rows


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"last": "exit 1"}, "the program failed (exit 1): no word"),
        ({"last": ""}, "the program did not end"),
        ({"bytes": 1}, "1 bytes were received, not 31457280"),
        ({"bad": True}, "what was received is not what was sent"),
        ({"drops": 3}, "3 packets were dropped"),
        ({"no_buffer": 2}, "2 packets were without a buffer"),
        ({"starved": 2}, "the receiver had no buffers 2 times"),
        ({"provider_bytes": SETUP.bytes - 9}, "9 bytes were copied, not placed"),
        ({"provider_bytes": None}, f"{SETUP.bytes} bytes were copied, not placed"),
        ({"receiver": "epoll"}, "the answer is to something else"),
        ({"regime": "prompt"}, "the answer is to something else"),
        ({"defer_us": 50}, "the answer is to something else"),
        ({"waits": -1}, "the answer cannot be read: waits: "),
        ({"more": 1}, "the answer cannot be read: more: "),
        ({"ticks": 999}, "the counts (1000) are not what the guest's clock says (999)"),
        ({"ticks": 1257}, "the counts (1000) are not what the guest's clock says (1257)"),
        ({"text": ""}, "the program came to no end mark"),
        ({"text": COUNTS[: COUNTS.index("total")]}, "the program came to no end mark"),
        ({"text": COUNTS + COUNTS}, "more than one part was measured"),
        ({"text": COUNTS.replace("200 memcpy", "201 memcpy")}, "the counts do not add up"),
        ({"text": COUNTS.replace("faults 0", "fault a jump\nfaults 1")}, "the guest was not"),
        ({"text": COUNTS.replace("polls-rx 80", "polls-rx 0")}, "no packet was seen to arrive"),
        ({"text": COUNTS.replace("receiver user", "receiver attic")}, "the counts cannot be read"),
        ({"console": "BUG: kernel NULL pointer dereference\n"}, "the kernel complained: BUG"),
    ],
)
def test_what_does_not_add_up_is_worth_nothing(told: dict[str, object], reason: str) -> None:
    assert why(**told).startswith(reason)


def test_a_program_that_failed_is_quoted() -> None:
    console = f"{CONSOLE}zcrx_bench: prepare the receiver: Invalid argument\n"
    assert why(last="exit 1", console=console) == (
        "the program failed (exit 1): zcrx_bench: prepare the receiver: Invalid argument"
    )


def test_a_ratio_to_the_clock_within_the_marks_is_taken() -> None:
    assert reading.measurement(SETUP, seen(ticks=1000)).unbooked == 0
    assert reading.measurement(SETUP, seen(ticks=1256)).unbooked == 256


# ---- several commands in one guest


def segment(name: str) -> str:
    return f"segment\ncount receiver user 7 {name}\nfaults 0\ntotal 7\n"


def test_what_several_commands_left_is_taken_apart() -> None:
    left = Seen("one\nexit 0\ntwo\nexit 0\n", segment("a") + segment("b"), "console")
    assert reading.apart(left, 2) == [
        Seen("one\nexit 0\n", segment("a"), "console"),
        Seen("two\nexit 0\n", segment("b"), "console"),
    ]


def test_one_that_failed_takes_no_counts_of_others() -> None:
    left = Seen("exit 2\ntwo\nexit 0\n", segment("b"), "")
    assert [(one.answer, one.counts) for one in reading.apart(left, 2)] == [
        ("exit 2\n", ""),
        ("two\nexit 0\n", segment("b")),
    ]


def test_one_that_failed_after_it_was_measured_takes_the_counts_of_all() -> None:
    left = Seen("one\nexit 1\ntwo\nexit 0\n", segment("a") + segment("b"), "")
    assert [one.counts for one in reading.apart(left, 2)] == ["", ""]


def test_those_that_a_guest_came_not_to_left_nothing() -> None:
    left = Seen("one\nexit 0\nhalf", segment("a"), "")
    assert [(one.answer, one.counts) for one in reading.apart(left, 3)] == [
        ("one\nexit 0\n", segment("a")),
        ("half\n", ""),
        ("", ""),
    ]


# ---- what the plugin is told


MAP = """\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T startup_64
ffffffff81000100 T __pfx_consume_skb
ffffffff81000110 T consume_skb
ffffffff81000110 T alias_of_it
ffffffff81000200 T __switch_to_asm
ffffffff81000300 t nsim_poll
ffffffff81000400 R _etext
ffffffff82000000 D data
"""


def test_the_tables_name_each_address_once_and_end_where_functions_end() -> None:
    program = [Function(0x401000, 16, "main"), Function(0x401000, 16, "alias"), Function(0, 0, "x")]
    lines = tables.tables(MAP, program).splitlines()
    assert [line for line in lines if line.startswith("kernel")] == [
        "kernel ffffffff81000000 startup_64",
        "kernel ffffffff81000100 __pfx_consume_skb",
        "kernel ffffffff81000110 consume_skb",
        "kernel ffffffff81000200 __switch_to_asm",
        "kernel ffffffff81000300 nsim_poll",
        "kernel ffffffff81000400 [unknown]",
    ]
    assert "program 401000 alias" in lines
    assert "program 401010 [unknown]" in lines
    assert "layer poll nsim_poll" in lines
    assert "layer drop consume_skb nsim_" in lines
    assert lines[-3:] == [
        "receives tcp_data_ready",
        "receives __udp_enqueue_schedule_skb",
        "switch __switch_to_asm",
    ]


def test_a_kernel_without_symbols_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^it has no __switch_to_asm$"):
        tables.tables("0000000000000000 A x\n", ())


def test_functions_of_a_real_program_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int one(void) { return 1; }\nint main(void) { return one(); }\n")
    words = ["gcc", "-O0", "-static", "-o", "a", "a.c"]
    subprocess.run(words, cwd=tmp_path, check=True)
    data = (tmp_path / "a").read_bytes()
    found = {function.name: function for function in elf.functions(data)}
    assert found["one"].size > 0
    assert found["main"].address == found["one"].address + found["one"].size
    subprocess.run(["strip", "a"], cwd=tmp_path, check=True)
    assert elf.functions((tmp_path / "a").read_bytes()) == ()
    for cut in range(0, 300, 7):
        with pytest.raises(elf.NotAnElf):
            elf.functions(data[:cut])
    with pytest.raises(elf.NotAnElf):
        elf.functions(data[: len(data) // 2])


def test_the_archive_is_what_cpio_reads(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(cpio.archive({"init": b"12345", "command": b""}))
    if shutil.which("cpio") is None:
        pytest.skip("there is no cpio on this host")
    with (tmp_path / "a").open("rb") as archive:
        words = ["cpio", "-tv", "--quiet"]
        done = subprocess.run(words, stdin=archive, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [(line[0], line[-1]) for line in lines] == [
        ("drwxr-xr-x", "dev"),
        ("crw-------", "dev/console"),
        ("-rwxr-xr-x", "init"),
        ("-rwxr-xr-x", "command"),
    ]


# ---- what is measured


def test_the_usual_session_measures_what_the_goals_want() -> None:
    usual = plan.usual()
    assert len(set(usual)) == len({setup.name for setup in usual}) == len(usual)
    for goal in plan.GOALS:
        assert goal.setup("zcrx") in usual
        assert goal.setup(goal.of) in usual
    assert set(usual) <= set(plan.full())


def test_all_is_measured_in_full() -> None:
    full = plan.full()
    assert len(set(full)) == len(full)
    assert {setup.receiver for setup in full} == set(RECEIVERS)
    assert {setup.packet for setup in full} == {4 * KIB, 32 * KIB, 60 * KIB}
    assert {(s.family, s.cpu, s.regime) for s in full if s.touched} == {
        (f, c, r) for f in (4, 6) for c in ("without-erms", "with-erms") for r in ("prompt", "late")
    }
    assert not [s for s in full if s.touched and s.receiver == "discard"]


def test_measurements_are_chosen_by_parts_of_their_names() -> None:
    usual = plan.usual()
    assert plan.select(usual, ()) == usual
    (one,) = plan.select(usual, ("zcrx-late-60k", "untouched-without"))
    assert one == SETUP
    assert plan.select(usual, ("zcrx", "nonsense")) == ()


def test_the_program_is_told_what_is_to_be_measured() -> None:
    told = plan.command(replace(SETUP, packet=4 * KIB, family=6, touched=True))
    assert told == (
        *("/zcrx_bench", "--receiver", "zcrx", "--regime", "late", "--write", "4096"),
        *("--warm-up", "15728640", "--bytes", "31457280", "--packets", "--ipv6", "--touch"),
    )
    assert "--packets" not in plan.command(SETUP)
    batched = replace(SETUP, packet=4 * KIB, defer_us=50)
    assert plan.command(batched)[-2:] == ("--defer", "50")
    assert batched.name.startswith("zcrx-late-4k-batched-ipv4")
