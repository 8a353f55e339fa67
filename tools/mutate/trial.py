# SPDX-License-Identifier: GPL-2.0
"""One mutant against the tests that reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mutate.bench import Answer, Bench
from mutate.model import Fate, Mutant, Outcome
from mutate.testmap import Broken, Chooser

# Processor time that tests may take: so many times what they took without a fault, and grace.
SLOWER = 5.0
NONE_LEFT = 5  # pytest's exit code where none of the chosen tests is there any more


@dataclass(frozen=True)
class Trial:
    """How mutants are tried. budget_s: of tests for a mutant; grace_s: for a loop to end."""

    chooser: Chooser
    budget_s: float
    grace_s: float

    def run(self, bench: Bench, mutant: Mutant) -> Outcome:
        """Run the tests of a mutant until one fails."""
        bench.settle(mutant.module)
        rounds = self.chooser.tests(mutant, self.budget_s)
        count = sum(map(len, rounds))
        with bench.changed(mutant):
            for tests in rounds:
                answer = self._tested(bench, tests)
                if answer.exit is None:
                    return Outcome(mutant, Fate.TIMEOUT, tests=count)
                if answer.exit not in (0, NONE_LEFT):
                    if answer.failed:
                        self.chooser.note(mutant.module, answer.failed[0])
                    by = answer.failed[0] if answer.failed else f"pytest gave {answer.exit}"
                    return Outcome(mutant, Fate.KILLED, by, count)
        return Outcome(mutant, Fate.SURVIVED, tests=count)

    def control(self, bench: Bench, mutant: Mutant) -> None:
        """Run the tests of a mutant without it, and drop those that fail: they would kill all.

        Raises Broken when they do not run at all.
        """
        bench.settle(mutant.module)
        while failed := [
            test
            for tests in self.chooser.tests(mutant, self.budget_s)
            for test in self._failed(bench, tests)
        ]:
            self.chooser.drop(failed)

    def _failed(self, bench: Bench, tests: Sequence[str]) -> tuple[str, ...]:
        answer = self._tested(bench, tests)
        if answer.exit == 0:
            return ()
        if answer.exit != 1 or not answer.failed:
            raise Broken(f"{tests[0]} and others do not run: pytest gave {answer.exit}")
        return answer.failed

    def _tested(self, bench: Bench, tests: Sequence[str]) -> Answer:
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        return bench.run(files, tests, self.grace_s + SLOWER * self.chooser.expected_s(tests))
