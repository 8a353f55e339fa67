# SPDX-License-Identifier: GPL-2.0
"""The verdict: what makes a pass, and each thing that is in its way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    AppliedPatch,
    Case,
    EventKind,
    KernelEvent,
    PatchState,
    ProgramResult,
    Provenance,
    RunResult,
    StageRecord,
    StageState,
    Status,
    Suspect,
    Verdict,
)
from kseries.names import RUN_STAGES
from kseries.verdict import findings
from kseries.verdict.verdict import decide, decided

DONE = StageState.DONE
NAMES = ("fetch", "apply", "build", "test")
STAGES = tuple(StageRecord(name, DONE, 1.0, "fine") for name in NAMES)


def program(name: str, status: Status, *cases: Case, suite: str = "zcrx") -> ProgramResult:
    cases = cases or (Case(f"{name}.a", status),)
    return ProgramResult(suite, name, status, 0, 1.0, cases)


GOOD = (program("register", Status.PASS), program("ping.py", Status.PASS, suite="netdevsim"))
SUITES = ("zcrx", "netdevsim")
EVENT = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 17, (), "zcrx/register: a")


def ended(state: StageState, at: int, summary: str = "why") -> tuple[StageRecord, ...]:
    rest = [StageRecord(name, StageState.NOT_RUN) for name in NAMES[at + 1 :]]
    return (*STAGES[:at], StageRecord(NAMES[at], state, 1.0, summary), *rest)


def test_pass() -> None:
    told = decide(STAGES, GOOD, (), SUITES)
    assert (told.verdict, told.reasons) == (Verdict.PASS, ())


def test_skips_and_known_failures_beside_a_pass() -> None:
    some = (*GOOD, program("b", Status.SKIP), program("c", Status.XFAIL))
    assert decide(STAGES, some, (), SUITES).verdict is Verdict.PASS


def test_stages_asked_for_without_tests() -> None:
    assert decide(STAGES[:3], (), (), ()).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.FAIL, "failed: b.a"),
        (Status.MISSING, "has no result: b.a"),
        (Status.ERROR, "could not be judged: b.a"),
        (Status.TIMEOUT, "did not end in time: b.a"),
        (Status.CRASH, "took the kernel down: b.a"),
    ],
)
def test_program_that_is_not_good(status: Status, words: str) -> None:
    told = decide(STAGES, (*GOOD, program("b", status)), (), SUITES)
    assert told.verdict is Verdict.FAIL
    assert told.reasons == (f"zcrx/b {words}",)


def test_reasons_of_programs_say_the_most_telling() -> None:
    two = program(
        "b", Status.FAIL, Case("x", Status.FAIL), Case("y", Status.MISSING), Case("z", Status.PASS)
    )
    one = program("c", Status.FAIL, Case("x", Status.FAIL, "Expected 1 == 2"))
    none = replace(
        program("d", Status.FAIL, Case("x", Status.PASS)), problems=("the log says BUG",)
    )
    died = replace(program("e", Status.CRASH), problems=("the kernel died: Oops",))
    assert decide(STAGES, (two, one, none, died), (), ("zcrx",)).reasons == (
        "zcrx/b failed: 2 of 3 cases, the first is x",
        "zcrx/c failed: x (Expected 1 == 2)",
        "zcrx/d failed: the log says BUG",
        "zcrx/e took the kernel down: the kernel died: Oops",
    )


def test_kernel_log_not_clean() -> None:
    told = decide(STAGES, GOOD, findings.together((EVENT,))[1], SUITES)
    assert told.verdict is Verdict.FAIL
    assert told.reasons == (
        "the kernel log is not clean, line 17: WARNING: at a.c:1 f, during zcrx/register: a",
    )


def test_the_same_complaint_in_many_tests_is_one_reason() -> None:
    many = [replace(EVENT, line=17 + n, during=f"zcrx/register: {n}") for n in range(20)]
    (found,) = findings.together(many)[1]
    suspect = Suspect("zcrx-v7", 9, "add a queue", "c" * 40, "a.c:1 in f")
    told = decide(STAGES, GOOD, (replace(found, suspect=suspect),), SUITES)
    assert told.reasons == (
        "the kernel log is not clean, line 17: WARNING: at a.c:1 f, in 20 tests, first"
        " zcrx/register: 0 (patch 9 of zcrx-v7 wrote a.c:1 in f)",
    )


def test_nothing_ran() -> None:
    told = decide(STAGES, (), (), SUITES)
    assert told.verdict is Verdict.FAIL
    assert told.reasons == (
        "the suite 'zcrx' was planned, but none of its programs ran",
        "the suite 'netdevsim' was planned, but none of its programs ran",
    )


def test_suite_where_everything_was_skipped() -> None:
    skipped = program("register", Status.SKIP, Case("a", Status.SKIP, "no netdevsim"))
    told = decide(STAGES, (skipped, GOOD[1]), (), SUITES)
    assert told.verdict is Verdict.FAIL
    assert told.reasons == (
        "the suite 'zcrx' tested nothing: each of its 1 programs was skipped (no netdevsim)",
    )


def test_series_that_does_not_pass_a_stage() -> None:
    told = decide(ended(StageState.FAILED, 2, "net/core/a.c:1: error"), (), (), SUITES)
    assert told.verdict is Verdict.FAIL
    assert told.reasons == ("the series does not pass the stage 'build': net/core/a.c:1: error",)


def test_patch_that_does_not_apply() -> None:
    patch = AppliedPatch("zcrx-v7", 3, "io_uring: add", "", PatchState.CONFLICT)
    told = decide(ended(StageState.FAILED, 1), (), (), SUITES, (patch,))
    assert told.verdict is Verdict.FAIL
    assert told.reasons[1] == "patch 3 of zcrx-v7 does not apply: io_uring: add"


@pytest.mark.parametrize(
    ("state", "words", "code"),
    [
        (StageState.LOST, "was lost to the infrastructure", 3),
        (StageState.INTERRUPTED, "was interrupted", 3),
        (StageState.USAGE, "could not be carried out as asked", 2),
    ],
)
def test_stage_that_says_nothing_about_the_series(state: StageState, words: str, code: int) -> None:
    document = replace(DOCUMENT, stages=ended(state, 2), programs=(), events=())
    told = decided(document)
    assert told.verdict is Verdict.INCOMPLETE
    assert told.reasons == (f"the stage 'build' {words}: why",)
    assert told.exit_code == code


def test_failures_are_told_even_if_the_run_was_interrupted() -> None:
    seen = (program("b", Status.FAIL),)
    stages = ended(StageState.INTERRUPTED, 3, "interrupted by SIGTERM")
    told = decide(stages, seen, (), SUITES)
    assert told.verdict is Verdict.INCOMPLETE
    assert told.reasons == ("the stage 'test' was interrupted", "zcrx/b failed: b.a")


def test_stages_that_were_not_carried_out() -> None:
    told = decide(ended(DONE, 2), (), (), SUITES)
    assert (told.verdict, told.reasons) == (Verdict.INCOMPLETE, ("not carried out: test",))
    assert decide((), (), (), ()).verdict is Verdict.INCOMPLETE


DOCUMENT = RunResult(
    run="r",
    stack="s",
    under_test="",
    started="",
    seconds=0.0,
    verdict=Verdict.INCOMPLETE,
    stages=tuple(StageRecord(name, DONE, 1.0, "fine") for name in RUN_STAGES[:-1]),
    provenance=Provenance((), "", "", "", ""),
    programs=GOOD,
    suites=SUITES,
)


def test_document() -> None:
    told = decided(DOCUMENT)
    assert (told.verdict, told.exit_code, told.reasons) == (Verdict.PASS, 0, ())
    told = decided(replace(DOCUMENT, events=(EVENT,)))
    assert (told.verdict, told.exit_code, len(told.reasons)) == (Verdict.FAIL, 1, 1)
    # Deciding again, without what was in the way, forgets it.
    assert decided(replace(told, events=())).reasons == ()


def test_flaky_is_named_and_never_green() -> None:
    case = Case("a", Status.FAIL, "late", reruns=(Status.PASS,))
    flaky = decide(STAGES, [program("late", Status.FAIL, case)], (), ())
    assert flaky.verdict is Verdict.FAIL
    assert flaky.reasons == ("zcrx/late failed: a (late, flaky)",)
    two = program("late", Status.FAIL, case, replace(case, reruns=()))
    (reason,) = decide(STAGES, [two], (), ()).reasons
    assert reason == "zcrx/late failed: 2 of 2 cases, 1 of them flaky, the first is a"
