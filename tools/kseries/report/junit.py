# SPDX-License-Identifier: GPL-2.0
"""The result document as JUnit XML, which most CI systems show. The only user of junitparser.

A suite for the stages, one for what was not done, one for each test program, and one for what the
kernel complained of. Known failures are skipped, as CI systems go red for each failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from kseries.model import (
    Case,
    Finding,
    KernelEvent,
    ProgramResult,
    RunResult,
    StageRecord,
    StageState,
    Status,
    TestEffect,
)
from kseries.parse.casetree import paths
from kseries.parse.outcome import label_of
from kseries.report.printable import printable
from kseries.report.words import author_base, reason
from kseries.verdict import findings, known_failures, scope, uncompiled
from kseries.verdict.named import CASE

Outcome = Error | Failure | Skipped

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'

STAGES = "stages"
COMPILED = "changed files are compiled"
KERNEL_LOG = "kernel log"
GONE = "gone"
NOT_DONE = "not done"
WHOLE = "(the whole program)"  # where a program is worse than its cases

_ERRORS = (Status.MISSING, Status.ERROR, Status.TIMEOUT, Status.CRASH)


def render(result: RunResult) -> str:
    """Give the XML."""
    result = printable(result)
    document = JUnitXml(f"{result.run}: {scope.heading(result)}")
    stages = [*_stages(result), *_compiled(result)]
    first = _suite(STAGES, stages)
    if result.author_base:
        first.add_property("base of the series", author_base(result.author_base))
    document.add_testsuite(first)
    undone = [*scope.lacking(result), *filter(None, [scope.tests(result)])]
    if undone:
        document.add_testsuite(_suite(NOT_DONE, map(_not_done, undone)))
    mine = known_failures.of(result)
    for program in mine.programs:
        document.add_testsuite(_program(program))
    found = known_failures.found(result)
    if found:
        document.add_testsuite(
            _suite(KERNEL_LOG, (_finding(finding, result.events) for finding in found))
        )
    gone = known_failures.unreached(result.baseline)
    if gone:
        document.add_testsuite(_suite(GONE, map(_gone, gone)))
    document.update_statistics()  # type: ignore[no-untyped-call]
    document.time = result.seconds  # the suites overlap: programs run in the last stage
    text: str = document.tostring().decode()  # type: ignore[no-untyped-call]
    return f"{DECLARATION}\n{text}\n"


def _suite(name: str, cases: Iterable[TestCase]) -> TestSuite:
    suite = TestSuite(name)
    suite.add_testcases(list(cases))
    return suite


def _stages(result: RunResult) -> Iterator[TestCase]:
    yield from map(_stage, result.stages)
    for name in scope.seen(result).not_asked:
        yield _case(STAGES, name, None, _told(Skipped, "not asked for", "not asked for", ()))


def _not_done(sentence: str) -> TestCase:
    return _case(NOT_DONE, sentence, None, _told(Skipped, sentence, "not done", ()))


def _stage(stage: StageRecord) -> TestCase:
    outcome: Outcome | None = None
    if stage.state is StageState.FAILED:
        outcome = _told(Failure, stage.summary, stage.state.value, stage.message.splitlines())
    elif stage.state.lost:
        outcome = _told(Error, stage.summary, stage.state.value, stage.message.splitlines())
    elif stage.state is StageState.NOT_RUN:
        outcome = _told(Skipped, stage.state.value, stage.state.value, ())
    return _case(STAGES, stage.name, stage.seconds, outcome)


def _compiled(result: RunResult) -> Iterator[TestCase]:
    """Tell whether what the series changes was compiled, where that is known."""
    if result.changed is None:
        return
    outcome: Outcome | None = None
    untested = [file for file in result.changed if file.state.untested]
    lines = [f"{file.path}: {uncompiled.told(file)}" for file in untested]
    if said := uncompiled.statement(result):
        outcome = _told(Skipped, said, COMPILED, lines)
    for why in uncompiled.failures(result.changed):
        outcome = _told(Failure, why, COMPILED, lines)
    yield _case(STAGES, COMPILED, None, outcome)


def _program(program: ProgramResult) -> TestSuite:
    suite = _suite(label_of(program), _cases(program))
    # Its own time, which is more than that of its cases together.
    suite.time = program.seconds
    return suite


def _cases(program: ProgramResult) -> Iterator[TestCase]:
    name = f"{program.suite}.{program.name}"
    for path, case in paths(program.cases):
        yield _case(name, CASE.join(path), case.seconds, _outcome(case))
    if program.problems or not program.cases:
        yield _case(name, WHOLE, None, _whole(program))


def _whole(program: ProgramResult) -> Outcome | None:
    if program.status is Status.XFAIL:
        return _told(Skipped, known_failures.KNOWN, program.status.value, ())
    if program.status.good:
        return None
    kind = Failure if program.status is Status.FAIL else Error
    first = program.problems[0] if program.problems else program.status.value
    return _told(kind, first, program.status.value, (*program.problems, *program.tail))


def _outcome(case: Case) -> Outcome | None:
    if case.status is Status.PASS:
        return None
    if case.status.good:
        return _told(Skipped, case.reason, case.status.value, ())
    kind = Error if case.status in _ERRORS else Failure
    return _told(kind, reason(case), case.status.value, case.diagnostics)


def _gone(test: TestEffect) -> TestCase:
    words = known_failures.UNREACHED_WORDS[test.effect]
    told = _told(Failure, words, test.effect.value, [test.why_after] if test.why_after else [])
    return _case(GONE, test.test, None, told)


def _finding(finding: Finding, events: Sequence[KernelEvent]) -> TestCase:
    name = f"{findings.line(finding)}: {finding.title}{findings.happened(finding)}"
    suspicion = [findings.suspicion(finding)] if finding.suspect else []
    lines = (*suspicion, *finding.stack, *findings.evidence(finding, events))
    return _case(KERNEL_LOG, name, None, _told(Failure, finding.title, finding.kind.value, lines))


def _case(classname: str, name: str, seconds: float | None, outcome: Outcome | None) -> TestCase:
    case = TestCase(name, classname, seconds)
    if outcome is not None:
        case.result = [outcome]
    return case


def _told(
    kind: type[Error | Failure | Skipped], message: str, status: str, lines: Sequence[str]
) -> Outcome:
    outcome = kind(message, status)
    if lines:
        outcome.text = "\n".join(lines)
    return outcome
