# SPDX-License-Identifier: GPL-2.0
"""One mutant against the tests that reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    # (module, tests) that passed where the module has no fault, so that they may tell of one.
    _sound: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    def run(self, bench: Bench, mutant: Mutant) -> Outcome:
        """Run the tests of a mutant until some notice it that pass without it.

        Raises Broken when tests do not run though there is no fault.
        """
        bench.settle(mutant.module)
        while True:
            outcome, noticed = self._tried(bench, mutant)
            if not noticed or self._pass_without(bench, mutant.module, noticed):
                if outcome.by:
                    self.chooser.note(mutant.module, noticed[0])
                return outcome

    def _tried(self, bench: Bench, mutant: Mutant) -> tuple[Outcome, tuple[str, ...]]:
        """Tell what becomes of a mutant, and which tests have noticed it."""
        rounds = self.chooser.tests(mutant, self.budget_s)
        count = sum(map(len, rounds))
        with bench.changed(mutant):
            for tests in rounds:
                answer = self._tested(bench, tests)
                if answer.exit is None:
                    return Outcome(mutant, Fate.TIMEOUT, tests=count), tuple(tests)
                if answer.exit not in (0, NONE_LEFT):
                    noticed = self.chooser.expand(answer.failed[:1]) or tuple(tests)
                    by = answer.failed[0] if answer.failed else f"pytest gave {answer.exit}"
                    return Outcome(mutant, Fate.KILLED, by, count), noticed
        return Outcome(mutant, Fate.SURVIVED, tests=count), ()

    def _pass_without(self, bench: Bench, module: str, tests: tuple[str, ...]) -> bool:
        """Whether tests pass without a fault; those that do not are chosen no more."""
        if (module, tests) in self._sound:
            return True
        answer = self._tested(bench, tests)
        if answer.exit == 0:
            self._sound.add((module, tests))
            return True
        if answer.exit is not None and not answer.failed:
            raise Broken(f"{tests[0]} and others do not run: pytest gave {answer.exit}")
        self.chooser.drop(answer.failed or tests)
        return False

    def _tested(self, bench: Bench, tests: Sequence[str]) -> Answer:
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        return bench.run(files, tests, self.grace_s + SLOWER * self.chooser.expected_s(tests))
