# SPDX-License-Identifier: GPL-2.0
"""Rules of what a run or a baseline shows of what is sought."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.bisect.predicate import chosen, find_test, is_complaint, on_base, seen
from kseries.lib.errors import UserError
from kseries.model import (
    Baseline,
    Case,
    EventKind,
    KernelEvent,
    ProgramResult,
    Status,
    TestOutcome,
    TestProgram,
)
from kseries.verdict.bisection import Seen, Sought

P, F = Status.PASS, Status.FAIL
UNJUDGED = (Status.MISSING, Status.ERROR, Status.TIMEOUT, Status.CRASH)

PING = ProgramResult("net", "ping", P, 0, 1.0, (Case("a", P),))
CASE = Sought("b", program="net/ping", case="b")
LINE = Sought(log="at a.c: f")


def shown(sought: Sought, program: ProgramResult, *lines: str) -> Seen:
    return seen(sought, TestOutcome((program,), (), {}), lines)[0]


@pytest.mark.parametrize("status", UNJUDGED)
def test_a_case_that_a_program_did_not_come_to_is_bad(status: Status) -> None:
    ended = replace(PING, status=status)
    assert shown(CASE, ended) is Seen.BAD
    # Where it came to its end, there is no such case.
    for judged in (P, F):
        assert shown(CASE, replace(PING, status=judged)) is Seen.ABSENT


@pytest.mark.parametrize("status", UNJUDGED)
def test_a_baseline_that_did_not_come_to_its_end_does_not_tell_of_a_line(status: Status) -> None:
    base = Baseline("b" * 40, (), "run", "now", (PING,), (), ())
    told = on_base(LINE, base)
    assert told is not None
    assert told[0] is Seen.GOOD
    ended = replace(PING, name="pong", status=status)
    assert on_base(LINE, replace(base, programs=(PING, ended))) is None
    assert on_base(LINE, replace(base, programs=(PING, replace(ended, status=F)))) is not None


def test_of_a_line_its_number_does_not_count_and_all_else_does() -> None:
    for line in ("at a.c:7: f", "at a.c: f"):
        assert shown(LINE, PING, line) is Seen.BAD
    assert shown(LINE, PING, "at a.c f") is Seen.GOOD


# ---- what is meant


def planned(name: str, *cases: str) -> TestProgram:
    return TestProgram("net", name, (f"./{name}",), "net", 9.0, cases=cases)


@pytest.mark.parametrize(
    ("asked", "program", "case"),
    [
        ("ping: a", "net/ping", "a"),
        ("net/sub/pong: any", "net/sub/pong", "any"),
        ("sub/pong: any", "net/sub/pong", "any"),
    ],
)
def test_a_case_is_named_behind_its_program(asked: str, program: str, case: str) -> None:
    programs = (planned("ping", "a", "b"), planned("sub/pong"))
    found = find_test(Sought(asked), programs)
    assert (found.program, found.case) == (program, case)


def test_what_is_unclear_says_what_to_do() -> None:
    programs = tuple(planned(f"ring-{number}") for number in range(7))
    with pytest.raises(UserError) as caught:
        find_test(Sought("ring"), programs)
    assert caught.value.do == "name one of them"
    with pytest.raises(UserError) as caught:
        find_test(Sought("net/ring_6"), programs)
    assert caught.value.do.startswith("take for example: net/ring-6; ")
    with pytest.raises(UserError) as caught:
        find_test(Sought("xyz"), programs)
    five = "; ".join(f"net/ring-{number}" for number in range(5))
    assert caught.value.do == f"take for example: {five}"


# ---- what was seen


def test_a_line_that_is_in_no_complaint_is_none() -> None:
    def warning(*lines: str) -> KernelEvent:
        return KernelEvent(EventKind.WARN, "WARNING: at b.c:1 g", "g", 3, lines, "net/ping")

    assert not is_complaint(LINE, (warning("g+0x1"),), ())
    assert is_complaint(LINE, (warning("at a.c:7: f"),), ("at a.c:7: f", "other"))
    # Nor is one that is said beside it, if only in another complaint.
    beside = (warning("at a.c:7: f"), warning("at a.c:9: g"))
    assert not is_complaint(LINE, beside, ("at a.c:8: f",))


def test_of_a_program_its_first_bad_case_is_told_with_all_above_it() -> None:
    case = Case("sub", F, children=(Case("x", P), Case("y", F), Case("z", F)))
    bad = replace(PING, status=F, cases=(case,), problems=("more",))
    whole = Sought("ping", program="net/ping")
    assert seen(whole, TestOutcome((bad,), (), {}), ()) == (Seen.BAD, "fail: sub: y")
    bad = replace(bad, cases=(), problems=("why", "more"))
    assert seen(whole, TestOutcome((bad,), (), {}), ()) == (Seen.BAD, "fail: why")


def test_a_line_without_words_is_not_everywhere() -> None:
    stamp = Sought(log="[    9.000000] ")
    assert shown(stamp, PING, "x") is Seen.GOOD


def test_a_line_may_come_with_any_test() -> None:
    programs = (planned("ping"), planned("pong"))
    assert chosen(LINE, programs) == programs
    assert chosen(replace(LINE, at_boot=True), programs) == programs[:1]


def test_what_is_sought_is_named_as_it_was_found() -> None:
    asked = Sought("pi")
    assert str(asked) == "pi"
    assert str(replace(asked, program="net/ping")) == "net/ping"
    assert str(replace(asked, program="net/ping", case="a")) == "net/ping: a"
    assert str(replace(LINE, program="net/ping")) == "'at a.c: f' in the kernel log"
