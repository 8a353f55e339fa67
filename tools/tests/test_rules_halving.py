# SPDX-License-Identifier: GPL-2.0
"""Rules of a bisection's steps that one small change of a line would break."""

from __future__ import annotations

from kseries.results.bisection import BisectStep, Seen, StepAnswer, Trial
from kseries.results.halving import answer

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
