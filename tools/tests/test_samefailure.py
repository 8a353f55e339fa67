# SPDX-License-Identifier: GPL-2.0
"""Which failure is the one that the base shows, too: by both reasons, not by both statuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    Baseline,
    Case,
    Effect,
    EventKind,
    Finding,
    KernelEvent,
    ProgramResult,
    RunResult,
    SourceChanges,
    Status,
    TestEffect,
    TestOutcome,
)
from kseries.parse.outcome import with_events
from kseries.verdict.known_failures import charged, found
from kseries.verdict.regressions import against, stripped
from kseries.verdict.samefailure import assertions

P, F, E, T, C = Status.PASS, Status.FAIL, Status.ERROR, Status.TIMEOUT, Status.CRASH

ASSERTED = "ring.c:112:wraps:Expected -1 (-1) == ret (-22)"


def program(
    *cases: Case, status: Status = F, exit_status: int | None = 1, problems: tuple[str, ...] = ()
) -> ProgramResult:
    return ProgramResult("net", "ping", status, exit_status, 1.0, cases, problems)


def told(
    before: ProgramResult, after: ProgramResult, touched: frozenset[str] = frozenset()
) -> dict[str, TestEffect]:
    now, was = TestOutcome((after,), (), {}), TestOutcome((before,), (), {})
    base = Baseline("b" * 40, (), "run", "now", stripped(was), (), ())
    found = against(
        now, base, left_out=(), whole=True, kept=False, sources=SourceChanges(touched=touched)
    )
    return {test.test: test for test in found.tests}


def effect(before: ProgramResult, after: ProgramResult, **options: frozenset[str]) -> Effect | None:
    """Give the one effect that there is; it is said of the case or of the program."""
    found = list(told(before, after, **options).values())
    assert len(found) <= 1, found
    return found[0].effect if found else None


def said(reason: str, *diagnostics: str, status: Status = F) -> ProgramResult:
    return program(Case("a", status, reason, diagnostics), status=status)


@pytest.mark.parametrize(
    "other",
    [
        "ring.c:112:wraps:Expected -1 (-1) == ret (-14)",  # another errno
        "ring.c:113:wraps:Expected -1 (-1) == ret (-22)",  # another assertion
        "ring.c:112:full:Expected -1 (-1) == ret (-22)",
        "Check failed 1 != 2",
        "0xffffffea",
        "",
    ],
)
def test_another_reason_is_another_failure(other: str) -> None:
    for one, two in ((ASSERTED, other), (other, ASSERTED)):
        assert effect(said(one), said(two)) is Effect.DIFFERS
        assert effect(said(two), said(two)) is Effect.PRE_EXISTING


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("read at 0xffff888004e804d0", "read at 0xffff888004f104d0"),
        ("pid 311 has not ended after 1.5 s", "pid 97 has not ended after 1.7 s"),
        ("/tmp/ksft.Ab3_x: no such file", "/tmp/ksft.zz81: no such file"),
        ("eni12np1 has no address", "eni3np1 has no address"),
    ],
)
def test_what_differs_from_run_to_run_does_not_count(before: str, after: str) -> None:
    assert effect(said(before), said(after)) is Effect.PRE_EXISTING


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("returned 0xffffffea", "returned 0xfffffff2"),
        ("returned 0xffffffffffffffea", "returned 0xfffffffffffffff2"),
        ("got 4096 packets", "got 4095 packets"),
    ],
)
def test_other_numbers_count(before: str, after: str) -> None:
    assert effect(said(before), said(after)) is Effect.DIFFERS


@pytest.mark.parametrize(
    "line",
    [
        "# ring.c:120:wraps:Expected 0 (0) == ret (-22)",
        "# Check failed 3 != 4",
        "# Exception| OSError: [Errno 14] Bad address",
        "    # EXPECTATION FAILED at lib/ring.c:7",
        "# FAIL: no answer from 10.0.0.2",
    ],
)
def test_a_second_assertion_is_no_part_of_the_first(line: str) -> None:
    first, both = (f"# {ASSERTED}",), (f"# {ASSERTED}", line)
    assert effect(said(ASSERTED, *first), said(ASSERTED, *both)) is Effect.DIFFERS
    assert effect(said(ASSERTED, *both), said(ASSERTED, *both)) is Effect.PRE_EXISTING
    # Less than on the base is the same.
    assert effect(said(ASSERTED, *both), said(ASSERTED, *first)) is Effect.PRE_EXISTING
    # What is no assertion tells nothing apart.
    noise = (*first, "# sent 4711 packets")
    assert effect(said(ASSERTED, *first), said(ASSERTED, *noise)) is Effect.PRE_EXISTING


def test_lines_of_a_test_that_the_series_changes_do_not_count() -> None:
    moved = ASSERTED.replace(":112:", ":140:")
    touched = frozenset({"net/ping"})
    assert effect(said(ASSERTED), said(moved), touched=touched) is Effect.PRE_EXISTING
    other = moved.replace("-22", "-14")
    assert effect(said(ASSERTED), said(other), touched=touched) is Effect.DIFFERS
    python = "Check failed at ping.py, line 52"
    assert effect(said(python), said(python.replace("52", "54"))) is Effect.DIFFERS
    assert (
        effect(said(python), said(python.replace("52", "54")), touched=touched)
        is Effect.PRE_EXISTING
    )


def test_another_exit_status() -> None:
    a = Case("a", F, "x")
    found = told(program(a), program(a, exit_status=2))
    assert {name: test.effect for name, test in found.items()} == {
        "net/ping": Effect.DIFFERS,
        "net/ping: a": Effect.PRE_EXISTING,
    }


def test_an_exit_status_may_count_the_cases() -> None:
    a, b = Case("a", F, "x"), Case("b", F, "x")
    good = Case("b", P)
    found = told(program(a, b, exit_status=2), program(a, good, exit_status=1))
    assert {name: test.effect for name, test in found.items()} == {
        "net/ping: a": Effect.PRE_EXISTING,
        "net/ping: b": Effect.FIXED,
    }


def test_a_signal_instead_of_another_one() -> None:
    def ended(status: int, by: str) -> ProgramResult:
        return program(Case("a", P), status=E, exit_status=status, problems=(by,))

    segv, abrt = ended(139, "it was ended by SIGSEGV"), ended(134, "it was ended by SIGABRT")
    assert effect(segv, segv) is Effect.PRE_EXISTING
    assert effect(segv, abrt) is Effect.DIFFERS


def test_a_new_problem_behind_an_old_failure() -> None:
    old = program(Case("a", F, "x"))
    bails = replace(old, problems=("Bail out! no memory",))
    found = told(old, bails)
    assert found["net/ping"].effect is Effect.DIFFERS
    assert found["net/ping"].why_after == "Bail out! no memory, exit status 1"
    for now in (old, bails):
        assert {test.effect for test in told(bails, now).values()} == {Effect.PRE_EXISTING}


def test_another_way_to_die() -> None:
    def died(how: str) -> ProgramResult:
        case = Case("a", C, "it was running then")
        problem = f"the kernel died (while a ran): {how}"
        return program(case, status=C, exit_status=None, problems=(problem,))

    fatal, stack = died("Fatal exception"), died("stack-protector: Kernel stack is corrupted")
    assert effect(fatal, fatal) is Effect.PRE_EXISTING
    assert effect(fatal, stack) is Effect.DIFFERS


def test_both_reasons_are_kept() -> None:
    (same,) = told(said(ASSERTED), said(ASSERTED)).values()
    assert (same.why_before, same.why_after) == (ASSERTED, ASSERTED)
    (other,) = told(said(ASSERTED), said("Check failed")).values()
    assert (other.before, other.after) == ("fail", "fail")
    assert (other.why_before, other.why_after) == (ASSERTED, "Check failed")


def test_what_is_told_of_a_failure() -> None:
    both = said(ASSERTED, f"# {ASSERTED}", "# Check failed 1 != 2")
    (test,) = told(both, both).values()
    assert (test.why_before, test.why_after) == (ASSERTED, ASSERTED)
    flaky = program(Case("a", F, "x", reruns=(P,)))
    (test,) = told(flaky, flaky).values()
    assert test.why_after == "x, flaky"
    missing = said("planned, no result seen", status=Status.MISSING)
    (test,) = told(missing, missing).values()
    assert (test.effect, test.why_after) == (Effect.PRE_EXISTING, "")
    skipped = program(Case("a", Status.SKIP, "no device"), status=Status.SKIP, exit_status=4)
    (test,) = told(program(Case("a", P), status=P, exit_status=0), skipped).values()
    assert (test.effect, test.why_after) == (Effect.SKIPPED, "no device")


def test_the_assertions_of_a_case_are_bounded() -> None:
    lines = tuple(f"# Check failed {number} != 0" for number in range(51))
    case = Case("a", F, "x", lines)
    assert assertions(case) == tuple(line[2:] for line in lines[:50])
    # What was passed over on the base is passed over now.
    assert effect(program(case), program(case)) is Effect.PRE_EXISTING
    assert assertions(replace(case, status=P)) == ()


# ---- what counts of it


def left(before: ProgramResult, after: ProgramResult) -> ProgramResult:
    """Give what counts of a program."""
    was = TestOutcome((before,), (), {})
    base = Baseline("b" * 40, (), "run", "now", stripped(was), (), ())
    now = TestOutcome((after,), (), {})
    seen = against(now, base, left_out=(), whole=True, kept=False)
    return charged(now.programs, (), seen).programs[0]


def test_a_signal_is_not_excused_by_an_old_failure_of_a_case() -> None:
    old = program(Case("a", F, "x"), Case("b", P))
    died = replace(old, exit_status=139, problems=("it was ended by SIGSEGV",))
    counts = left(old, died)
    assert counts.status is F
    assert [case.status for case in counts.cases] == [Status.XFAIL, P]
    assert counts.problems[0].startswith("it was ended by SIGSEGV")


def test_a_problem_is_told_once_with_that_of_the_base() -> None:
    segv = program(Case("a", P), status=E, exit_status=139, problems=("by SIGSEGV",))
    abrt = replace(segv, exit_status=134, problems=("by SIGABRT",))
    assert left(segv, abrt).problems == (
        "by SIGABRT, exit status 134; on the base error: by SIGSEGV, exit status 139",
    )


def test_a_skip_counts_where_the_test_was_good_and_is_changed() -> None:
    skipped = program(Case("a", Status.SKIP, "no"), status=Status.SKIP, exit_status=4)
    good, bad = program(Case("a", P), status=P, exit_status=0), program(Case("a", F, "x"))
    touched = frozenset({"net/ping"})
    assert effect(good, skipped, touched=touched) is Effect.UNREACHED
    assert effect(good, skipped) is Effect.SKIPPED
    assert effect(bad, skipped, touched=touched) is Effect.SKIPPED
    assert effect(skipped, skipped, touched=touched) is None


def test_the_same_signal_is_excused() -> None:
    died = program(Case("a", P), status=E, exit_status=139, problems=("ended by SIGSEGV",))
    assert left(died, died).status is Status.XFAIL
    assert left(program(Case("a", P), status=P, exit_status=0), died) == died
    # Beside it a new failure counts for what it is.
    both = replace(died, cases=(Case("b", F, "x"),), exit_status=139, status=F)
    old = replace(both, cases=(Case("b", P),), status=E)
    assert left(old, both).status is F


@pytest.mark.parametrize(
    "now",
    [
        program(Case("a", F, "y")),
        program(Case("a", T, "x"), status=T, exit_status=None),
        program(Case("a", F, "x"), exit_status=2),
        program(Case("a", F, "x"), Case("b", F, "x")),
        program(Case("a", F, "x"), problems=("two plans, for 1 and for 2 tests",)),
    ],
    ids=["reason", "timeout", "exit status", "another case", "problem"],
)
def test_what_is_another_failure_counts(now: ProgramResult) -> None:
    old = program(Case("a", F, "x"))
    assert left(old, old).status is Status.XFAIL
    assert not left(old, now).status.good


def test_what_counts_says_what_the_base_does() -> None:
    counts = left(program(Case("a", F, "x")), program(Case("a", F, "y")))
    assert counts.cases[0].reason == "y; on the base fail: x"
    counts = left(program(Case("a", F, "x")), program(Case("a", F, "x"), exit_status=2))
    assert counts.problems == ("exit status 2; on the base fail: exit status 1",)
    counts = left(program(Case("a", F, "")), program(Case("a", F, "y")))
    assert counts.cases[0].reason == "y; on the base fail"
    counts = left(program(Case("a", F, "x")), program(Case("a", T, ""), status=T))
    assert counts.cases[0].reason == "on the base fail: x"


# ---- complaints


WARN = KernelEvent(
    EventKind.WARN, "WARNING: at a.c:1 f", "f", 3, (), "net/ping: a", fingerprint="0" * 12
)


def test_a_new_complaint_in_a_program_that_has_an_old_one() -> None:
    good = program(Case("a", P), status=P, exit_status=0)
    new = replace(WARN, title="WARNING: at b.c:1 g", where="g", fingerprint="1" * 12)
    old = with_events(good, (WARN,))
    now = with_events(good, (WARN, new))
    base = Baseline("b" * 40, (), "run", "now", stripped(TestOutcome((old,), (), {})), (WARN,), ())
    seen = against(TestOutcome((now,), (WARN, new), {}), base, left_out=(), whole=True, kept=False)
    counts = charged((now,), (WARN, new), seen)
    assert counts.events == (new,)
    assert counts.programs[0].status is F
    assert counts.programs[0].problems == ("the kernel log says WARNING: at b.c:1 g, while a ran",)


FOUND = Finding("0" * 12, EventKind.WARN, WARN.title, "f", 3, 3, ("net/ping: a",), ("f", "main"))


def found_of(run: RunResult, base: tuple[KernelEvent, ...]) -> tuple[Finding, ...]:
    """Give the findings of a run that count against a base with these complaints."""
    before = Baseline("b" * 40, (), "run", "now", run.programs, base, ())
    now = TestOutcome(run.programs, run.events, {})
    seen = against(now, before, left_out=(), whole=True, kept=False)
    return found(replace(run, baseline=seen))


def test_a_new_complaint_is_not_dropped_for_an_old_fingerprint(failing_run: RunResult) -> None:
    """Two complaints of one stack are one finding; the base has the first of them."""
    new = replace(WARN, title="WARNING: at a.c:9 g", where="g", line=70, during="net/pong")
    run = replace(failing_run, events=(WARN, new, new), findings=(FOUND,))
    (finding,) = found_of(run, (WARN,))
    assert (finding.title, finding.line, finding.count) == (new.title, 70, 2)
    assert finding.during == ("net/pong",)
    assert found_of(run, (WARN, new, new)) == ()
    (finding,) = found_of(run, (WARN, new))
    assert finding.count == 1
    assert found_of(run, ()) == (FOUND,)
    # Older documents have no findings of their own.
    (finding,) = found_of(replace(run, findings=()), (WARN,))
    assert (finding.title, finding.count) == (new.title, 2)


def test_fifty_complaints_where_the_base_has_one_count(failing_run: RunResult) -> None:
    run = replace(failing_run, programs=(), suites=(), events=(WARN,) * 50, findings=(FOUND,))
    (finding,) = found_of(run, (WARN,))
    assert finding.count == 49
