# SPDX-License-Identifier: GPL-2.0
"""What Patchwork is told of a result: no more than is known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kseries.model import (
    Diagnostic,
    PatchState,
    RunResult,
    Severity,
    StageRecord,
    StageState,
    Verdict,
)
from seriesbot.submit import checks
from seriesbot.submit.checks import Check

DONE, FAILED = StageState.DONE, StageState.FAILED


def told(result: RunResult, patches: int = 2) -> dict[str, str]:
    """Give "patch name" and state of each check."""
    found = checks.checks(result, patches)
    made = {f"{one.patch} {one.name}": one.state for one in found}
    assert len(made) == len(found)
    return made


def stages(result: RunResult, **states: StageRecord | None) -> RunResult:
    """Give a result some of whose stages are others; None: it has it not."""
    found = {stage.name: stage for stage in result.stages} | states
    return replace(result, stages=tuple(one for one in found.values() if one))


def each(state: StageState, summary: str) -> StageRecord:
    return StageRecord("patches", state, 1.0, summary)


ALL = {
    "1 apply": "success",
    "2 apply": "success",
    "2 build": "success",
    "1 tests": "success",
    "2 tests": "success",
}


def test_a_pass(passing_run: RunResult) -> None:
    assert told(passing_run) == ALL
    found = {one.name: one.description for one in checks.checks(passing_run, 2)}
    assert found["apply"] == "applies to debian-6.12: linux-source-6.12 6.12.117-1"
    assert found["build"] == "the series builds, no warnings"
    assert found["tests"].startswith("the series: PASS")


def test_tests_are_those_of_the_verdict(failing_run: RunResult) -> None:
    found = told(failing_run)
    assert {state for name, state in found.items() if name.endswith("tests")} == {"fail"}
    partial = replace(failing_run, verdict=Verdict.PARTIAL)
    assert told(partial)["1 tests"] == "warning"


def test_each_patch_is_said_to_build_only_where_it_was_built(passing_run: RunResult) -> None:
    done = each(DONE, "1 patch and the last one, each builds")
    assert told(stages(passing_run, patches=done))["1 build"] == "success"
    left_out = each(DONE, "left out: 595 objects would be compiled for 1 patch")
    assert "1 build" not in told(stages(passing_run, patches=left_out))
    assert "1 build" not in told(stages(passing_run, patches=each(StageState.NOT_RUN, "")))


def test_the_first_patch_that_does_not_build(passing_run: RunResult) -> None:
    bad = each(FAILED, "patch 3 of 5, 'x', does not build without those after it: y")
    found = told(stages(passing_run, patches=bad), 5)
    built = {name: state for name, state in found.items() if name.endswith("build")}
    # What is known of the fourth is not told by the document.
    assert built == {
        "1 build": "success",
        "2 build": "success",
        "3 build": "fail",
        "5 build": "success",
    }
    for odd in ("patch 99 of 100, 'x', does not build", "the disk is odd"):
        found = told(stages(passing_run, patches=each(FAILED, odd)), 5)
        assert [name for name in found if name.endswith("build")] == ["5 build"]


@pytest.mark.parametrize("name", ["config", "build"])
def test_a_series_that_does_not_build(name: str, passing_run: RunResult) -> None:
    failed = stages(
        passing_run, **{name: StageRecord(name, FAILED, 1.0, "x.c:1: error"), "test": None}
    )
    found = told(replace(failed, verdict=Verdict.FAIL, programs=()))
    assert found == {"1 apply": "success", "2 apply": "success", "2 build": "fail"}


def test_warnings_are_told(passing_run: RunResult) -> None:
    warning = Diagnostic(Severity.WARNING, "a.c", 1, 1, "-Wx", "x")
    assert told(replace(passing_run, diagnostics=(warning,)))["2 build"] == "warning"


def test_a_patch_that_does_not_apply(passing_run: RunResult) -> None:
    first, second = passing_run.patches[:2]
    failed = stages(passing_run, config=None, build=None, test=None)
    patches = (replace(first, state=PatchState.IN_BASE), replace(second, state=PatchState.CONFLICT))
    failed = replace(failed, verdict=Verdict.FAIL, programs=(), patches=patches)
    # Of a third one nothing is known.
    assert told(failed, 3) == {"1 apply": "warning", "2 apply": "fail"}
    other = replace(failed, under_test="another")
    assert told(other, 3) == {}


def test_a_run_that_was_lost_says_nothing(passing_run: RunResult) -> None:
    assert told(replace(passing_run, verdict=Verdict.INCOMPLETE)) == {}


def test_no_more_patches_than_there_are(passing_run: RunResult) -> None:
    assert {*told(passing_run, 1)} == {"1 apply", "1 build", "1 tests"}
    assert told(passing_run, 0) == {}


def test_what_others_wrote_is_one_short_line(passing_run: RunResult) -> None:
    hostile = "\x1b]0;x\x07\n\u202e" + "y" * 5000
    source = replace(passing_run.provenance, source=hostile)
    found = checks.checks(replace(passing_run, provenance=source, reasons=(hostile,)), 2)
    for one in found:
        assert len(one.description) <= checks.MAX_TEXT
        assert one.description.isprintable()


def test_a_series_that_applies_nowhere() -> None:
    candidates = [{"source": "net-next", "why_not": "x"}, {"source": "linus", "why_not": "y"}]
    base = json.dumps({"fits": False, "chosen": "", "why": "", "candidates": candidates})
    why = "the series applies to none of: net-next, linus"
    assert checks.unjudged(base, 2) == [
        Check(1, "apply", "fail", why),
        Check(2, "apply", "fail", why),
    ]


@pytest.mark.parametrize(
    "base",
    ["", "{", "[]", "7", '{"fits": true, "candidates": []}', '{"fits": false, "candidates": []}',
     '{"fits": false, "candidates": [3]}'],
)  # fmt: skip
def test_what_is_not_known_of_the_base_is_not_told(base: str) -> None:
    assert checks.unjudged(base, 2) == []
