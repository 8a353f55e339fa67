# SPDX-License-Identifier: GPL-2.0
"""Rules of a bisection's steps that one small change of a line would break."""

from __future__ import annotations

from kseries.bisect.strategy import Concluded, answer, is_flaky, next_move
from kseries.verdict.bisection import BisectStep, Conclusion, Seen, StepAnswer, Trial

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


FLAKY = (Seen.BAD, Seen.GOOD, Seen.GOOD, Seen.BAD, Seen.GOOD)


def test_a_fault_that_comes_and_goes_where_nothing_is_good() -> None:
    steps = {0: BisectStep(0, "", untestable="does not build"), 1: step(1, *FLAKY)}
    assert next_move(1, steps) == Concluded(Conclusion.NO_GOOD, 0, 1)


def test_what_is_not_there_yet_is_firmly_good() -> None:
    for seen in ((Seen.ABSENT,), (Seen.GOOD, Seen.ABSENT)):
        steps = {0: step(0, Seen.ABSENT), 1: step(1, *seen), 2: step(2, *FLAKY)}
        assert next_move(2, steps) == Concluded(Conclusion.FLAKY, 2, 2)
    steps[1] = step(1, Seen.GOOD, Seen.GOOD)
    assert next_move(2, steps) == 1


def test_a_whole_series_that_did_not_boot_once_did_not_boot() -> None:
    whole = step(TOTAL, Seen.BAD, Seen.NO_BOOT)
    assert said(whole, step(5, Seen.NO_BOOT), of=5) is StepAnswer.OPEN
    assert said(whole, step(5, Seen.NO_BOOT, Seen.NO_BOOT), of=5) is StepAnswer.BAD


def test_runs_do_not_agree_where_it_is_once_bad_and_once_not_there() -> None:
    for good in (Seen.GOOD, Seen.SKIPPED, Seen.ABSENT):
        assert is_flaky(step(1, Seen.BAD, good))
    assert not is_flaky(step(1, Seen.BAD, Seen.NO_BOOT))
    assert not is_flaky(step(1, Seen.GOOD, Seen.ABSENT))
