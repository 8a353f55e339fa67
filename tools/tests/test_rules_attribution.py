# SPDX-License-Identifier: GPL-2.0
"""What a complaint of the kernel is charged to, and what the host has noted beside it."""

from __future__ import annotations

import pytest

from kseries.model import EventKind, KernelEvent
from kseries.parse import attribution
from kseries.parse.attribution import IMITATED, Death
from kseries.parse.marks import Marks
from kseries.parse.running import Span

MARKS = Marks(bytes(32))
START, END = MARKS.line("start", "net/a"), MARKS.line("end", "net/a")
BUG, PANIC = "BUG: bad", "Kernel panic - not syncing: gone"


def timed(*lines: str) -> list[tuple[float, str]]:
    """Give each line the number of seconds that it has as its index."""
    return [(float(at), line) for at, line in enumerate(lines)]


def told(*lines: str, first: int = 0) -> list[tuple[str, str, str, int]]:
    """Give kind, title, what was going on, and line of each event."""
    events = attribution.events(timed(*lines), MARKS, {}, first=first)
    return [(event.kind.value, event.title, event.during, event.line) for event in events]


def test_the_host_notes_what_other_witnesses_saw() -> None:
    taint, hidden = MARKS.line("taint", "a module was forced"), MARKS.line("hidden", "no answer")
    assert told(START, "up", taint, END, hidden) == [
        (EventKind.TAINT, "a module was forced", "net/a", 3),
        (EventKind.HIDDEN, "no answer", "net/a", 5),
    ]
    assert told(START, taint, BUG, hidden) == [
        (EventKind.TAINT, "a module was forced", "net/a", 2),
        ("BUG", BUG, "net/a", 3),
        (EventKind.HIDDEN, "no answer", "net/a", 4),
    ]
    # Of a program, not of a case.
    spans = {"net/a": [Span("one", 0.0, 9.0)]}
    (event,) = attribution.events(timed(START, taint), MARKS, spans)
    assert (event.during, event.lines) == ("net/a", (taint,))


def test_each_program_that_imitates_a_mark_is_told_once() -> None:
    other = MARKS.line("start", "net/b")
    false = "kseries: end net/a"
    assert told(START, false, false, START, other, false, "see kseries: end") == [
        (EventKind.HIDDEN, IMITATED, "net/a", 2),
        # It came a second time, so it was copied.
        (EventKind.HIDDEN, IMITATED, "net/b", 6),
    ]


def test_of_earlier_lines_nothing_is_told_again() -> None:
    taint = MARKS.line("taint", "a module was forced")
    lines = (START, BUG, taint, BUG, taint)
    assert [line for *_, line in told(*lines, first=3)] == [4, 5]
    assert told(*lines, first=3)[0] == ("BUG", BUG, "net/a", 4)
    assert told("up", "up", START, BUG, first=2) == [("BUG", BUG, "net/a", 4)]


def test_when_a_machine_goes_down_nothing_runs() -> None:
    lines = timed(START, BUG, f"{BUG} 2")
    events = attribution.events(lines, MARKS, {"net/a": [Span("one", 0.0, 9.0)]}, closed=2.0)
    assert [event.during for event in events] == ["net/a: one", "shutdown"]


STALLS = {
    "rcu: INFO: rcu_preempt self-detected stall on CPU": EventKind.RCU_STALL,
    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [a:12]": EventKind.LOCKUP,
    "INFO: task a:12 blocked for more than 122 seconds.": EventKind.HUNG_TASK,
}


@pytest.mark.parametrize("stall", [*STALLS, BUG])
def test_the_host_that_let_a_machine_wait_makes_it_complain_of_stalls(stall: str) -> None:
    starved = MARKS.line("starved", "from line 3: it had 4 % of a processor")
    left_out = stall in STALLS
    # The stall on the third line, up to the note, and no other.
    for at, inside in ((1, False), (2, True), (3, True), (5, False)):
        lines = ["up", "up", "up", "up", starved, "up", "up"]
        lines.insert(at, stall)
        if at < 5:
            assert len(told(*lines)) == (not (inside and left_out)), at
        else:
            assert len(told(*lines)) == 1
    for note in (
        MARKS.line("starved", "since line 1: x"),
        MARKS.line("starved", "see from line 1: x"),
        MARKS.line("close", "from line 1: x"),
        starved.replace("4 %", "5 %"),
    ):
        stalls = [event for event in told("up", stall, note) if event[1] != IMITATED]
        assert len(stalls) == 1


