# SPDX-License-Identifier: GPL-2.0
"""The result document as the text of a reply to the series: facts first, 72 columns, no clicks.

`render` gives the whole text; who has more to say around it, as the bot on a list has, takes its
parts (`outline`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.model import (
    Case,
    Finding,
    PatchState,
    ProgramResult,
    RunResult,
    StageState,
    Status,
    Verdict,
)
from kseries.parse.calltrace import HEAD
from kseries.parse.casetree import leaves
from kseries.parse.ktapreason import telling
from kseries.parse.outcome import label_of
from kseries.report import against, mailfacts, recipe
from kseries.report.mailtext import (
    command,
    few_listed,
    folded,
    listed,
    paragraphs,
    quoted,
    table,
)
from kseries.report.printable import printable
from kseries.report.words import again, counted
from kseries.verdict import findings, functions, known_failures, repeat, uncompiled
from kseries.verdict.known_failures import Filtered
from kseries.verdict.scope import heading

MAX_REASONS = 6
MAX_PROGRAMS = 4
MAX_CASES = 4  # of one program
MAX_LINES = 4  # of one case
MAX_SPLAT = 10  # lines of one complaint of the kernel
MAX_FINDINGS = 3
MAX_OTHERS = 8  # of those that the series did the same to
MAX_DIAGNOSTICS = 10
MAX_MESSAGE = 10
MAX_PATCHES = 8
MAX_LISTED = 10  # notes, and what was not tested

_DONE_WORDS = {
    "apply": "applied",
    "config": "configured",
    "build": "built",
    "test": "tested",
    "parse": "read",
}

# Of a complaint of the kernel: what says little to who knows the source.
_MACHINERY = re.compile(
    r"\s*(?:R(?!IP)[A-Z0-9]{1,2}|EFLAGS|ORIG_RAX|CR\d|DR\d|FS|CS|Code"
    r"|Modules linked in|Hardware name): ?"
)

_VERDICTS = {
    Verdict.PASS: "It passes.",
    Verdict.PARTIAL: "{heading}, and not everything was done, so it is not a pass:",
    Verdict.FAIL: "It does not pass:",
    Verdict.INCOMPLETE: "The run did not complete, so there is no verdict:",
}


@dataclass(frozen=True)
class Outline:
    """The text in its parts, a paragraph each."""

    head: tuple[str, ...]  # the verdict, why, and the facts
    evidence: tuple[str, ...]  # what failed, with the lines that show it
    beside: tuple[str, ...]  # what was compared, what was not tested, notes
    again: tuple[str, ...]  # how to see the same


def render(result: RunResult) -> str:
    """Give the text of the mail, without headers."""
    parts = outline(result)
    return "\n\n".join((*parts.head, *parts.evidence, *parts.beside, *parts.again)) + "\n"


def outline(result: RunResult, *, message_id: str = "", config: str = "") -> Outline:
    """Give the parts of the text. message_id, config: for the recipe, as `recipe.commands`."""
    result = printable(result)
    mine = known_failures.of(result)
    evidence = (*_stages(result), *_programs(result, mine), *_findings(result))
    beside = (
        *_against(result),
        _patches(result),
        _diagnostics(result),
        _list("What was not tested:", mailfacts.untested(result)),
        _list("Notes:", result.notes),
    )
    return Outline(
        head=tuple(paragraphs((_verdict(result), *_tested(result)))),
        evidence=tuple(paragraphs(evidence)),
        beside=tuple(paragraphs(beside)),
        again=tuple(paragraphs((_recipe(result, message_id, config), _again(result)))),
    )


def _verdict(result: RunResult) -> Iterator[str]:
    named = f"'{result.subject.title}'" if result.subject.title else result.under_test
    what = f"The series {named}" if result.under_test else "The tree"
    if not result.stack:
        what = f"The log {result.run}"
    version = result.provenance.kseries_version
    sentence = f"{what} was {_done(result)} with kseries {version}."
    answer = _VERDICTS[result.verdict].format(heading=heading(result))
    yield from folded(f"{sentence} {answer}")
    said = [*filter(None, (uncompiled.statement(result), functions.idle(result)))]
    if said or result.reasons:
        yield ""
    yield from listed(said)
    yield from few_listed(result.reasons, MAX_REASONS)
    yield from _compiling(result)
    excuse = against.excuse(result)
    if excuse:
        yield ""
        yield from folded(f"{excuse}.")


def _compiling(result: RunResult) -> Iterator[str]:
    what, _, line = uncompiled.advice(result).partition(": ")
    if what:
        yield ""
        yield from folded(f"{what}:" if line else f"{what}.")
    if line:
        yield ""
        yield from command(line)


def _done(result: RunResult) -> str:
    done = {stage.name for stage in result.stages if stage.state is StageState.DONE}
    words = [word for stage, word in _DONE_WORDS.items() if stage in done] or ["read"]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _tested(result: RunResult) -> Iterator[Iterable[str]]:
    """Give what was tested: a table of facts, and one of suites."""
    if result.stack:
        yield ("What was tested:" if result.programs else "What was looked at:",)
        yield table(mailfacts.facts(result))
    yield _suites(result)


def _suites(result: RunResult) -> Iterator[str]:
    suites = against.suites(result)
    if not suites:
        return
    before = any(counts.before for counts in suites)
    last = f" {'before':>7}" if before else ""
    yield f"  {'suite':<24} {'programs':>8} {'pass':>6} {'skip':>6} {'fail':>6}{last}"
    for counts in suites:
        cases = counts.suite.cases
        last = f" {counts.before:>7}" if before else ""
        yield (
            f"  {counts.suite.name[:24]:<24} {counts.suite.programs:>8}"
            f" {cases.passed:>6} {cases.skipped:>6} {counts.failed:>6}{last}"
        )


def _stages(result: RunResult) -> Iterator[Iterable[str]]:
    for stage in result.stages:
        if stage.message and stage.state is not StageState.DONE:
            lines = stage.message.splitlines()
            yield [f"{stage.name}:", "", *quoted(lines, MAX_MESSAGE)]


def _programs(result: RunResult, mine: Filtered) -> Iterator[Iterable[str]]:
    bad = [program for program in mine.programs if not program.status.good]
    for program in bad[:MAX_PROGRAMS]:
        yield _program(result, program)
    if len(bad) > MAX_PROGRAMS:
        yield [f"... and {counted(len(bad) - MAX_PROGRAMS, 'more program')} that did not pass"]


def _program(result: RunResult, program: ProgramResult) -> Iterator[str]:
    yield from folded(f"{program.status.value.upper()} {label_of(program)}")
    yield from listed(program.problems, "  ")
    bad = [case for case in leaves(program.cases) if not case.status.good]
    missing = sum(case.status is Status.MISSING for case in bad)
    seen = [case for case in bad if case.status is not Status.MISSING]
    for case in seen[:MAX_CASES]:
        yield ""
        yield from _case(case)
    rest = [(len(seen) - MAX_CASES, "more case"), (missing, "case without a result")]
    for number, what in rest:
        if number > 0:
            yield ""
            yield f"  and {_counted_cases(number, what)}"
    line = repeat.command(result, repeat.pattern(program))
    if line:
        yield ""
        yield "  Again:"
        yield from command(line, "    ")


def _counted_cases(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what.replace('case', 'cases')}"


def _case(case: Case) -> Iterator[str]:
    often = f" ({again(case.reruns)})" if case.reruns else ""
    yield from folded(f"{case.status.value} {case.name}{often}", "  ", "    ")
    lines = telling([(line, line.lstrip().startswith("#")) for line in case.diagnostics])
    if case.reason and not any(case.reason in line for line in lines[:MAX_LINES]):
        lines = [case.reason, *lines]
    yield from quoted(lines, MAX_LINES)


def _findings(result: RunResult) -> Iterator[Iterable[str]]:
    found = known_failures.found(result)
    for finding in found[:MAX_FINDINGS]:
        yield _finding(finding, findings.evidence(finding, result.events))
    if len(found) > MAX_FINDINGS:
        yield [f"... and {counted(len(found) - MAX_FINDINGS, 'more complaint')} of the kernel"]


def _finding(finding: Finding, splat: Sequence[str]) -> Iterator[str]:
    happened = f"Kernel log, {findings.line(finding)}{findings.happened(finding)}:"
    yield from folded(happened, "  ", "  ")
    lines = [line for line in splat if not _MACHINERY.match(line)]
    if finding.stack and not finding.undecoded:
        # The stack as it was read, rather than as the kernel printed it.
        head = next((at for at, line in enumerate(lines) if HEAD.match(line)), len(lines))
        lines = [*lines[: head + 1], *(f" {line}" for line in finding.stack)]
    yield from quoted(lines or [finding.title], MAX_SPLAT)
    if finding.suspect:
        yield ""
        yield from folded(findings.suspicion(finding), "  ", "    ")


def _against(result: RunResult) -> Iterator[Iterable[str]]:
    for found in against.lists(result):
        yield [f"{found.title}:", "", *few_listed(found.lines, MAX_OTHERS)]


def _patches(result: RunResult) -> Iterator[str]:
    odd = [patch for patch in result.patches if patch.state is not PatchState.APPLIED]
    for patch in odd[:MAX_PATCHES]:
        found = f" as {patch.found_as}" if patch.found_as else ""
        text = f"{patch.series} {patch.index}: {patch.state.value}{found}: {patch.title}"
        yield from folded(text, "", "  ")
    if len(odd) > MAX_PATCHES:
        yield f"and {counted(len(odd) - MAX_PATCHES, 'more patch')} like that"


def _diagnostics(result: RunResult) -> Iterator[str]:
    found = result.diagnostics
    if not found:
        return
    yield "The build says:"
    yield ""
    lines = [f"{d.file}:{d.line}: {d.severity.value}: {d.text} {d.option}" for d in found]
    yield from quoted(lines, MAX_DIAGNOSTICS)


def _list(title: str, texts: Iterable[str]) -> list[str]:
    lines = [*few_listed([*texts], MAX_LISTED)]
    return [title, "", *lines] if lines else []


def _recipe(result: RunResult, message_id: str, config: str) -> Iterator[str]:
    lines = recipe.commands(result, message_id, config)
    if not lines:
        return
    besides = "" if config else recipe.differences(result)
    told = f" ({besides} here)" if besides else ""
    yield from folded(f"To see it without kseries, in a kernel tree{told}:")
    yield ""
    for line in lines:
        yield from command(line)


def _again(result: RunResult) -> Iterator[str]:
    line = repeat.command(result)
    if not line:
        return
    where = "" if result.provenance.installed else ", in a clone of kseries"
    yield f"To reproduce this{where}:"
    yield ""
    checkout = repeat.checkout(result.provenance)
    if checkout:
        yield from command(checkout)
    yield from command(line)
