# SPDX-License-Identifier: GPL-2.0
"""The benchmark program by itself, over loopback: each receiver that needs no device."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

import kselftest_zcrx
from kseries.bench import answer
from kseries.bench.answer import Answer
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from tests.publicinbox import free_port
from tests.test_kselftest_zcrx import DATA, TOY

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / f"zcrx-bench-{answer.VERSION}.schema.json"
SOME = ("--warm-up", "1000003", "--bytes", "3000017", "--write", "50021")
ON_ANY_HOST = ("epoll", "epoll-zc", "discard")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    return built(folder, "v7", [])


def built(folder: Path, dialect: str, include: list[str]) -> Path:
    selftests = TOY / "tools" / "testing" / "selftests"
    kselftest_zcrx.write(folder, dialect=dialect, lib_mk=str(selftests / "lib.mk"))
    headers = " ".join([*include, f"-I{TOY / 'include' / 'uapi'}"])
    flags = "-Wextra -Werror -Wno-unused-parameter"
    words = ["make", f"OUTPUT={folder}", f"KHDR_INCLUDES={headers}", f"USERCFLAGS={flags}"]
    proc.run([*words, f"{folder}/zcrx_bench"], cwd=folder, deadline=Deadline.after(60))
    return folder / "zcrx_bench"


@contextmanager
def listening(program: Path, *words: str, port: int) -> Iterator[subprocess.Popen[str]]:
    argv = [str(program), "--listen", "127.0.0.1", "--port", str(port), *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def answered(child: subprocess.Popen[str]) -> Answer:
    out, errors = child.communicate(timeout=30)
    assert (child.returncode, errors) == (0, "")
    assert out.count("\n") == 1
    jsonschema.validate(json.loads(out), answer.schema())
    return answer.read(out)


def measured(
    program: Path, *words: str, sender: tuple[str, ...] = (), receiver: tuple[str, ...] = ()
) -> Answer:
    port = free_port()
    with listening(program, *words, *receiver, port=port) as child:
        argv = [str(program), "--connect", "127.0.0.1", "--port", str(port), *words, *sender]
        # It tries until somebody listens.
        proc.run(argv, cwd=Path("/"), deadline=Deadline.after(30))
        return answered(child)


def refused(program: Path, *words: str) -> str:
    done = proc.run([program, *words], cwd=Path("/"), deadline=Deadline.after(10), check=False)
    assert done.returncode == 2
    return done.output.removeprefix("zcrx_bench: ").removesuffix("; --help lists the options\n")


@pytest.mark.parametrize("receiver", ON_ANY_HOST)
@pytest.mark.parametrize("flows", [1, 3])
def test_each_receiver_counts_every_byte(program: Path, receiver: str, flows: int) -> None:
    words = ("--receiver", receiver, "--flows", str(flows), *SOME)
    told = measured(program, *words)
    assert (told.receiver, told.flows, told.bytes) == (receiver, flows, 3000017)
    assert told.calls >= told.waits > 0
    assert (told.mapped + told.copied > 0) == (receiver == "epoll-zc")


def test_each_request_is_received_whole_and_answered(program: Path) -> None:
    words = ("--warm-up", "1000", "--bytes", "10033", "--write", "100", "--check")
    told = measured(program, "--receiver", "rr", *words)
    assert (told.receiver, told.bytes, told.calls) == ("rr", 10033, 101)
    assert not told.bad


@pytest.mark.parametrize("receiver", ["epoll", "epoll-zc"])
def test_what_is_touched_has_the_same_checksum_however_it_is_cut(
    program: Path, receiver: str
) -> None:
    words = ("--receiver", receiver, "--touch", "--check", *SOME)
    sums = {measured(program, *words, "--buffer", size).checksum for size in ("4096", "60001")}
    assert sums == {checksum(4000020)}


def checksum(count: int) -> str:
    """Give the sum of the words of what is sent, its last one filled up with zeros."""
    period = b"".join(
        (n * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "little") for n in range(1, 8193)
    )
    sent = (period * (count // len(period) + 1))[:count].ljust(-(-count // 8) * 8, b"\0")
    words = (int.from_bytes(sent[at : at + 8], "little") for at in range(0, len(sent), 8))
    return f"{sum(words) % 2**64:016x}"


def test_what_was_not_sent_so_is_seen_when_it_is_checked(program: Path) -> None:
    for check, bad in (((), False), (("--check",), True)):
        port = free_port()
        with listening(program, *check, *SOME, port=port) as child:
            sender = threading.Thread(target=send_zeros, args=(port,))
            sender.start()
            told = answered(child)
            sender.join()
        assert told.bad is bad


def send_zeros(port: int) -> None:
    for _ in range(500):
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                for size in (1000003, 3000017):
                    assert len(connection.recv(1)) == 1
                    connection.sendall(bytes(size))
                return
        except ConnectionRefusedError:
            threading.Event().wait(0.01)


def test_it_measures_for_as_long_as_it_is_told(program: Path) -> None:
    told = measured(program, "--seconds", "1", "--warm-up", "0")
    assert told.bytes > 0
    assert told.ns >= 900_000_000


def test_it_pins_the_receiver(program: Path) -> None:
    assert measured(program, *SOME, "--pin", "0").cpu == 0
    here = measured(program, *SOME, "--pin", "same", sender=("--pin", "0,0"))
    assert (here.pin, here.cpu) == ("same", 0)


def test_it_accounts_for_cpus_by_number(program: Path) -> None:
    last = max(os.sched_getaffinity(0))
    words = ("--pin", "0", "--seconds", "1", "--warm-up", "0")
    told = measured(program, *words, receiver=("--account", f"{last},0"))
    assert [one.cpu for one in told.cpus] == [last, 0]
    here = told.cpus[1]
    # It is where the receiver ran, and softirqs of loopback ran for it, or for the sender.
    assert here.busy_us + here.idle_us + here.steal_us == pytest.approx(1e6, rel=0.2)
    assert here.busy_us > 0
    assert sum(one.net_rx for one in told.cpus) > 0
    counted = [here.cycles, here.instructions, here.cache_references, here.cache_misses]
    assert all(counted) or told.perf_error


def test_nothing_is_accounted_for_unless_it_is_asked(program: Path) -> None:
    told = measured(program, *SOME)
    assert (told.cpus, told.perf_error) == ((), "")


def test_a_cpu_that_is_not_there_cannot_be_accounted_for(program: Path) -> None:
    port = free_port()
    with listening(program, *SOME, "--account", "4095", port=port) as child:
        argv = [str(program), "--connect", "127.0.0.1", "--port", str(port), *SOME]
        proc.run(argv, cwd=Path("/"), deadline=Deadline.after(30))
        out, errors = child.communicate(timeout=30)
    assert (child.returncode, out) == (1, "")
    assert errors == "zcrx_bench: account: No such device or address\n"


def test_a_stream_that_ends_early_is_an_error(program: Path) -> None:
    port = free_port()
    with listening(program, "--bytes", "3000018", *SOME[:2], port=port) as child:
        sender = threading.Thread(target=send_zeros, args=(port,))
        sender.start()
        out, errors = child.communicate(timeout=30)
        sender.join()
    assert (child.returncode, out, errors) == (1, "", "zcrx_bench: receive: Broken pipe\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--receiver", "telepathy"), "there is no receiver 'telepathy'"),
        (("--regime", "soon"), "there is no regime 'soon'"),
        (("--flows", "0"), "--flows takes a number from 1 to 64, not '0'"),
        (("--flows", "65"), "--flows takes a number from 1 to 64, not '65'"),
        (("--bytes", "1x"), "--bytes takes a number from 1 to 1125899906842624, not '1x'"),
        (("--warm-up", "-1"), "--warm-up takes a number from 0 to 1125899906842624, not '-1'"),
        (("--pin", "x"), "--pin takes a number from 0 to 4095, not 'x'"),
        (("--listen", "::1", "--connect", "::1"), "--listen and --connect are for one end each"),
        (
            ("--listen", "::1", "--receiver", "zcrx"),
            "zcrx wants --interface and --queue",
        ),
        (("--receiver", "discard", "--touch"), "discard has nothing to touch or check"),
        (("--port", "1"), "--port is for one end"),
        (("--listen", "::1", "--defer", "5"), "--defer is for netdevsims"),
        (("--account", "0,x"), "--account takes a number from 0 to 4095, not 'x'"),
        (("--account", ",".join("0" * 17)), "--account takes up to 16 CPUs"),
        (("--connect", "::1", "--account", "0"), "--account is for the end that receives"),
        (("--receiver", "rr", "--flows", "2"), "rr has one flow, which it receives itself"),
        (("--receiver", "rr", "--", "x"), "rr has one flow, which it receives itself"),
        (("--receiver", "udp", "--listen", "::1"), "udp is for netdevsims"),
        (("--receiver", "udp", "--connect", "::1"), "udp is for netdevsims"),
        (("more",), "'more' is no option"),
        (("--flows", "2", "--", "x"), "a program receives one flow, over netdevsims"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(
    program: Path, words: tuple[str, ...], told: str
) -> None:
    assert refused(program, *words) == told


def test_the_help_tells_every_option(program: Path) -> None:
    done = proc.run([program, "--help"], cwd=Path("/"), deadline=Deadline.after(10))
    source = kselftest_zcrx.render(15)["bench_options.c"]
    names = set(re.findall(r'\{ "([a-z0-9-]+)", (?:no|required)_argument', source)) - {"help"}
    assert names == set(re.findall(r"^  --([a-z0-9-]+)", done.output, re.MULTILINE))


def test_it_is_built_for_mainline(tmp_path: Path) -> None:
    assert built(tmp_path, "mainline", [f"-I{DATA / 'mainline'}"]).is_file()


def test_the_published_schema_is_that_of_the_answer() -> None:
    wanted = json.dumps(answer.schema(), indent=2) + "\n"
    told = f"python -m kseries schema --bench --out {PUBLISHED.relative_to(ROOT)}"
    assert PUBLISHED.read_text() == wanted, told


def test_a_line_that_is_no_answer_is_told_what_is_wrong_with_it(program: Path) -> None:
    with pytest.raises(answer.Unreadable, match=r"^version: Field required"):
        answer.read("{}")
    with pytest.raises(answer.Unreadable, match=r"^the line: Invalid JSON"):
        answer.read("zcrx_bench: no")
