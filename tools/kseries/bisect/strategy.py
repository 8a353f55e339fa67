# SPDX-License-Identifier: GPL-2.0
"""Which step of a bisection comes next, and what the steps say together. Pure.

Steps are numbers of patches: 0 is the base, the total is the whole series. Both ends are seen
first. A step's answer takes runs in fresh machines: two that agree; where the fault comes and
goes, as many as `MOST`, and one bad run is enough to be bad. A step that cannot be tested is
stepped around.

A kept baseline may stand for the base while the search goes on. It was made in another way (among
all tests), so no answer rests on it: where one would not stand without it, the base is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kseries.verdict.bisection import BisectStep, Conclusion, Seen, StepAnswer

AGREE = 2
MOST = 5

Steps = Mapping[int, BisectStep]


@dataclass(frozen=True)
class Concluded:
    """The end. first, last: the suspects, as numbers of patches; 0: the base."""

    conclusion: Conclusion
    first: int
    last: int


def next_move(total: int, steps: Steps) -> int | Concluded:
    """Give the step of which one more run is wanted, or what has been found."""
    end = answer(total, total, steps)
    if end is StepAnswer.OPEN:
        return total
    if end is not StepAnswer.BAD:
        return Concluded(Conclusion.NOT_BROKEN, total, total)
    base = answer(0, total, steps)
    if base is StepAnswer.OPEN:
        return 0
    if base is StepAnswer.BAD:
        return Concluded(Conclusion.BROKEN_ON_BASE, 0, 0)
    return _between(total, steps)


def answer(patches: int, total: int, steps: Steps) -> StepAnswer:
    """Say what a step says by what was seen of it so far."""
    step = steps.get(patches)
    if step is None:
        return StepAnswer.OPEN
    seen = _seen(step)
    # Where the whole series does not boot, that is what is sought.
    if step.untestable or (Seen.NO_BOOT in seen and not _told(steps.get(total), Seen.NO_BOOT)):
        return StepAnswer.UNTESTABLE
    if Seen.ABSENT in seen or step.by_baseline:
        return StepAnswer.GOOD
    wrong = [one for one in seen if not one.good]
    if wrong and len(seen) < (AGREE if len(wrong) == len(seen) else MOST):
        return StepAnswer.OPEN
    if (wrong or Seen.SKIPPED in seen) and _misses_others(step, steps):
        return StepAnswer.UNTESTABLE
    if wrong:
        return StepAnswer.BAD
    # Whoever asks has seen it broken with the whole series: that takes more to deny.
    enough = MOST if patches == total else AGREE
    return StepAnswer.GOOD if len(seen) >= enough else StepAnswer.OPEN


def answers(total: int, steps: Sequence[BisectStep]) -> tuple[StepAnswer, ...]:
    """Give the answers of steps, in their order."""
    known = {step.patches: step for step in steps}
    return tuple(answer(step.patches, total, known) for step in steps)


def is_flaky(step: BisectStep) -> bool:
    """Whether runs of a step do not agree."""
    seen = [trial.seen for trial in step.trials]
    return Seen.BAD in seen and any(one.good for one in seen)


def _between(total: int, steps: Steps) -> int | Concluded:
    said = {patches: answer(patches, total, steps) for patches in steps}
    high = min(patches for patches, told in said.items() if told is StepAnswer.BAD)
    # What is good above the first bad step does not count.
    low = max((n for n in range(high) if said.get(n) is StepAnswer.GOOD), default=-1)
    left = [n for n in range(low + 1, high) if said.get(n, StepAnswer.OPEN) is StepAnswer.OPEN]
    begun = [n for n in left if n in steps]
    if begun:
        return begun[0]
    if left:
        return min(left, key=lambda patches: abs(2 * patches - low - high))
    # What the two sides of the answer say must not hang on a baseline.
    seen = {patches: step for patches, step in steps.items() if not step.by_baseline}
    if any(answer(n, total, seen) is not said[n] for n in (low, high) if n >= 0):
        return 0
    flaky = any(is_flaky(step) for step in steps.values())
    if flaky and low >= 0 and not _is_firm(steps[low]):
        return low
    return Concluded(_conclusion(low, high, flaky=flaky), low + 1, high)


def _conclusion(low: int, high: int, *, flaky: bool) -> Conclusion:
    if low < 0:
        return Conclusion.NO_GOOD
    if flaky:
        return Conclusion.FLAKY
    return Conclusion.FOUND if low + 1 == high else Conclusion.RANGE


def _is_firm(step: BisectStep) -> bool:
    """Whether a good step is that where the fault comes and goes."""
    return len(step.trials) >= MOST or any(one.seen is Seen.ABSENT for one in step.trials)


def _misses_others(step: BisectStep, steps: Steps) -> bool:
    """Whether it could be for want of series left out that a step is not good.

    It is not where what is sought was seen to pass without all of them.
    """
    if not step.left_out or not step.patches:
        return False
    return not any(
        set(step.left_out) <= set(other.left_out) and set(_seen(other)) == {Seen.GOOD}
        for other in steps.values()
    )


def _seen(step: BisectStep) -> list[Seen]:
    """Give what was seen of a step, in its own runs or else in those of a kept baseline."""
    if step.by_baseline:
        return [step.by_baseline.seen]
    return [trial.seen for trial in step.trials]


def _told(step: BisectStep | None, seen: Seen) -> bool:
    return step is not None and any(trial.seen is seen for trial in step.trials)
