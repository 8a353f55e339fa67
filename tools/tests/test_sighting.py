# SPDX-License-Identifier: GPL-2.0
"""What a kept baseline tells of what is sought: only what is good for sure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import Baseline, Case, EventKind, KernelEvent, ProgramResult, Status
from kseries.results import klog
from kseries.results.bisection import Seen, Sought
from kseries.results.sighting import NOT_THERE, is_complaint, is_told, on_base

P, S, X, F = Status.PASS, Status.SKIP, Status.XFAIL, Status.FAIL
M, E, T, C = Status.MISSING, Status.ERROR, Status.TIMEOUT, Status.CRASH

WARN = KernelEvent(
    EventKind.WARN,
    "WARNING: at net/core.c:12 net_poll",
    "net_poll",
    3,
    ("[ cut here ]", "WARNING: CPU: 0 PID: 7 at net/core.c:12 net_poll+0x1/0x2", "[ end trace ]"),
    "net/ping: a",
)
CASE_A = Sought(test="ping: a", program="net/ping", case="a")
PROGRAM = Sought(test="ping", program="net/ping")
LINE = Sought(log="net_poll")


def program(*cases: Case, name: str = "ping", status: Status | None = None) -> ProgramResult:
    bad = [case.status for case in cases if not case.status.good]
    return ProgramResult("net", name, status or (bad or [P])[0], 0, 1.0, cases)


def baseline(*programs: ProgramResult, not_run: tuple[str, ...] = ()) -> Baseline:
    return Baseline("b" * 40, (), "run", "now", programs, (), not_run)


def told(sought: Sought, base: Baseline) -> Seen | None:
    sighting = on_base(sought, base)
    return sighting[0] if sighting else None


A, B = Case("a", P), Case("b", P)


@pytest.mark.parametrize(
    ("of_a", "of_b", "of_program", "seen"),
    [
        (P, P, None, Seen.GOOD),
        (X, P, None, Seen.GOOD),
        # Another case is bad: that says nothing of this one.
        (P, F, None, Seen.GOOD),
        (S, P, None, None),
        (F, P, None, None),
        (M, P, None, None),
        # What passed in a program of which nobody knows what it did.
        (P, P, E, None),
        (P, C, C, None),
        (P, T, T, None),
    ],
)
def test_a_case_that_passed_on_the_base_is_good_and_all_else_is_in_doubt(
    of_a: Status, of_b: Status, of_program: Status | None, seen: Seen | None
) -> None:
    cases = (Case("a", of_a), Case("b", of_b))
    assert told(CASE_A, baseline(program(*cases, status=of_program))) is seen


def test_what_comes_and_goes_on_the_base_is_in_doubt() -> None:
    flaky = program(Case("a", F, again=(P, P)), B)
    assert told(CASE_A, baseline(flaky)) is None
    assert told(PROGRAM, baseline(flaky)) is None


@pytest.mark.parametrize(
    ("status", "seen"),
    [(P, Seen.GOOD), (X, Seen.GOOD), (S, None), (F, None), (M, None), (E, None), (C, None)],
)
def test_a_program_as_a_whole(status: Status, seen: Seen | None) -> None:
    assert told(PROGRAM, baseline(program(A, status=status))) is seen


def test_a_test_that_is_not_on_the_base() -> None:
    assert on_base(CASE_A, baseline(program(A, name="pong"))) == (Seen.ABSENT, NOT_THERE)
    assert told(CASE_A, baseline(program(B))) is Seen.ABSENT
    # It may be hidden by what went wrong, or by a program that gave up.
    for status in (S, F, E, T, C):
        assert told(CASE_A, baseline(program(B, status=status))) is None
    # One that speaks by its exit status alone tells nothing of cases.
    assert told(CASE_A, baseline(program(Case("ping", P)))) is None


def test_a_program_that_did_not_run_on_the_base_tells_nothing() -> None:
    base = baseline(program(A, name="pong"), not_run=("net/ping",))
    assert not is_told(CASE_A, base)
    assert not is_told(replace(LINE, program="net/ping"), base)
    assert is_told(replace(LINE, program="net/pong"), base)
    # Any of them could have shown the line, but for one that comes at boot.
    assert not is_told(LINE, base)
    assert is_told(replace(LINE, at_boot=True), base)
    assert not is_told(replace(LINE, at_boot=True), baseline(not_run=("net/ping",)))
    assert is_told(LINE, baseline(program(A)))
    assert is_told(CASE_A, baseline())


def test_a_complaint_that_the_base_has_not() -> None:
    clean = baseline(program(A))
    for sought in (LINE, replace(LINE, program="net/ping"), replace(LINE, at_boot=True)):
        assert told(sought, clean) is Seen.GOOD
    assert told(replace(LINE, program="net/pong"), clean) is Seen.ABSENT
    assert told(LINE, baseline()) is Seen.ABSENT
    # A kernel that died had no time to complain.
    assert told(LINE, baseline(program(A, status=C))) is None


def test_a_complaint_that_the_base_may_have() -> None:
    base = replace(baseline(program(A)), events=(WARN,))
    assert told(LINE, base) is None
    assert told(Sought(log="end trace"), base) is None
    assert told(Sought(log=WARN.title), base) is None
    assert told(Sought(log="net_send"), base) is Seen.GOOD
    # So many that not all were kept.
    flood = replace(base, events=(WARN,) * klog.MAX_EVENTS)
    assert told(Sought(log="net_send"), flood) is None


def test_a_line_is_a_complaint_where_the_kernel_says_it_in_complaints_alone() -> None:
    splat = [f"[    9.00000{n}] {line}" for n, line in enumerate(WARN.lines)]
    boot = "[    1.000000] net: up"
    assert is_complaint(LINE, [WARN], [boot, *splat])
    assert is_complaint(Sought(log=splat[1]), [WARN], splat)
    # A baseline keeps no other lines of the log: there it could be one of those.
    assert not is_complaint(LINE, [WARN], ["[    1.000000] net_poll is ready", *splat])
    assert not is_complaint(Sought(log="net: up"), [WARN], [boot, *splat])
    assert not is_complaint(LINE, [], [boot])
