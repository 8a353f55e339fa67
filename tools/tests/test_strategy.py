# SPDX-License-Identifier: GPL-2.0
"""The search for the first bad patch, against oracles that answer for a machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kseries.bisect.strategy import AGREE, MOST, Concluded, answer, answers, is_flaky, next_move
from kseries.verdict.bisection import BisectStep, Conclusion, KeptAnswer, Seen, StepAnswer, Trial

G, B, A, S, N = Seen.GOOD, Seen.BAD, Seen.ABSENT, Seen.SKIPPED, Seen.NO_BOOT

Oracle = Callable[[int], Seen | str]
"""What a run of a step shows; a string: why it cannot be made."""


def search(
    total: int,
    oracle: Oracle,
    left_out: Callable[[int], tuple[str, ...]] = lambda _: (),
    kept: Seen | None = None,
) -> tuple[Concluded, dict[int, BisectStep], list[int]]:
    """Carry a search out; give what it found, its steps, and the order of the runs.

    kept: what a kept baseline tells of the base.
    """
    steps: dict[int, BisectStep] = {}
    order: list[int] = []
    while not isinstance(move := next_move(total, steps), Concluded):
        assert len(order) < 200, "it does not come to an end"
        if kept and not move and move not in steps:
            told = KeptAnswer(kept, kept, "run", "now", "steps/0/baseline.json")
            steps[0] = BisectStep(0, "", left_out=left_out(0), baseline=told)
            continue
        order.append(move)
        step = steps.get(move, BisectStep(move, "", left_out=left_out(move)))
        said = oracle(move)
        if isinstance(said, Seen):
            steps[move] = replace(step, trials=(*step.trials, Trial(said, said)))
        else:
            steps[move] = replace(step, untestable=said)
    return move, steps, order


def found(first: int, last: int | None = None) -> Concluded:
    last = first if last is None else last
    return Concluded(Conclusion.FOUND if first == last else Conclusion.RANGE, first, last)


def bad_from(first: int, base: Seen = G) -> Oracle:
    return lambda n: B if n >= first else G if n else base


@pytest.mark.parametrize("total", [1, 2, 3, 15, 16])
def test_every_first_bad_patch_is_found(total: int) -> None:
    for first in range(1, total + 1):
        concluded, steps, order = search(total, bad_from(first))
        assert concluded == found(first)
        # Both sides of the boundary were seen twice.
        assert len(steps[first].trials) == len(steps[first - 1].trials) == AGREE
        assert len(steps) <= 2 + total.bit_length()
        assert order[:2] == [total, total]
        assert 0 in steps


def test_a_test_that_is_not_there_yet_is_good_without_a_second_run() -> None:
    concluded, steps, _ = search(15, lambda n: A if n < 9 else B)
    assert concluded == found(9)
    assert all(len(step.trials) == 1 for n, step in steps.items() if n < 9)


def test_not_broken_takes_more_runs_to_say() -> None:
    concluded, steps, _ = search(7, lambda _: G)
    assert concluded == Concluded(Conclusion.NOT_BROKEN, 7, 7)
    assert len(steps[7].trials) == MOST


def test_broken_on_the_base() -> None:
    concluded, steps, _ = search(7, lambda _: B)
    assert concluded == Concluded(Conclusion.BROKEN_ON_BASE, 0, 0)
    assert set(steps) == {0, 7}


@pytest.mark.parametrize("first", range(1, 10))
def test_what_does_not_build_is_stepped_around(first: int) -> None:
    lost = {3, 4, 5, 6}

    def oracle(n: int) -> Seen | str:
        return "it does not build" if n in lost else B if n >= first else G

    concluded, _, _ = search(9, oracle)
    expected = found(first) if first not in {*lost, 7} else found(3, 7)
    assert concluded == expected


def test_nothing_between_can_be_tested() -> None:
    concluded, _, _ = search(5, lambda n: {0: G, 5: B}.get(n, "no"))
    assert concluded == found(1, 5)


def test_a_base_that_cannot_be_tested() -> None:
    concluded, _, _ = search(5, lambda n: "no" if n == 0 else G if n < 3 else B)
    assert concluded == found(3)
    concluded, _, _ = search(5, lambda n: "no" if n < 3 else B)
    assert concluded == Concluded(Conclusion.NO_GOOD, 0, 3)


def test_a_kernel_that_does_not_boot_tells_nothing_of_a_test() -> None:
    concluded, _, _ = search(5, lambda n: {3: N}.get(n, B if n >= 4 else G))
    assert concluded == found(3, 4)
    # Where the whole series does not boot, that is what is sought.
    concluded, _, _ = search(5, lambda n: N if n >= 2 else G)
    assert concluded == found(2)


def scripted(answers: dict[int, list[Seen]]) -> Oracle:
    left: dict[int, Iterator[Seen]] = {n: iter(seen) for n, seen in answers.items()}
    return lambda n: next(left[n])


def test_runs_that_do_not_agree_are_bad_and_told() -> None:
    concluded, steps, _ = search(2, scripted({2: [B, G, G, B, G], 0: [G] * 5, 1: [G] * 5}))
    assert concluded == Concluded(Conclusion.FLAKY, 2, 2)
    assert is_flaky(steps[2])
    # The last good one has to hold as long as the first bad one took.
    assert len(steps[1].trials) == MOST
    assert answers(2, list(steps.values())) == (StepAnswer.BAD, StepAnswer.GOOD, StepAnswer.GOOD)


def test_a_good_step_that_turns_out_bad_moves_the_answer() -> None:
    concluded, steps, _ = search(2, scripted({2: [B, G, B, B, B], 0: [G] * 5, 1: [G, G, G, B, G]}))
    assert concluded == Concluded(Conclusion.FLAKY, 1, 1)
    assert len(steps[0].trials) == MOST


def test_a_bad_run_at_the_end_of_many_good_ones_counts() -> None:
    concluded, _, _ = search(1, scripted({1: [G, G, G, G, B], 0: [G] * 5}))
    assert concluded == Concluded(Conclusion.FLAKY, 1, 1)


def test_a_fault_that_comes_and_goes_is_mostly_found() -> None:
    """Of searches for a fault that shows in six runs of ten, few name a later patch."""
    dice = random.Random(3)
    right = 0
    for _ in range(100):
        concluded, _, _ = search(15, lambda n: B if n >= 6 and dice.random() < 0.6 else G)
        right += (concluded.first, concluded.last) == (6, 6)
    assert right > 60


# ---- series on top that do not fit everywhere


def test_bad_for_want_of_others_is_no_answer() -> None:
    """What is on top fits from 6 on; without it the test fails or is skipped for that alone."""

    def on_top(n: int) -> tuple[str, ...]:
        return ("driver",) if n < 6 else ()

    for without in (B, S):
        script = {n: [A] if n < 4 else [without] * 2 if n < 6 else [B] * 2 for n in range(10)}
        concluded, steps, _ = search(9, scripted(script), on_top)
        assert concluded == found(4, 6)
        assert answer(5, 9, steps) is StepAnswer.UNTESTABLE


def test_bad_without_others_counts_where_it_passes_without_them_too() -> None:
    concluded, _, _ = search(
        9, lambda n: B if n >= 4 else G, lambda n: ("driver",) if n < 6 else ()
    )
    assert concluded == found(4)


def test_a_pass_without_one_series_says_nothing_of_another() -> None:
    """The driver fits the base and the whole; at the base the series under test is left out."""

    def left_out(n: int) -> tuple[str, ...]:
        return ("driver",) if 0 < n < 6 else () if n else ("series",)

    concluded, steps, _ = search(9, lambda n: B if n else G, left_out)
    assert concluded == found(1, 6)
    assert answer(5, 9, steps) is StepAnswer.UNTESTABLE


def step(patches: int, *seen: Seen, left_out: tuple[str, ...] = ()) -> BisectStep:
    return BisectStep(patches, "", tuple(Trial(one, one) for one in seen), left_out=left_out)


def said(*steps: BisectStep, of: int) -> StepAnswer:
    return answer(of, 9, {one.patches: one for one in steps})


def test_a_flaky_step_without_others_is_no_answer() -> None:
    """Neither good, nor bad: the fault may be for want of the others."""
    whole = step(9, B, B)
    flaky = step(5, G, B, G, G, G, left_out=("driver",))
    assert said(whole, flaky, of=5) is StepAnswer.UNTESTABLE
    assert said(whole, replace(flaky, left_out=()), of=5) is StepAnswer.BAD
    # As long as its runs do not agree it is tried on.
    assert said(whole, step(5, G, B, left_out=("driver",)), of=5) is StepAnswer.OPEN


def test_what_is_flaky_does_not_show_that_a_test_passes_without_others() -> None:
    whole, bad = step(9, B, B), step(5, B, B, left_out=("driver",))
    for seen, told in (
        ((G, G), StepAnswer.BAD),
        ((G, B, G, G, G), StepAnswer.UNTESTABLE),
        ((G, S), StepAnswer.UNTESTABLE),
        ((S, S), StepAnswer.UNTESTABLE),
        ((A,), StepAnswer.UNTESTABLE),
    ):
        assert said(whole, bad, step(3, *seen, left_out=("driver",)), of=5) is told
    # One that misses more vouches, too; one that misses others does not.
    more = step(3, G, G, left_out=("driver", "other"))
    assert said(whole, bad, more, of=5) is StepAnswer.BAD
    assert said(whole, bad, replace(more, left_out=("other",)), of=5) is StepAnswer.UNTESTABLE


def test_skipped_for_want_of_others_is_no_answer() -> None:
    whole = step(9, B, B)
    assert said(whole, step(5, S, S, left_out=("driver",)), of=5) is StepAnswer.UNTESTABLE
    assert said(whole, step(5, S, S), of=5) is StepAnswer.GOOD
    assert said(whole, step(5, G, G, left_out=("driver",)), of=5) is StepAnswer.GOOD
    # The base has none of the series: there it is not for want of others.
    assert said(whole, step(0, B, B, left_out=("driver",)), of=0) is StepAnswer.BAD


def test_a_kernel_that_does_not_boot_is_no_answer_unless_the_whole_one_does_not() -> None:
    dead = step(5, N)
    assert said(step(9, B, B), dead, of=5) is StepAnswer.UNTESTABLE
    assert said(step(9, N, N), dead, of=5) is StepAnswer.OPEN
    assert said(step(9, N, N), step(5, N, N), of=5) is StepAnswer.BAD
    assert said(step(9, N, N), of=9) is StepAnswer.BAD


def test_skipped_is_good() -> None:
    concluded, _, _ = search(9, lambda n: B if n >= 4 else S)
    assert concluded == found(4)


# ---- a kept baseline


@pytest.mark.parametrize("kept", [G, A])
@pytest.mark.parametrize("total", [1, 2, 3, 15, 16])
def test_a_kept_baseline_stands_for_the_base(total: int, kept: Seen) -> None:
    for first in range(1, total + 1):
        concluded, steps, order = search(total, bad_from(first, kept), kept=kept)
        assert concluded == found(first)
        assert answer(0, total, steps) is StepAnswer.GOOD
        # Where the base is one side of the answer, it is run as ever.
        runs = 0 if first > 1 else AGREE if kept is G else 1
        assert order.count(0) == len(steps[0].trials) == runs
        assert steps[0].baseline is not None


def test_what_the_base_does_in_a_machine_of_its_own_counts_more_than_a_baseline() -> None:
    """The test passes behind others and fails alone, on the base, too."""
    concluded, steps, order = search(7, lambda _: B, kept=G)
    assert concluded == Concluded(Conclusion.BROKEN_ON_BASE, 0, 0)
    assert order[-AGREE:] == [0] * AGREE
    assert answer(0, 7, steps) is StepAnswer.BAD


def test_where_the_fault_comes_and_goes_a_baseline_is_no_proof() -> None:
    script = {2: [B, G, G, B, G], 0: [G] * 5, 1: [G, G, G, B, G]}
    concluded, steps, _ = search(2, scripted(script), kept=G)
    assert concluded == Concluded(Conclusion.FLAKY, 1, 1)
    assert len(steps[0].trials) == MOST


def test_a_base_that_has_a_baseline_and_does_not_build_now() -> None:
    concluded, _, _ = search(5, lambda n: "no" if n == 0 else B, kept=G)
    assert concluded == Concluded(Conclusion.NO_GOOD, 0, 1)


@pytest.mark.parametrize("alone", [G, B])
def test_what_counts_by_a_baseline_alone_has_the_base_run(alone: Seen) -> None:
    """Nothing but the base shows that the test passes without the driver."""

    def on_top(n: int) -> tuple[str, ...]:
        return ("driver",) if n in (0, 4, 5) else ()

    concluded, _, order = search(9, lambda n: B if n >= 4 else G if n else alone, on_top, kept=G)
    assert order[-AGREE:] == [0] * AGREE
    broken = Concluded(Conclusion.BROKEN_ON_BASE, 0, 0)
    assert concluded == (found(4) if alone is G else broken)


def test_a_baseline_shows_that_it_passes_without_others() -> None:
    def on_top(n: int) -> tuple[str, ...]:
        return ("driver",) if n < 6 else ()

    concluded, steps, order = search(9, bad_from(4), on_top, kept=G)
    assert concluded == found(4)
    # So does the last good step, which was run: the base need not be.
    assert 0 not in order
    # Where it is only not there on the base, that shows nothing.
    steps = {n: step for n, step in steps.items() if n in (0, 4)}
    assert answer(4, 9, steps) is StepAnswer.BAD
    told = steps[0].baseline
    assert told is not None
    steps[0] = replace(steps[0], baseline=replace(told, seen=A))
    assert answer(4, 9, steps) is StepAnswer.UNTESTABLE
