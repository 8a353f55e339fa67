# SPDX-License-Identifier: GPL-2.0
"""Which findings of an earlier version are gone, which stay, and which are new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.model import PatchState, ProgramResult, RunResult, Severity, StageState, Status
from kseries.parse.outcome import label_of
from kseries.verdict import findings, known_failures, named

_TEST = "test"

_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. key: what stays the same from version to version."""

    key: tuple[str, ...]
    told: str  # in a line
    stage: str  # that sees it


@dataclass(frozen=True)
class Since:
    """What became of the findings of an earlier version, a line each.

    unknown: those of which the later run cannot tell, as it did not come so far.
    """

    gone: tuple[str, ...]
    stay: tuple[str, ...]
    new: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether neither version has a finding."""
        return not (self.gone or self.stay or self.new or self.unknown)


def compare(before: RunResult, after: RunResult) -> Since:
    """Compare the findings of two versions of a series, those of the base left out."""
    old = {problem.key: problem for problem in problems(before)}
    new = {problem.key: problem for problem in problems(after)}
    left = [problem for key, problem in old.items() if key not in new]
    gone = _looked_for(left, after)
    return Since(
        gone=tuple(problem.told for problem in gone),
        stay=tuple(problem.told for key, problem in new.items() if key in old),
        new=tuple(problem.told for key, problem in new.items() if key not in old),
        unknown=tuple(problem.told for problem in left if problem not in gone),
    )


def problems(result: RunResult) -> Iterator[Problem]:
    """Give all that is wrong with a series, what weighs most first."""
    conflicts = [patch for patch in result.patches if patch.state is PatchState.CONFLICT]
    for patch in conflicts:
        told = f"patch {patch.index} does not apply: {patch.title}"
        yield Problem(("apply", patch.title), told, "apply")
    for stage in result.stages:
        if stage.state is StageState.FAILED and not (stage.name == "apply" and conflicts):
            told = f"stage '{stage.name}': {stage.summary}"
            yield Problem(("stage", stage.name), told, stage.name)
    for finding in known_failures.found(result):
        told = f"kernel log: {finding.title}{findings.happened(finding)}"
        yield Problem(("log", finding.kind.value, finding.fingerprint), told, _TEST)
    yield from _tests(result)
    for one in result.diagnostics:
        text = f"{one.file}: {one.severity.value}: {one.text}"
        if one.severity is Severity.WARNING:
            yield Problem(("build", _NUMBERS.sub("#", text)), text, "build")


def _looked_for(problems: Sequence[Problem], after: RunResult) -> list[Problem]:
    """Give those that a run would have seen: it came so far, and ran the test."""
    done = {stage.name for stage in after.stages if stage.state is StageState.DONE}
    ran = {test.name for test in named.tests(after.programs)}
    return [
        problem
        for problem in problems
        if problem.stage in done and (problem.key[0] != "test" or problem.key[1] in ran)
    ]


def _tests(result: RunResult) -> Iterator[Problem]:
    programs = known_failures.of(result).programs
    missing = []
    for test in named.tests(programs):
        status = test.program.status if test.case is None else test.case.status
        if status.good or (test.case is None and _told_by_cases(test.program)):
            continue
        why = test.case.reason if test.case else next(iter(test.program.problems), "")
        told = ": ".join(filter(None, (f"{test.name}: {status.value}", why)))
        problem = Problem(("test", test.name), told, _TEST)
        if status is Status.MISSING:
            missing.append(problem)  # there may be hundreds, for one reason
        else:
            yield problem
    yield from missing
    gone = known_failures.unreached(result.baseline)
    labels = {label_of(program) for program in programs}
    for effect in gone:
        if effect.test not in labels:
            yield Problem(("test", effect.test), f"{effect.test}: {effect.effect.value}", _TEST)


def _told_by_cases(program: ProgramResult) -> bool:
    return any(not case.status.good for case in program.cases)
