# SPDX-License-Identifier: GPL-2.0
"""Rules of what a run or a baseline shows of what is sought."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import Baseline, Case, ProgramResult, Status, TestOutcome
from kseries.results.bisection import Seen, Sought
from kseries.results.sighting import on_base, seen

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
