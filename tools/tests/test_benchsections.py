# SPDX-License-Identifier: GPL-2.0
"""What a guest that ran a user's program has left: read, and what proves nothing told as lost."""

from __future__ import annotations

import pytest

from kseries.bench import cost, sections
from kseries.bench.model import Call, Row
from kseries.bench.reading import Seen, Worthless
from kseries.bench.sections import Item, Section

ITEM = Item("syscalls", 1, runs=3)
COUNTS = """\
segment
count receiver user 40 main
count other syscall 60 schedule
event switches 2
event halts 0
event exceptions 4
faults 0
section getpid 1 10
count receiver user 20 main
count receiver syscall 300 do_syscall_64
count receiver softirq 30 net_rx_action
count other softirq 3 rcu_core
count receiver hardirq 10 irq_work_run
count receiver timer 5 update_process_times
count other syscall 2 schedule
node 1 0 main
spent receiver user 20
node 2 1 do_syscall_64
spent receiver syscall 300
node 3 2 asm_sysvec_irq_work
node 4 3 __sysvec_irq_work
node 5 4 irq_work_run
spent receiver hardirq 10
node 6 3 handle_softirqs
node 7 6 net_rx_action
spent receiver softirq 30
node 8 2 asm_sysvec_apic_timer_interrupt
node 9 8 update_process_times
spent receiver timer 5
node 10 2 schedule
spent other syscall 2
node 11 0 rcu_core
spent other softirq 3
section empty 0 0
total 470
"""
GOOD = "run {} exit 0 ticks 470 printed 0\n"


def seen(*runs: str, counts: str = COUNTS * 3, console: str = "", end: str = "exit 0\n") -> Seen:
    answer = "".join(runs or (GOOD.format(n) for n in range(3)))
    return Seen(answer + end, counts, console)


def test_what_a_section_does_is_put_into_columns() -> None:
    found = sections.measured(ITEM, seen())
    runs = found.sections["getpid"]
    assert len(runs) == 2  # the first one warmed up
    one = runs[0]
    assert (one.passes, one.operations, one.units, one.cost) == (1, 10, 10, 360)
    assert {name: one.column(name) for name in (*sections.COST, *sections.BESIDE)} == {
        "user": 20,
        "syscall": 300,
        "softirq": 30,
        "irq": 10,
        "timer": 5,
        "other": 5,
    }
    assert sections.wrong_with("getpid", runs) == ""
    assert sections.wrong_with("empty", found.sections["empty"]) == "empty was never begun"


def test_what_interrupts_a_section_is_no_call_of_what_it_interrupted() -> None:
    (one, _) = sections.measured(ITEM, seen()).sections["getpid"]
    assert one.calls == (
        Call(-1, "program", 320),
        Call(0, "main", 320),
        Call(1, "do_syscall_64", 300),
        Call(-1, "softirqs", 30),
        Call(3, "handle_softirqs", 30),
        Call(4, "net_rx_action", 30),
        Call(-1, "interrupts", 10),
        Call(6, "__sysvec_irq_work", 10),
        Call(7, "irq_work_run", 10),
    )


def lost(of: Seen) -> str:
    with pytest.raises(Worthless) as error:
        sections.measured(ITEM, of)
    return str(error.value)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (
            "run 1 exit 3 ticks 470 printed 12\n> no such\n> file\n",
            "syscalls ended with exit code 3, in run 2 of 3; it printed: no such / file",
        ),
        (
            "run 1 signal 11 ticks 470 printed 0\n",
            "syscalls was killed by SIGSEGV, in run 2 of 3; it printed nothing",
        ),
        (
            "run 1 signal 63 ticks 470 printed 0\n",
            "syscalls was killed by signal 63, in run 2 of 3; it printed nothing",
        ),
        (
            "run 1 left 0 ticks 470 printed 4\n> \x1b[1m\n",
            "syscalls has left processes behind, in run 2 of 3; it printed: \\x1b[1m",
        ),
    ],
)
def test_a_program_that_does_not_end_well_is_lost_with_its_own_words(second: str, why: str) -> None:
    assert lost(seen(GOOD.format(0), second, counts=COUNTS * 2)) == why


