# SPDX-License-Identifier: GPL-2.0
"""What a series broke against its base: the cases, the programs, the kernel log, the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    ChangedTest,
    ComplaintCount,
    Effect,
    EventKind,
    KernelEvent,
    ProgramResult,
    RunResult,
    SourceChanges,
    Status,
    TestEffect,
    TestOutcome,
    Verdict,
)
from kseries.parse.outcome import with_events
from kseries.verdict.known_failures import charged, of
from kseries.verdict.regressions import against, by_sources, stripped
from kseries.verdict.verdict import decided

P, S, X, F = Status.PASS, Status.SKIP, Status.XFAIL, Status.FAIL
M, E, T, C = Status.MISSING, Status.ERROR, Status.TIMEOUT, Status.CRASH

WARN = KernelEvent(EventKind.WARN, "WARNING: at net/core/dev.c:100 rx", "rx", 9, (), "net/ping: a")


def program(
    *cases: tuple[str, Status],
    name: str = "ping",
    status: Status | None = None,
    exit_status: int | None = 0,
    flaky: bool = False,
) -> ProgramResult:
    again = (P,) if flaky else ()
    made = tuple(Case(case, told, reruns=again) for case, told in cases)
    bad = [told for _, told in cases if not told.good]
    if bad and exit_status == 0:
        exit_status = 1
    return ProgramResult("net", name, status or (bad or [P])[0], exit_status, 1.0, made)


def outcome(*programs: ProgramResult, events: tuple[KernelEvent, ...] = ()) -> TestOutcome:
    return TestOutcome(programs, events, {})


def baseline(*programs: ProgramResult, events: tuple[KernelEvent, ...] = ()) -> Baseline:
    return Baseline("b" * 40, (), "run", "now", programs, events, ())


def against_base(
    now: TestOutcome, base: Baseline, *, whole: bool = True, kept: bool = False
) -> AgainstBase:
    return against(now, base, left_out=("toys",), whole=whole, kept=kept)


def effects(base: Baseline, now: TestOutcome, *, whole: bool = True) -> dict[str, Effect]:
    found = against_base(now, base, whole=whole)
    return {test.test: test.effect for test in found.tests}


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (P, P, None),
        (P, F, Effect.BROKE),
        (S, F, Effect.BROKE),
        (X, C, Effect.BROKE),
        (F, F, Effect.PRE_EXISTING),
        (C, C, Effect.PRE_EXISTING),
        (T, T, Effect.PRE_EXISTING),
        (M, M, Effect.PRE_EXISTING),
        # Another kind of failure is another failure, be it worse or not.
        (F, C, Effect.DIFFERS),
        (F, T, Effect.DIFFERS),
        (F, M, Effect.DIFFERS),
        (F, E, Effect.DIFFERS),
        (T, C, Effect.DIFFERS),
        (C, M, Effect.DIFFERS),
        (C, F, Effect.DIFFERS),
        (T, F, Effect.DIFFERS),
        # No result on the base excuses nothing.
        (M, F, Effect.DIFFERS),
        (M, P, None),
        (F, P, Effect.FIXED),
        (C, P, Effect.FIXED),
        (F, X, None),
        (P, S, Effect.SKIPPED),
        (F, S, Effect.SKIPPED),
        (S, P, None),
    ],
)
def test_a_case_on_both(before: Status, after: Status, effect: Effect | None) -> None:
    # A second case, so that the program as a whole is no worse than the first makes it.
    found = effects(
        baseline(program(("a", before), ("b", P))), outcome(program(("a", after), ("b", P)))
    )
    assert found == ({"net/ping: a": effect} if effect else {})


def test_a_case_that_is_new() -> None:
    now = outcome(program(("a", P), ("b", P), ("c", F)))
    assert effects(baseline(program(("a", P))), now) == {
        "net/ping: b": Effect.ADDED,
        "net/ping: c": Effect.FAILS,
    }


def test_what_passes_on_the_base_and_is_gone_is_broken() -> None:
    base = baseline(program(("a", P), ("b", P), ("c", S)), program(("x", P), name="pong"))
    now = outcome(program(("a", P)))
    assert effects(base, now) == {"net/ping: b": Effect.BROKE, "net/pong": Effect.BROKE}
    # Where only some tests were asked for, nothing is gone.
    assert effects(base, now, whole=False) == {}


@pytest.mark.parametrize(
    ("test", "base", "whole", "before"),
    [
        # Nothing is known of it, or it passes: it counts.
        ("net/pong", program(("a", P)), True, "planned"),
        ("net/pong", program(("a", P), name="pong"), False, "pass"),
        ("net/pong: a", program(("a", P), name="pong"), False, "pass"),
        ("net/pong: x", program(("a", P), name="pong"), False, "pass"),
        # The base cannot run it either.
        ("net/pong", program(("a", F), name="pong"), True, None),
        ("net/pong", program(("a", S), name="pong", status=S), True, None),
        ("net/pong: a", program(("a", F), ("b", P), name="pong", status=P), False, None),
        # The base itself tells of cases.
        ("net/ping: x", program(("a", P)), True, None),
        ("net/ping: x", program(("a", P)), False, "pass"),
    ],
)
def test_what_the_sources_say_is_removed(
    test: str, base: ProgramResult, whole: bool, before: str | None
) -> None:
    told = SourceChanges(removed=(TestEffect(test, Effect.REMOVED, "planned", why_after="how"),))
    now = outcome(program(("a", P)))
    found = against(now, baseline(base), left_out=(), whole=whole, kept=True, sources=told)
    removed = [one for one in found.tests if one.effect is Effect.REMOVED]
    assert [(one.test, one.before, one.why_after) for one in removed] == (
        [(test, before, "how")] if before else []
    )


def test_what_is_gone_is_told_once() -> None:
    told = SourceChanges(removed=(TestEffect("net/pong", Effect.REMOVED, "planned"),))
    base = baseline(program(("a", P)), program(("a", P), name="pong"))
    now = outcome(program(("a", P)))
    found = against(now, base, left_out=(), whole=True, kept=True, sources=told)
    assert [(one.test, one.effect) for one in found.tests] == [("net/pong", Effect.BROKE)]


def test_a_base_that_was_read_and_not_built() -> None:
    removed = TestEffect("net/pong", Effect.REMOVED, "planned")
    told = SourceChanges("c" * 40, (removed,), (ChangedTest("net/ping", "how"),), unclear=("why",))
    found = by_sources(told, left_out=("toys",))
    assert (found.head, found.left_out, found.by_sources) == ("c" * 40, ("toys",), True)
    assert (found.tests, found.kept, found.events_on_base) == ((removed,), False, ())
    assert found.changed == (ChangedTest("net/ping", "how"), ChangedTest("why", ""))


def test_what_is_removed_or_skipped_by_a_changed_test_is_a_reason(passing_run: RunResult) -> None:
    tests = (
        TestEffect("net/pong", Effect.REMOVED, "planned", why_after="the tree has no pong"),
        TestEffect("net/ping: a", Effect.UNREACHED, "pass", "skip", why_after="no device"),
        TestEffect("net/ping: b", Effect.UNREACHED, "pass", "skip"),
        TestEffect("net/ping: c", Effect.SKIPPED, "pass", "skip"),
    )
    found = by_sources(SourceChanges(removed=tests), left_out=())
    run = decided(replace(passing_run, baseline=found))
    assert run.exit_code == 1
    assert run.reasons == (
        "net/pong is a test of the base that the series removes (the tree has no pong)",
        "net/ping passes on the base and is skipped now, as the series changes the test: a"
        " and 1 more (no device)",
    )


def test_a_program_of_which_the_base_tells_nothing() -> None:
    base = replace(baseline(), not_run=("net/ping",))
    now = outcome(program(("a", P), ("b", F)))
    assert effects(base, now) == {"net/ping: b": Effect.NOT_RUN_ON_BASE}
    # Nor where a part of it ran.
    base = replace(baseline(program(("b", F))), not_run=("net/ping",))
    assert effects(base, outcome(program(("b", F)))) == {"net/ping: b": Effect.NOT_RUN_ON_BASE}


def test_a_program_with_a_fault_of_its_own() -> None:
    """Ended by a signal, or without a result that makes sense: only the same is an excuse."""
    fine = program(("a", P))
    died = program(("a", P), status=E, exit_status=139)
    left = program(("a", P), status=E, exit_status=1)
    assert effects(baseline(fine), outcome(died)) == {"net/ping": Effect.BROKE}
    assert effects(baseline(died), outcome(died)) == {"net/ping": Effect.PRE_EXISTING}
    assert effects(baseline(left), outcome(died)) == {"net/ping": Effect.DIFFERS}
    assert effects(baseline(died), outcome(fine)) == {"net/ping": Effect.FIXED}
    # A case that fails on the base is no excuse for what the program does now.
    assert effects(baseline(program(("a", F))), outcome(died))["net/ping"] is Effect.BROKE
    (told,) = against_base(outcome(died), baseline(program(("a", F)))).tests[:1]
    assert (told.before, told.after) == ("fail", "error")


def test_a_signal_behind_a_failure_that_was_there_before() -> None:
    before = program(("a", F))
    died = program(("a", F), exit_status=139)
    assert effects(baseline(before), outcome(died)) == {
        "net/ping": Effect.BROKE,
        "net/ping: a": Effect.PRE_EXISTING,
    }


def test_a_crash_in_the_same_case_and_in_another() -> None:
    base = baseline(program(("a", C), ("b", M), status=C, exit_status=None))
    same = program(("a", C), ("b", M), status=C, exit_status=None)
    other = program(("a", P), ("b", C), status=C, exit_status=None)
    assert set(effects(base, outcome(same)).values()) == {Effect.PRE_EXISTING}
    assert effects(base, outcome(other)) == {
        "net/ping: a": Effect.FIXED,
        "net/ping: b": Effect.DIFFERS,
    }


def test_a_program_that_could_not_be_started_now() -> None:
    now = ProgramResult("net", "ping", M, None, 0.0, (), ("not run: the kernel died 4 times",))
    assert effects(baseline(program(("a", P))), outcome(now)) == {
        "net/ping": Effect.BROKE,
        "net/ping: a": Effect.BROKE,
    }


def test_a_failure_that_the_base_shows_now_and_then_excuses_no_firm_one() -> None:
    now_and_then = program(("a", F), flaky=True)
    always = program(("a", F))
    assert effects(baseline(now_and_then), outcome(always)) == {"net/ping: a": Effect.DIFFERS}
    assert effects(baseline(now_and_then), outcome(now_and_then)) == {
        "net/ping: a": Effect.PRE_EXISTING
    }
    assert effects(baseline(always), outcome(now_and_then)) == {"net/ping: a": Effect.PRE_EXISTING}


def test_cases_below_cases_and_names_that_come_twice() -> None:
    def nested(status: Status) -> ProgramResult:
        inner = (Case("x", P), Case("x", status))
        return ProgramResult("net", "ping", status, 1, 1.0, (Case("sub", status, children=inner),))

    assert effects(baseline(nested(P)), outcome(nested(F))) == {"net/ping: sub: x #2": Effect.BROKE}


# ---- the kernel log


def events_on_base(base: tuple[KernelEvent, ...], now: tuple[KernelEvent, ...]) -> tuple[int, ...]:
    found = against_base(outcome(events=now), baseline(events=base))
    return found.events_on_base


def test_a_complaint_is_excused_as_often_as_the_base_makes_it() -> None:
    often = replace(WARN, line=70, during="net/pong")
    assert events_on_base((WARN, WARN), (WARN, often)) == (0, 1)
    assert events_on_base((WARN,), (WARN, often)) == (0,)
    assert events_on_base((WARN,), (WARN,) * 50) == (0,)
    assert events_on_base((), (WARN,)) == ()


def test_how_often_is_told_of_both() -> None:
    moved = replace(WARN, title="WARNING: at net/core/dev.c:104 rx")
    other = replace(WARN, title="WARNING: at net/core/dev.c:7 tx", where="tx")
    found = against_base(outcome(events=(moved,) * 50), baseline(events=(WARN, other)))
    assert found.complaints == (ComplaintCount(moved.title, 1, 50),)


def test_complaints_of_tests_run_again_do_not_count() -> None:
    """How often a test is run again depends on which others fail."""
    again = replace(WARN, log="rerun-1/console.log")
    assert events_on_base((WARN,), (WARN, again, again)) == (0, 1, 2)
    assert events_on_base((WARN, again), (WARN, WARN)) == (0,)
    assert events_on_base((again,), (WARN, WARN)) == (0,)
    assert events_on_base((), (again,)) == ()
    found = against_base(outcome(events=(WARN, again)), baseline(events=(WARN, again, again)))
    assert [(each.before, each.after) for each in found.complaints] == [(1, 1)]


def test_a_complaint_whose_line_moved_is_the_same_as_often_as_the_base_has_it() -> None:
    moved = replace(WARN, title="WARNING: at net/core/dev.c:104 rx")
    another = replace(WARN, title="WARNING: at net/core/dev.c:200 rx")
    assert events_on_base((WARN,), (moved,)) == (0,)
    # It could be another one in the same function: one is excused, the rest is not.
    assert events_on_base((WARN,), (moved, another)) == (0,)
    # What is there to the letter is the one.
    assert events_on_base((WARN,), (moved, WARN)) == (1,)


def test_another_stack_is_another_complaint() -> None:
    here, there = (replace(WARN, fingerprint=name) for name in ("a" * 12, "b" * 12))
    assert events_on_base((here,), (here,)) == (0,)
    assert events_on_base((here,), (there,)) == ()
    # Where one log does not tell, title and function do.
    assert events_on_base((here,), (WARN,)) == (0,)
    assert events_on_base((WARN,), (there,)) == (0,)


def test_another_function_or_kind_is_another_complaint() -> None:
    for changed in (
        replace(WARN, where="tx"),
        replace(WARN, title="WARNING: at net/core/dev.c:100 tx"),
        replace(WARN, title="WARNING: at net/core/gro.c:100 rx"),
        replace(WARN, kind=EventKind.BUG),
    ):
        assert events_on_base((WARN,), (changed,)) == ()


def test_a_complaint_that_is_gone_is_told() -> None:
    found = against_base(outcome(), baseline(events=(WARN, WARN)))
    assert found.events_gone == (WARN.title,)


# ---- what counts, and the verdict


def compared(run: RunResult, base: Baseline) -> RunResult:
    now = TestOutcome(run.programs, run.events, {})
    return decided(replace(run, baseline=against_base(now, base, kept=True)))


def like(run: RunResult, **changed: object) -> Baseline:
    """Give a baseline on which all is as in a run, but for what is named."""
    made = baseline(*stripped(outcome(*run.programs)), events=run.events)
    return replace(made, **changed)  # type: ignore[arg-type]


def test_a_run_like_its_base_passes_with_all_its_failures(failing_run: RunResult) -> None:
    assert failing_run.exit_code == 1
    same = compared(failing_run, like(failing_run))
    assert (same.verdict, same.exit_code, same.reasons) == (Verdict.PASS, 0, ())
    assert {program.status.good for program in of(same).programs} == {True}
    assert of(same).events == ()


def test_without_a_comparison_everything_counts(failing_run: RunResult) -> None:
    assert charged(failing_run.programs, failing_run.events, None).programs == failing_run.programs
    assert of(failing_run).events == failing_run.events


def test_what_the_series_broke_is_the_reason_and_no_more(failing_run: RunResult) -> None:
    refill, *others = failing_run.programs
    good = replace(refill, status=P, exit_status=0, problems=(), cases=refill.cases[:1])
    fixed = replace(good, cases=(refill.cases[0], replace(refill.cases[1], status=P)))
    broke = compared(failing_run, like(failing_run, programs=(fixed, *others)))
    assert broke.exit_code == 1
    (reason,) = broke.reasons
    assert reason.startswith("zcrx/zcrx_refill failed: ring.wraps (")
    # A test that is not on the base and fails counts, too.
    new = compared(failing_run, like(failing_run, programs=tuple(others)))
    assert new.reasons == broke.reasons


def test_a_program_that_is_red_only_for_what_the_base_complains_of_too() -> None:
    good = program(("a", P), ("b", P))
    red = with_events(good, (WARN,))
    assert red.status is F
    now = outcome(red, events=(WARN,))
    other = with_events(good, (replace(WARN, title="WARNING: at x.c:1 f", where="f"),))
    for base in (
        baseline(red, events=(WARN,)),
        baseline(good, events=(replace(WARN, during="net/pong"),)),
    ):
        seen = against_base(now, base)
        assert seen.tests == ()
        (left,) = charged(now.programs, now.events, seen).programs
        assert left.status is X
    assert effects(baseline(other), now) == {}
    unlike = against_base(now, baseline(other))
    (left,) = charged(now.programs, now.events, unlike).programs
    assert left.status is F


def test_a_program_in_which_some_was_broken_before() -> None:
    crashed = program(("a", C), ("b", P), status=C, exit_status=None)
    now = program(("a", C), ("b", F), status=C, exit_status=None)
    seen = against_base(outcome(now), baseline(crashed))
    (left,) = charged((now,), (), seen).programs
    # The crash was there before; what counts is the failure.
    assert left.status is F
    assert [(case.name, case.status) for case in left.cases] == [("a", X), ("b", F)]
    assert left.cases[0].reason == "pre-existing"


def test_what_is_gone_is_a_reason(passing_run: RunResult) -> None:
    gone = program(("x", P), ("y", P), name="pong")
    first, *others = passing_run.programs
    shorter = replace(passing_run, programs=(replace(first, cases=first.cases[1:]), *others))
    base = like(passing_run, programs=(*passing_run.programs, gone))
    assert compared(shorter, base).reasons == (
        "zcrx/zcrx_register passes on the base and has no result with the series:"
        " registration.plain",
        "net/pong passes on the base and has no result with the series",
    )
    assert compared(shorter, base).exit_code == 1


def test_evidence_stays_where_it_was_made(failing_run: RunResult) -> None:
    never = ProgramResult("zcrx", "never", M, None, 0.0)
    kept = stripped(outcome(*failing_run.programs, never))
    assert [one.name for one in kept] == [one.name for one in failing_run.programs]
    assert {(one.tail, one.kernel_log) for one in kept} == {((), ())}
    # But for what tells one failure from another.
    told = [case.diagnostics for one in kept for case in one.cases if case.diagnostics]
    assert told == [("# zcrx_refill.c:112:wraps:Expected 4096 (4096) == tail - head (4095)",)]
