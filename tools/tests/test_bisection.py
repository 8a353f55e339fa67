# SPDX-License-Identifier: GPL-2.0
"""What is told of a bisection: the patch and whose it is, the evidence, what to do next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.bisect import strategy
from kseries.model import Patch, RunResult
from kseries.report.bisection import render, sentence
from kseries.verdict.bisection import (
    Bisection,
    BisectStep,
    Conclusion,
    KeptAnswer,
    Seen,
    Sought,
    Trial,
)

TEST = Sought(test="ping", program="net/ping", case="a")
LINE = Sought(log="net_poll")
TOTAL = 4


def patch(number: int) -> Patch:
    file = Path(f"/p/{number}.patch")
    return Patch(number, f"net: change {number}", "A B <ab@c.org>", f"m{number}@c.org", file, "")


def step(patches: int, *seen: Seen, untestable: str = "", what: str = "") -> BisectStep:
    trials = [
        Trial(one, what or one.value, f"steps/{patches}/run-{number}")
        for number, one in enumerate(seen, 1)
    ]
    return BisectStep(patches, "c" * 40, tuple(trials), untestable=untestable, seconds=2.0)


def found(
    conclusion: Conclusion, first: int, last: int, *steps: BisectStep, sought: Sought = TEST
) -> Bisection:
    return Bisection(
        sought=sought,
        series="toys",
        conclusion=conclusion,
        first=first,
        last=last,
        patches=tuple(map(patch, range(1, TOTAL + 1))),
        commits=tuple(f"{number}" * 40 for number in range(1, TOTAL + 1)),
        steps=steps,
        answers=strategy.answers(TOTAL, steps),
        tree="/out/my trees/toys",
    )


G, B, A, N = Seen.GOOD, Seen.BAD, Seen.ABSENT, Seen.NO_BOOT
END, BASE = step(4, B, B), step(0, G, G)
FOUND = found(Conclusion.FOUND, 2, 2, BASE, step(1, G, G), step(2, B, B), END)


def told(bisection: Bisection, run: RunResult) -> str:
    return render(bisection, run, width=100, color=False, folder="out/runs/x")


def test_the_first_bad_patch_with_all_that_is_known_of_it(passing_run: RunResult) -> None:
    run = replace(passing_run, notes=("version 2 is there, too",))
    assert told(FOUND, run) == (
        """\
FOUND  net/ping: a: goes wrong with patch 2 of 4 of toys, 'net: change 2'.
  2  net: change 2: A B <ab@c.org>, commit 222222222222, <m2@c.org>

Searched: 4 patches of toys, stack zcrx-v7, on debian-6.12: linux-source-6.12 6.12.117-1, commit
  bbbbbbbbbbbb; 4 steps in 5 min 7 s

  patches  answer  runs        built in  what was seen
     base  good    2 good         2.0 s  good
        1  good    2 good         2.0 s  good
        2  bad     2 of 2 bad     2.0 s  bad
        4  bad     2 of 2 bad     2.0 s  bad

Notes
  - version 2 is there, too

