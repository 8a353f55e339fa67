# SPDX-License-Identifier: GPL-2.0
"""Rules of what counts against a series that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace

from kseries.model import AgainstBase, Baseline, Case, ProgramResult, Status, TestOutcome
from kseries.results.charged import charged
from kseries.results.regressions import against

P, E = Status.PASS, Status.ERROR


def program(*problems: str) -> ProgramResult:
    return ProgramResult("net", "ping", E, 1, 1.0, (Case("a", P),), problems)


def test_a_program_of_which_the_comparison_says_nothing_counts_as_it_is() -> None:
    seen = AgainstBase("b" * 40, (), "run", "now", False, (), (), ())
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
