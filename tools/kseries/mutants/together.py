# SPDX-License-Identifier: GPL-2.0
"""Mutants made by hand, tried in the one kernel that holds those made by machine.

A build each takes a minute and more; a switch takes none. Only what was killed is a result: what
has no switch, or lives with it, gets a kernel of its own and all programs of the suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kseries.model import GeneratedResult, MutantFate, MutantResult
from kseries.mutants import byhand, generated
from kseries.mutants.mutants import RESULTS, SUITE, Mutant, kept
from kseries.run.context import RunContext


def check(
    work: RunContext,
    mutants: Sequence[Mutant],
    everything: Sequence[Mutant],
    case_rules: Mapping[str, str],
    budget_s: float,
) -> None:
    """Try mutants that the run has no result of yet; keep what was killed.

    everything: those that the kernel gets, so that another call finds them in it. case_rules: the
    name of a case ("program: case") → the rule that it tests. budget_s: of cases, for each.
    """
    prepared = generated.prepare(work, everything)
    done = {result.name for result in kept(work.run)}
    left = {mutant.name: mutant for mutant in mutants if mutant.name not in done}
    switched = [
        mutant
        for mutant in prepared.mutants
        if mutant.operator == byhand.OPERATOR and mutant.change in left
    ]
    likely = {mutant.number: _testing(left[mutant.change].rules, case_rules) for mutant in switched}
    # The rules tell which cases to begin with, so that none has to run without a mutant before.
    cases = generated.any_reach(work, SUITE, prepared)
    results = generated.Checker(work, SUITE, cases, budget_s, likely).check(switched, {})
    killed = [result for result in results if result.fate is MutantFate.KILLED]
    found = [_as_patch(left[result.mutant.change], result) for result in killed]
    work.run.save("mutants", (*kept(work.run), *found), RESULTS)


def _testing(rules: Sequence[str], case_rules: Mapping[str, str]) -> list[str]:
    return [case for case, rule in case_rules.items() if rule in rules]


def _as_patch(mutant: Mutant, result: GeneratedResult) -> MutantResult:
    return MutantResult(
        mutant.name, mutant.title, mutant.rules, result.fate, result.by, result.seconds
    )