def test_where_a_kernel_begins_nothing_runs() -> None:
    for line, owner in (
        ("Linux version 6.12.117", "boot"),
        ("[    0.000000] Linux version 7", "boot"),
        ("Linux version x", "net/a"),
        ("this is Linux version 6", "net/a"),
        ("Linux 6", "net/a"),
    ):
        assert told(START, line, BUG)[0][2] == owner
    assert told(START, END, BUG)[0][2] == "net/a"
    # A mark of an end tells of what it belongs to, too.
    assert told(END, BUG)[0][2] == "net/a"


def test_a_case_ran_from_its_first_moment_to_its_last() -> None:
    spans = {"net/a": [Span("one", 1.0, 2.0), Span("two", 4.0, 5.0)]}
    lines = timed(START, BUG, f"{BUG} 2", f"{BUG} 3", f"{BUG} 4")
    events = attribution.events(lines, MARKS, spans)
    cases = ["net/a: one", "net/a: one", "net/a", "net/a: two"]
    assert [event.during for event in events] == cases


def charged(deaths: list[Death], *lines: tuple[float, str, str]) -> list[str]:
    """Give what is charged of complaints, of which each is (time, message, what was going on)."""
    events = [
        KernelEvent(
            EventKind.PANIC if text == PANIC else EventKind.OOPS, text, "", at + 1, (), during
        )
        for at, (_, text, during) in enumerate(lines)
    ]
    log = [(time, text) for time, text, _ in lines]
    return [event.during for event in attribution.charge_death(events, log, deaths)]


def test_a_panic_is_charged_with_what_came_in_the_second_before() -> None:
    lines = (
        (7.9, "Oops: a", "net/a: one"),
        (8.0, "Oops: b", "net/a: one"),
        (8.5, "Oops: c", "net/b: one"),
        (9.0, PANIC, "net/a: one"),
        (9.1, "Oops: d", "net/a: one"),
    )
    assert charged([Death("net/a", 9, "two")], *lines) == [
        "net/a: one", "net/a: two", "net/b: one", "net/a: two", "net/a: one",
    ]  # fmt: skip
    # Without a panic, or a death of that program from there on, all stays as it is.
    as_it_is = [during for *_, during in lines]
    for deaths in ([], [Death("net/a", 3, "two")], [Death("net/b", 9, "two")]):
        assert charged(deaths, *lines) == as_it_is
    assert charged([Death("net/a", 9, "two")], *lines[:3]) == as_it_is[:3]
    assert charged([Death("net/a", 4, "two")], *lines)[3] == "net/a: two"


def test_what_came_long_before_a_panic_is_not_charged_with_it() -> None:
    lines = ((5.0, "Oops: a", "net/a"), (5.5, "Oops: b", "net/a"), (9.0, PANIC, "net/a"))
    assert charged([Death("net/a", 9, "two")], *lines) == ["net/a", "net/a", "net/a: two"]


def test_the_first_death_from_there_on_counts() -> None:
    deaths = [Death("net/b", 9, "no"), Death("net/a", 1, "two"), Death("net/a", 2, "three")]
    lines = ((1.0, PANIC, "net/a"), (9.0, PANIC, "net/a"))
    assert charged(deaths, *lines) == ["net/a: two", "net/a: three"]


def test_lines_belong_to_what_runs() -> None:
    note, starved = MARKS.line("taint", "x"), MARKS.line("starved", "from line 1: x")
    lines = timed("up", START, "a", note, starved, END, "b")
    assert attribution.lines_of(lines, MARKS) == {"boot": ["up"], "net/a": ["a", note, "b"]}
