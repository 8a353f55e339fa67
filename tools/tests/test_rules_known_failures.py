# SPDX-License-Identifier: GPL-2.0
"""Rules of what counts against a series that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace

from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    Effect,
    ProgramResult,
    RunResult,
    Status,
    TestEffect,
    TestOutcome,
)
from kseries.verdict.known_failures import charged, sentence, tally
from kseries.verdict.regressions import against
from kseries.verdict.tally import count

P, E = Status.PASS, Status.ERROR


def program(*problems: str) -> ProgramResult:
    return ProgramResult("net", "ping", E, 1, 1.0, (Case("a", P),), problems)


def compared(*effects: Effect) -> AgainstBase:
    tests = tuple(TestEffect(f"net/{number}", effect) for number, effect in enumerate(effects))
    return AgainstBase("b" * 40, (), "run", "now", False, tests, (), ())


def test_a_program_of_which_the_comparison_says_nothing_counts_as_it_is() -> None:
    seen = compared()
    bad = program("why")
    assert charged((bad,), (), seen).programs == (bad,)


def test_of_a_program_that_fails_otherwise_all_problems_are_told() -> None:
    base = Baseline("b" * 40, (), "run", "now", (program("old"),), (), ())
    now = TestOutcome((program("first", "second"),), (), {})
    seen = against(now, base, left_out=(), whole=True, kept=False)
    (counts,) = charged(now.programs, (), seen).programs
    assert counts == replace(
        now.programs[0],
        problems=("first, exit status 1; on the base error: old, exit status 1", "second"),
    )


def test_each_thing_that_the_series_does_is_counted_by_itself() -> None:
    broke, fixed, added, before = Effect.BROKE, Effect.FIXED, Effect.ADDED, Effect.PRE_EXISTING
    seen = compared(broke, *[fixed] * 2, *[added] * 3, *[before] * 4, Effect.NOT_RUN_ON_BASE)
    assert sentence(seen) == "broke 2, fixed 2, added 3; 4 pre-existing"


def test_what_was_broken_before_is_not_counted_as_failed(compared_run: RunResult) -> None:
    everything, counts = count(compared_run.programs), tally(compared_run)
    assert everything.failed > counts.failed > 0
    assert replace(counts, failed=everything.failed) == everything


def test_a_case_below_another_is_excused_by_its_own_name() -> None:
    below = (Case("a", Status.FAIL, "why"), Case("b", Status.FAIL, "new"))
    nested = replace(
        program(), status=Status.FAIL, cases=(Case("sub", Status.FAIL, children=below),)
    )
    test = TestEffect("net/ping: sub: a", Effect.PRE_EXISTING, Status.FAIL, Status.FAIL)
    seen = replace(compared(), tests=(test,))
    (counts,) = charged((nested,), (), seen).programs
    known, new = counts.cases[0].children
    assert (known.status, known.reason) == (Status.XFAIL, "pre-existing: why")
    assert new == below[1]
    assert not counts.status.good
