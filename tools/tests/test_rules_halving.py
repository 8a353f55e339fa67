# SPDX-License-Identifier: GPL-2.0
"""Rules of a bisection's steps that one small change of a line would break."""

from __future__ import annotations

from kseries.results.bisection import BisectStep, Seen, StepAnswer, Trial
from kseries.results.halving import answer, next_move

TOTAL = 9


def step(patches: int, *seen: Seen, left_out: tuple[str, ...] = ()) -> BisectStep:
    return BisectStep(patches, "", tuple(Trial(one, one) for one in seen), left_out=left_out)


def said(*steps: BisectStep, of: int) -> StepAnswer:
    return answer(of, TOTAL, {one.patches: one for one in steps})


def test_a_step_that_was_built_and_not_run_is_open() -> None:
    """So it was when the search was killed in between."""
    whole = step(TOTAL, Seen.BAD, Seen.BAD)
    for left_out in ((), ("driver",)):
        assert said(whole, step(5, left_out=left_out), of=5) is StepAnswer.OPEN


def test_what_is_good_above_the_first_bad_step_does_not_count() -> None:
    seen = {0: Seen.GOOD, 3: Seen.BAD, 6: Seen.GOOD, TOTAL: Seen.BAD}
    steps = {patches: step(patches, one, one) for patches, one in seen.items()}
    assert next_move(TOTAL, steps) == 1


def test_a_step_that_was_begun_is_finished_first() -> None:
    steps = {
        0: step(0, Seen.GOOD, Seen.GOOD),
        2: step(2, Seen.GOOD),
        TOTAL: step(TOTAL, Seen.BAD, Seen.BAD),
    }
    assert next_move(TOTAL, steps) == 2
