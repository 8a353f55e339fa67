# SPDX-License-Identifier: GPL-2.0
"""Rules of the verdict that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    AgainstBase,
    Case,
    Effect,
    ProgramResult,
    StageRecord,
    StageState,
    Status,
    TestEffect,
    Verdict,
)
from kseries.verdict.verdict import decide

DONE = (StageRecord("build", StageState.DONE), StageRecord("test", StageState.DONE))


def program(name: str, status: Status, *cases: Case) -> ProgramResult:
    return ProgramResult("zcrx", name, status, 0, 1.0, cases or (Case(f"{name}.a", status),))


def reasons(*programs: ProgramResult) -> tuple[str, ...]:
    return decide(DONE, programs, (), ("zcrx",)).reasons


def test_a_run_without_stages_says_that_nothing_was_carried_out() -> None:
    told = decide((), (), (), ())
    assert told.verdict is Verdict.INCOMPLETE
    assert told.reasons == ("not carried out: every stage",)


def test_a_lost_stage_without_a_summary_ends_its_sentence() -> None:
    lost = StageRecord("build", StageState.LOST, summary="")
    told = decide((lost,), (), (), ())
    assert told.reasons == ("the stage 'build' was lost to the infrastructure",)


@pytest.mark.parametrize("status", [Status.CRASH, Status.TIMEOUT])
def test_how_a_program_ended_is_told_before_its_cases(status: Status) -> None:
    ended = replace(program("b", status, Case("x", status)), problems=("how it ended",))
    (reason,) = reasons(ended)
    assert reason.endswith(": how it ended")


def test_a_suite_that_tested_nothing_gives_the_first_reason_there_is() -> None:
    silent = program("b", Status.SKIP, Case("x", Status.SKIP))
    told = program("c", Status.SKIP, Case("y", Status.SKIP, "no root"))
    (reason,) = reasons(silent, told)
    assert reason.endswith("each of its 2 programs was skipped (no root)")


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        (["a"], ": a"),
        (["a", "b"], ": a and 1 more"),
        (["a", "b", "c"], ": a and 2 more"),
    ],
)
def test_tests_that_are_gone_are_counted(cases: list[str], words: str) -> None:
    gone = tuple(TestEffect(f"zcrx/b: {case}", Effect.BROKE, "pass") for case in cases)
    baseline = AgainstBase("h", (), "r", "", False, gone, (), ())
    told = decide(DONE, (program("a", Status.PASS),), (), ("zcrx",), baseline=baseline)
    assert told.verdict is Verdict.FAIL
    assert told.reasons == (f"zcrx/b passes on the base and has no result with the series{words}",)