next:  compare these two runs (console.log, tests/), and read the patch
the change:  git -C '/out/my trees/toys' show 222222222222
patch 1, good:  out/runs/x/steps/1/run-2
patch 2, bad:  out/runs/x/steps/2/run-2
all steps:  out/runs/x/steps
show again:  kseries report 20261122T101500-zcrx-v7
"""
    )


def test_a_range_names_each_suspect_and_why_it_is_none_less(passing_run: RunResult) -> None:
    steps = (BASE, step(1, G, G), step(2, untestable="does not build"), step(3, N), END)
    text = told(found(Conclusion.RANGE, 2, 4, *steps), passing_run)
    for number in (2, 3, 4):
        assert (
            f"  {number}  net: change {number}: A B <ab@c.org>, commit {str(number) * 12}" in text
        )
    assert "log -p --reverse 222222222222^..444444444444\n" in text
    evidence = text[text.index("patch 1, ") : text.index("all steps")]
    assert evidence.splitlines() == [
        "patch 1, good:  out/runs/x/steps/1/run-2",
        "patch 2, cannot be tested:  out/runs/x/steps/2",
        "patch 3, cannot be tested:  out/runs/x/steps/3/run-1",
        "patch 4, bad:  out/runs/x/steps/4/run-2",
    ]


def test_where_the_fault_comes_and_goes_a_bad_run_is_the_evidence(passing_run: RunResult) -> None:
    steps = (step(0, *[G] * 5), step(1, G, B, B, G, G), END)
    text = told(found(Conclusion.FLAKY, 1, 1, *steps), passing_run)
    assert "patch 1, bad:  out/runs/x/steps/1/run-3\n" in text
    assert "base, good:  out/runs/x/steps/0/run-5\n" in text
    assert "1  net: change 1: A B <ab@c.org>" in text


def test_where_nothing_is_good_the_patches_are_suspects_as_well(passing_run: RunResult) -> None:
    steps = (step(0, untestable="does not build"), step(1, B, B), END)
    text = told(found(Conclusion.NO_GOOD, 0, 1, *steps), passing_run)
    assert "1  net: change 1: A B <ab@c.org>, commit 111111111111" in text
    assert "base, cannot be tested:  out/runs/x/steps/0\n" in text


@pytest.mark.parametrize(
    ("conclusion", "steps", "evidence"),
    [
        (Conclusion.NOT_BROKEN, (step(4, *[G] * 5),), "patch 4, good:  out/runs/x/steps/4/run-5"),
        (Conclusion.BROKEN_ON_BASE, (step(0, B, B), END), "base, bad:  out/runs/x/steps/0/run-2"),
    ],
)
def test_no_patch_is_blamed_where_none_is_at_fault(
    conclusion: Conclusion,
    steps: tuple[BisectStep, ...],
    evidence: str,
    passing_run: RunResult,
) -> None:
    last = TOTAL if conclusion is Conclusion.NOT_BROKEN else 0
    text = told(found(conclusion, last, last, *steps), passing_run)
    assert "net: change" not in text
    assert "the change" not in text
    assert evidence in text.splitlines()


def test_each_end_says_what_to_do_next(passing_run: RunResult) -> None:
    ends = {
        conclusion: told(replace(FOUND, conclusion=conclusion), passing_run)
        for conclusion in Conclusion
    }
    said = {text.partition("\nnext:  ")[2].partition("\n")[0] for text in ends.values()}
    assert "" not in said
    assert len(said) == len(Conclusion)


def test_a_test_that_comes_with_the_patch(passing_run: RunResult) -> None:
    new = found(Conclusion.FOUND, 2, 2, step(0, A), step(1, A), step(2, B, B), END)
    text = told(new, passing_run)
    assert "Before it the test is not there yet." in text
    assert "next:  read the patch and what its test says: either may be wrong\n" in text


@pytest.mark.parametrize(
    ("conclusion", "what"),
    [
        (Conclusion.FOUND, "comes with patch 2 of 4 of toys, 'net: change 2'."),
        (Conclusion.BROKEN_ON_BASE, "there on the base already, without toys."),
        (Conclusion.NOT_BROKEN, "not there with the whole series, in 2 runs."),
    ],
)
def test_a_line_of_the_kernel_log_is_there_or_not(conclusion: Conclusion, what: str) -> None:
    line = replace(FOUND, conclusion=conclusion, sought=LINE)
    assert sentence(line) == f"'net_poll' in the kernel log: {what}"


def test_a_base_that_a_baseline_answered_for(passing_run: RunResult) -> None:
    kept = KeptAnswer(G, "pass", "run-7", "2026-11-22T10:15:00+00:00", "steps/0/baseline.json")
    base = BisectStep(0, "c" * 40, baseline=kept)
    note = "base: good in the baseline that run-7 made, 2026-11-22 10:15 UTC"
    text = told(replace(FOUND, steps=(base, *FOUND.steps[1:])), passing_run)
    assert "     base  good    baseline              pass\n" in text
    assert f"{note} (steps/0/baseline.json); not tested here" in " ".join(text.split())
    # Where it was tried in the end, its own runs are told.
    steps = (replace(step(0, G, G), baseline=kept), step(1, B, B), END)
    text = told(found(Conclusion.FOUND, 1, 1, *steps), passing_run)
    assert "     base  good    2 good         2.0 s  good\n" in text
    assert "then tried here, as the answer rests on it" in " ".join(text.split())
    assert "base, good:  out/runs/x/steps/0/run-2\n" in text
    # And so is why that did not go.
    steps = (replace(step(0, untestable="does not build"), baseline=kept), step(1, B, B), END)
    text = told(found(Conclusion.NO_GOOD, 0, 1, *steps), passing_run)
    assert "base, cannot be tested:  out/runs/x/steps/0\n" in text


def test_what_terminals_obey_is_taken_out(passing_run: RunResult) -> None:
    evil = "\x1b[31mred\u202e\x07"
    hostile = replace(patch(2), title=evil, author=evil, message_id=evil)
    patches = (patch(1), hostile, *map(patch, (3, 4)))
    steps = (replace(BASE, notes=(evil,)), step(1, G, G), step(2, B, B, what=evil), END)
    text = told(replace(FOUND, patches=patches, steps=steps), passing_run)
    assert "red" in text
    assert not {"\x1b", "\u202e", "\x07"}.intersection(text)
