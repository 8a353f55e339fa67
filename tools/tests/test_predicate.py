# SPDX-License-Identifier: GPL-2.0
"""What is sought: found among tests, seen in what a run left, told by a kept baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.bisect.predicate import (
    MAX_NAMED,
    NOT_THERE,
    chosen,
    find_line,
    find_test,
    is_complaint,
    is_told,
    on_base,
    seen,
)
from kseries.lib.errors import UserError
from kseries.model import (
    Baseline,
    Case,
    EventKind,
    KernelEvent,
    ProgramResult,
    RunResult,
    Status,
    TestOutcome,
    TestProgram,
)
from kseries.parse import klog
from kseries.verdict.bisection import Seen, Sought

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
    flaky = program(Case("a", F, reruns=(P, P)), B)
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


# ---- what is meant


def planned(name: str, *cases: str, suite: str = "net") -> TestProgram:
    return TestProgram(suite, name, (f"./{name}",), "net", 1.0, cases)


PLANNED = (planned("ping", "v4", "v6"), planned("ring", "a.full", "a.wraps"), planned("own.py"))


@pytest.mark.parametrize(
    ("asked", "program", "case"),
    [
        ("net/ping", "net/ping", ""),
        ("net/ping: v4", "net/ping", "v4"),
        ("v6", "net/ping", "v6"),
        ("ring", "net/ring", ""),  # as a name, though it is a part of others
        ("wraps", "net/ring", "a.wraps"),
        # What nobody but the program knows is taken as it is.
        ("own.py: x", "net/own.py", "x"),
        ("net/own.py: x: y", "net/own.py", "x: y"),
        ("own.py", "net/own.py", ""),
    ],
)
def test_the_test_that_is_meant(asked: str, program: str, case: str) -> None:
    found = find_test(Sought(test=asked), PLANNED)
    assert (found.program, found.case) == (program, case)


def test_a_part_of_many_names_is_none() -> None:
    many = (planned("ping", *(f"case_{n}" for n in range(MAX_NAMED + 2))),)
    with pytest.raises(UserError) as caught:
        find_test(Sought(test="case_"), many)
    assert caught.value.what == f"'case_' is a part of the names of {MAX_NAMED + 2} tests."
    assert caught.value.where.endswith("net/ping: case_4 and 2 more")
    some = (planned("ping", *(f"case_{n}" for n in range(MAX_NAMED))),)
    with pytest.raises(UserError) as caught:
        find_test(Sought(test="case_"), some)
    assert caught.value.where.endswith("net/ping: case_4")


def test_a_test_that_is_nowhere() -> None:
    for asked in ("net/pong", "own.py: ", "ping: v9"):
        with pytest.raises(UserError) as caught:
            find_test(Sought(test=asked), PLANNED)
        assert "there is no test" in caught.value.what
    with pytest.raises(UserError, match="there is no test") as caught:
        find_test(Sought(test="net/pimg"), PLANNED)
    assert caught.value.do.startswith("take for example: net/ping;")
    with pytest.raises(UserError) as caught:
        find_test(Sought(test="???"), PLANNED)
    assert caught.value.do.startswith("take for example: net/ping; net/ring")
    with pytest.raises(UserError) as caught:
        find_test(Sought(test="x"), ())
    assert caught.value.do == "give the stack a suite"


def test_what_ran_when_the_kernel_said_it(passing_run: RunResult) -> None:
    def found(*during: str, log: str = "net_poll") -> Sought:
        events = tuple(replace(WARN, during=each) for each in during)
        return find_line(Sought(log=log), replace(passing_run, events=events))

    assert found("net/ping: a").program == "net/ping"
    assert found("net/pong", "net/ping").program == "net/pong"
    at_boot = found("boot")
    assert (at_boot.program, at_boot.at_boot) == ("", True)
    at_end = found("shutdown")
    assert (at_end.program, at_end.at_boot) == ("", False)
    assert found("net/ping", log="something else") == Sought(log="something else")


# ---- what was seen


def test_which_programs_show_it() -> None:
    ping, ring, own = PLANNED
    assert chosen(Sought(program="net/ping"), PLANNED) == (ping,)
    assert chosen(Sought(program="net/ping", case="v4"), PLANNED) == (ping,)
    assert chosen(Sought(program="net/ping", case="v9"), PLANNED) == ()
    assert chosen(Sought(program="net/own.py", case="any"), PLANNED) == (own,)
    assert chosen(Sought(program="net/gone"), PLANNED) == ()
    assert chosen(Sought(log="x"), PLANNED) == (ping, ring, own)
    assert chosen(Sought(log="x", at_boot=True), PLANNED) == (ping,)


def shown(sought: Sought, *programs: ProgramResult, log: str = "") -> tuple[Seen, str]:
    events = (WARN,) if log == "event" else ()
    return seen(sought, TestOutcome(programs, events, {}, ("it died",)), log.splitlines())


def test_what_a_run_shows() -> None:
    never = ProgramResult("net", "ping", M, None, 0.0)
    assert shown(CASE_A, never) == (Seen.NO_BOOT, "it died")
    assert shown(CASE_A, program(A, B)) == (Seen.GOOD, "pass")
    assert shown(CASE_A, program(Case("a", S, "no"), B)) == (Seen.SKIPPED, "skip: no")
    assert shown(CASE_A, program(Case("a", F, "no"), B)) == (Seen.BAD, "fail: no")
    assert shown(CASE_A, program(B)) == (Seen.ABSENT, "net/ping has no such case")
    crashed = replace(program(B, status=C), problems=("the kernel died",))
    assert shown(CASE_A, crashed) == (Seen.BAD, "the kernel died")
    assert shown(CASE_A, program(B, status=T)) == (Seen.BAD, "timeout")
    assert shown(CASE_A, program(B, status=F)) == (Seen.ABSENT, "net/ping has no such case")


def test_a_complaint_makes_a_case_bad_where_it_is_that_case() -> None:
    told = "the kernel log says WARNING: at net/core.c:12 net_poll, while a ran"
    assert shown(CASE_A, program(A, B), log="event") == (Seen.BAD, told)
    assert shown(replace(CASE_A, case="b"), program(A, B), log="event") == (Seen.GOOD, "pass")
    # A program of one case cannot have meant another.
    assert shown(replace(CASE_A, case="b"), program(B), log="event") == (Seen.BAD, told)


def test_what_a_program_shows() -> None:
    assert shown(PROGRAM, program(A)) == (Seen.GOOD, "pass")
    assert shown(PROGRAM, program(A, status=X)) == (Seen.GOOD, "xfail")
    assert shown(PROGRAM, program(A, status=S)) == (Seen.SKIPPED, "skip")
    assert shown(PROGRAM, program(A, Case("b", F))) == (Seen.BAD, "fail: b")
    died = replace(program(A, status=E), problems=("it was ended by SIGSEGV",))
    assert shown(PROGRAM, died) == (Seen.BAD, "error: it was ended by SIGSEGV")
    both = replace(program(Case("b", F)), problems=("more",))
    assert shown(PROGRAM, both) == (Seen.BAD, "fail: b")


def test_a_line_of_the_log() -> None:
    assert shown(LINE, program(A), log="event")[0] is Seen.BAD
    assert shown(LINE, program(A), log="[    1.000000] net_poll is up") == (
        Seen.BAD,
        "net_poll is up",
    )
    assert shown(LINE, program(A), log="x") == (Seen.GOOD, "not in the kernel log")
    # It was said before the kernel died: that counts.
    never = ProgramResult("net", "ping", M, None, 0.0)
    assert shown(LINE, never, log="net_poll")[0] is Seen.BAD
    assert shown(LINE, never)[0] is Seen.NO_BOOT


def test_a_line_is_sought_as_it_was_said() -> None:
    """Numbers that change are passed over, and what is no regular expression is a line."""
    said = "WARNING: CPU: 1 PID: 99 at net/core.c:99 net_poll+0x5/0x6"
    assert shown(Sought(log=said), program(A), log="event")[0] is Seen.BAD
    assert shown(Sought(log="net: (up"), program(A), log="net: (up")[0] is Seen.BAD
    assert shown(Sought(log="net: (up"), program(A), log="net: down")[0] is Seen.GOOD
    assert shown(Sought(log="p.ll"), program(A), log="net_poll")[0] is Seen.BAD
