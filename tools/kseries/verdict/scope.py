# SPDX-License-Identifier: GPL-2.0
"""What a run did of all that a run can do, and how that is told. Pure.

A run that was to do less than everything is not a pass, whatever it found: it is partial, and its
heading says what it shows. Every report takes its heading from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kseries.model import (
    ProgramResult,
    RunResult,
    Scope,
    StageState,
    Status,
    TestCount,
    TestProgram,
    Verdict,
)
from kseries.names import RUN_STAGES
from kseries.parse.casetree import leaves, walk
from kseries.parse.outcome import label_of
from kseries.verdict import functions

BASELINE = RUN_STAGES[-1]

# What is shown when a stage was the last one asked for, and went well.
_IDLE = "PASS of tests that run nothing of what is changed"
_HEADINGS = {
    "series": "READ",
    "fetch": "FETCHED",
    "apply": "APPLIES",
    "config": "CONFIGURES",
    "build": "BUILDS",
    "install": "BUILDS",
    # Where these found no test to run:
    "test": "BUILDS",
    "baseline": "BUILDS",
    "patches": "BUILDS",
    "bisect": "SEARCHED",
}


def seen(result: RunResult) -> Scope:
    """Give the scope of a document with what its stages tell."""
    names = [stage.name for stage in result.stages]
    done = [stage.name for stage in result.stages if stage.state is StageState.DONE]
    return replace(
        result.scope,
        asked=names[-1] if names else "",
        reached=done[-1] if done else "",
        not_asked=tuple(name for name in _whole(result) if name not in names),
    )


def lacking(result: RunResult) -> tuple[str, ...]:
    """Say in sentences what a run was not asked to do, or could not; () for a whole one."""
    return tuple(_lacking(result, seen(result))) if result.stack else ()


def heading(result: RunResult) -> str:
    """Give the answer in a few words: "PASS", "BUILDS", "PASS of 3 chosen tests"."""
    told = _answer(result)
    is_pass = result.verdict in (Verdict.PASS, Verdict.PARTIAL) and told != _IDLE
    ran = functions.statement(result) if is_pass else ""
    return f"{told}, {ran}" if ran else told


def _answer(result: RunResult) -> str:
    if result.verdict is not Verdict.PARTIAL:
        return result.verdict.value.upper()
    scope = seen(result)
    if not result.programs:
        return _HEADINGS.get(scope.reached, Verdict.PARTIAL.value.upper())
    if scope.only:
        tests = scope.chosen.tests
        chosen = f"{tests} chosen test{'' if tests == 1 else 's'}" if tests else "chosen tests"
        return f"PASS of {chosen}"
    if scope.left_out:
        there = {program.suite for program in result.programs}
        names = [f"a part of {name}" if name in there else name for name in scope.left_out]
        return f"PASS without {', '.join(names)}"
    if scope.not_asked == (BASELINE,):
        return "PASS, not compared with the base"
    if functions.lacking(result):
        return _IDLE
    return Verdict.PARTIAL.value.upper()


def tests(result: RunResult) -> str:
    """Say how many of the tests were to run, where those that take minutes were not; else ""."""
    chosen, planned = result.scope.chosen, result.scope.planned
    if result.scope.only or not chosen.programs or chosen == planned:
        return ""
    return (
        f"{chosen.tests} of {planned.tests} tests, {chosen.programs} of {planned.programs}"
        " programs: those that take minutes were not asked for (--extended)"
    )


def counts(
    planned: Sequence[TestProgram], ran: Sequence[ProgramResult]
) -> tuple[TestCount, TestCount]:
    """Count the tests that were to run, and all there are.

    Of a program that does not say which cases it has, those count that were seen.
    """
    found = {label_of(result): len(leaves(result.cases)) or 1 for result in ran}
    total = sum(
        max(len(program.cases) or 1, found.get(label_of(program), 0)) for program in planned
    )
    return TestCount(len(ran), sum(found.values())), TestCount(len(planned), total)


def skipped(suite: str, programs: Sequence[ProgramResult]) -> str:
    """Say of a suite that each of its programs was skipped, and why; "" where one was not."""
    own = [program for program in programs if program.suite == suite]
    if not own or any(program.status is not Status.SKIP for program in own):
        return ""
    why = next((case.reason for one in own for case in walk(one.cases) if case.reason), "")
    told = f"the suite '{suite}' tested nothing: each of its {len(own)} programs was skipped"
    return f"{told} ({why})" if why else told


def _whole(result: RunResult) -> tuple[str, ...]:
    """Give the stages of a run that does everything: none for a log that was read.

    Without a series under test there is no base to compare with.
    """
    if not result.stack:
        return ()
    return RUN_STAGES if result.under_test else RUN_STAGES[:-1]


def _lacking(result: RunResult, scope: Scope) -> Iterator[str]:
    if scope.not_asked == (BASELINE,):
        yield "it was not to be compared with the base without the series"
    elif scope.not_asked:
        yield f"these stages were not asked for: {', '.join(scope.not_asked)}"
    if "test" in scope.not_asked:
        return
    if scope.only:
        of = f": {scope.chosen.tests} of {scope.planned.tests}" if scope.planned.tests else ""
        yield f"only tests chosen with -k ({', '.join(scope.only)}) were to run{of}"
    for suite in scope.left_out:
        yield f"the suite '{suite}' was left out, wholly or in part"
    yield from filter(None, (skipped(name, result.programs) for name in scope.chosen_suites))
    if not result.programs:
        yield "no test was run"
    if told := functions.lacking(result):
        yield told
