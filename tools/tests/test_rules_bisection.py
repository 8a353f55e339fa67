# SPDX-License-Identifier: GPL-2.0
"""Rules of the values of a bisection that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import Patch
from kseries.verdict.bisection import (
    BISECTION,
    Bisection,
    BisectStep,
    Conclusion,
    KeptAnswer,
    Seen,
    Sought,
    StepAnswer,
    Trial,
    read,
)

PATCHES = tuple(
    Patch(number, f"net: change {number}", "A <a@b.c>", "", Path("p"), "0" * 64)
    for number in (1, 2, 3)
)
STEPS = tuple(BisectStep(number, "c" * 40, (Trial(Seen.BAD, "fail"),)) for number in (0, 2, 3))
FOUND = Bisection(
    sought=Sought("ping"),
    series="toys",
    conclusion=Conclusion.FOUND,
    first=2,
    last=2,
    patches=PATCHES,
    commits=("c" * 40,) * 3,
    steps=STEPS,
    answers=(StepAnswer.GOOD, StepAnswer.BAD, StepAnswer.BAD),
)


def test_what_says_where_it_goes_wrong_ends_well() -> None:
    well = {conclusion for conclusion in Conclusion if conclusion.exit_code == 0}
    assert well == {Conclusion.FOUND, Conclusion.RANGE}
    assert {conclusion.exit_code for conclusion in set(Conclusion) - well} == {1}


def test_a_run_is_good_where_the_fault_was_not_seen() -> None:
    assert {seen for seen in Seen if seen.good} == {Seen.GOOD, Seen.SKIPPED, Seen.ABSENT}


def test_a_baseline_answers_as_long_as_nothing_else_is_known() -> None:
    kept = KeptAnswer(Seen.GOOD, "pass", "run", "now", "file")
    step = BisectStep(0, "", baseline=kept)
    assert step.by_baseline == kept
    assert replace(step, untestable="does not build").by_baseline is None
    assert replace(step, trials=(Trial(Seen.BAD, "fail"),)).by_baseline is None
    assert replace(step, baseline=None).by_baseline is None


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 0), (1, 2), (0, 3), (3, 3)],
)
def test_what_fits_is_read(tmp_path: Path, first: int, last: int) -> None:
    run = RunFolder(tmp_path)
    found = replace(FOUND, first=first, last=last)
    run.save("bisect", found, BISECTION)
    assert read(run) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"first": -1},
        {"first": 3},
        {"last": 4, "steps": (*STEPS[1:], BisectStep(4, ""))},
        {"last": 1, "first": 1},  # no step shows it
        {"patches": PATCHES[:2]},
        {"commits": ("c" * 40,) * 4},
        {"answers": FOUND.answers[1:]},
        {"steps": ()},
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    run = RunFolder(tmp_path)
    run.save("bisect", replace(FOUND, **changed), BISECTION)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="not what a bisection leaves") as caught:
        read(run)
    assert caught.value.where == str(tmp_path / "bisect.json")
    assert "kseries bisect" in caught.value.do