def test_what_it_prints_is_not_taken_for_an_answer() -> None:
    second = "run 1 exit 3 ticks 470 printed 12\n> run 2 exit 0 ticks 470 printed 0\n"
    assert "exit code 3" in lost(seen(GOOD.format(0), second))


def test_a_guest_that_ends_too_early_is_lost() -> None:
    assert "run 1 of 3 times" in lost(seen(GOOD.format(0)))
    assert "run 3 of 3 times" in lost(seen(end=""))
    assert lost(seen(counts=COUNTS * 2)) == "2 of 3 runs were counted"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("total 470", "total 471", "the counts do not add up to their own total"),
        ("count receiver user 40 main\n", "", "the counts do not add up to their own total"),
        ("faults 0", "fault too many tasks\nfaults 1", "not understood: too many tasks"),
        ("faults 0\n", "", "not understood: not told"),
        ("count receiver user 20", "count receiver cellar 20", "cannot be read: layer cellar"),
        ("event halts 0\n", "", "the counts cannot be read"),
        ("total 470\n", "", "the counts come to no end"),
        ("section getpid 1 10", "section getpid 1", "the counts cannot be read"),
        ("spent receiver syscall 300", "spent receiver syscall 299", "of getpid cost does not add"),
        ("node 7 6", "node 7 5000", "the call of net_rx_action has no caller"),
    ],
)
def test_counts_that_prove_nothing_are_lost(old: str, new: str, why: str) -> None:
    assert old in COUNTS
    assert why in lost(seen(counts=COUNTS * 2 + COUNTS.replace(old, new)))


@pytest.mark.parametrize(
    ("ticks", "halts", "good"),
    [
        (470, 0, True),
        (466, 0, True),  # four exceptions: what each interrupted was begun twice
        (465, 0, False),
        (470 + 256, 0, True),
        (470 + 257, 0, False),
        (10**9, 1, True),  # nobody had anything to do, so the clock went on
        (465, 1, False),
    ],
)
def test_the_counts_are_the_clock_s(ticks: int, halts: int, good: bool) -> None:
    counts = COUNTS.replace("halts 0", f"halts {halts}")
    runs = [GOOD.format(n).replace("470", str(ticks)) for n in range(3)]
    if good:
        sections.measured(ITEM, seen(*runs, counts=counts * 3))
    else:
        assert "not what the guest's clock says" in lost(seen(*runs, counts=counts * 3))


def test_a_kernel_that_complains_has_measured_nothing() -> None:
    console = (
        "[    9.000000] ------------[ cut here ]------------\n"
        "[    9.000001] WARNING: CPU: 0 PID: 7 at kernel/sys.c:12 f+0x1/0x2\n"
    )
    assert "the kernel complained" in lost(seen(console=console))


def section(cost_of: int, *, passes: int = 1, operations: int = 10, wrong: str = "") -> Section:
    row = Row("syscall", "f", cost_of)
    called = Call(-1, "program", cost_of)
    return Section("a", passes, operations, (row,), (called,), wrong)


def test_a_section_is_lost_where_its_marks_are_wrong_or_its_work_is_not_the_same() -> None:
    good = section(100)
    assert sections.wrong_with("a", (good, section(1, wrong="it is begun within b"))) == (
        "it is begun within b"
    )
    assert "another number of operations each time (10 and 11)" in sections.wrong_with(
        "a", (good, section(100, operations=11))
    )
    assert sections.wrong_with("a", (good, section(300))) == ""


def test_the_median_run_counts() -> None:
    assert sections.typical((section(300), section(100), section(200))).cost == 200
    found = cost.of_sections("a", [section(300), section(100), section(200)])
    assert (found.unit, found.units, found.costs) == ("operation", 10, (300, 100, 200))
    assert (found.functions, found.columns["syscall"]) == ({"f": 200}, 200)
    assert found.calls == (Call(-1, "program", 200),)
    told = cost.of_sections("a", [section(300, operations=0, passes=3)])
    assert (told.unit, told.units, told.per_unit) == ("pass", 3, 100.0)
