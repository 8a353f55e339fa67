# SPDX-License-Identifier: GPL-2.0
"""The result document as the text of a reply to the series: 72 columns, nothing to click."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

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
from kseries.report import against
from kseries.report.printable import printable
from kseries.report.words import again, author_base, counted, duration
from kseries.verdict import findings, functions, known_failures, repeat, uncompiled
from kseries.verdict.known_failures import Filtered
from kseries.verdict.scope import heading, tests

WIDTH = 72
MAX_REASONS = 6
MAX_PROGRAMS = 8
MAX_CASES = 4  # of one program
MAX_LINES = 4  # of one case
MAX_SPLAT = 24  # lines of one complaint of the kernel
MAX_FINDINGS = 5
MAX_OTHERS = 8  # of those that the series did the same to
MAX_DIAGNOSTICS = 10
MAX_MESSAGE = 30

# Ellipsis, dashes, quotation marks, arrow.
_ASCII = str.maketrans(
    {
        "\u2026": "...",
        "\u2013": "-",
        "\u2014": "-",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2192": "->",
    }
)

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


def render(result: RunResult) -> str:
    """Give the text of the mail, without headers."""
    result = printable(result)
    mine = known_failures.of(result)
    parts = [
        _verdict(result),
        _tested(result),
        _table(result),
        *_stages(result),
        *_programs(result, mine),
        *_findings(result),
        *_against(result),
        _patches(result),
        _diagnostics(result),
        _notes(result),
        _again(result),
    ]
    paragraphs = ["\n".join(line.rstrip() for line in part) for part in map(list, parts) if part]
    return "\n\n".join(text for text in paragraphs if text).translate(_ASCII) + "\n"


def _verdict(result: RunResult) -> Iterator[str]:
    what = f"The series {result.under_test}" if result.under_test else "The tree"
    if not result.stack:
        what = f"The log {result.run}"
    version = result.provenance.kseries_version
    sentence = f"{what} was {_done(result)} with kseries {version}."
    answer = _VERDICTS[result.verdict].format(heading=heading(result))
    yield from _folded(f"{sentence} {answer}")
    said = [*filter(None, (uncompiled.statement(result), functions.idle(result)))]
    if said or result.reasons:
        yield ""
    yield from _listed(said)
    yield from _listed(result.reasons[:MAX_REASONS])
    if len(result.reasons) > MAX_REASONS:
        yield f"- and {len(result.reasons) - MAX_REASONS} more"
    yield from _compiling(result)
    excuse = against.excuse(result)
    if excuse:
        yield ""
        yield from _folded(f"{excuse}.")


def _compiling(result: RunResult) -> Iterator[str]:
    what, _, command = uncompiled.advice(result).partition(": ")
    if what:
        yield ""
        yield from _folded(f"{what}:" if command else f"{what}.")
    if command:
        yield ""
        yield from _command(command)


def _done(result: RunResult) -> str:
    done = {stage.name for stage in result.stages if stage.state is StageState.DONE}
    words = [word for stage, word in _DONE_WORDS.items() if stage in done] or ["read"]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _tested(result: RunResult) -> Iterator[str]:
    facts = result.provenance
    applied = sum(patch.state is PatchState.APPLIED for patch in result.patches)
    own = sum(patch.series == result.under_test for patch in result.patches)
    patches = f"{counted(own, 'patch')} of the series, {applied} applied in all"
    pairs = (
        ("source", facts.source),
        ("base commit", facts.base_commit),
        ("its base", author_base(result.author_base)),
        ("patches", patches if result.patches else ""),
        ("config", facts.config),
        ("kernel", facts.kernel_release),
        ("compiler", facts.compiler),
        ("tests", tests(result)),
        ("machine", " ".join(filter(None, (facts.qemu, facts.accelerator)))),
        ("time", duration(result.seconds)),
    )
    if not result.stack:
        return
    yield "What was tested:" if result.programs else "What was looked at:"
    yield ""
    for what, value in pairs:
        if value:
            yield from _folded(value, f"  {what + ':':<13} ", " " * 16)


def _table(result: RunResult) -> Iterator[str]:
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
            yield [f"{stage.name}:", "", *_quoted(lines, MAX_MESSAGE)]


def _bad(programs: Iterable[ProgramResult]) -> list[ProgramResult]:
    return [program for program in programs if not program.status.good]


def _programs(result: RunResult, mine: Filtered) -> Iterator[Iterable[str]]:
    bad = _bad(mine.programs)
    for program in bad[:MAX_PROGRAMS]:
        yield _program(result, program)
    if len(bad) > MAX_PROGRAMS:
        yield [f"... and {counted(len(bad) - MAX_PROGRAMS, 'more program')} that did not pass"]


def _program(result: RunResult, program: ProgramResult) -> Iterator[str]:
    yield from _folded(f"{program.status.value.upper()} {label_of(program)}")
    yield from _listed(program.problems, "  ")
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
    command = repeat.command(result, repeat.pattern(program))
    if command:
        yield ""
        yield "  Again:"
        yield from _command(command, "    ")


def _counted_cases(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what.replace('case', 'cases')}"


def _case(case: Case) -> Iterator[str]:
    often = f" ({again(case.reruns)})" if case.reruns else ""
    yield from _folded(f"{case.status.value}: {case.name}{often}", "  ", "    ")
    lines = telling([(line, line.lstrip().startswith("#")) for line in case.diagnostics])
    if case.reason and not any(case.reason in line for line in lines[:MAX_LINES]):
        lines = [case.reason, *lines]
    yield from _quoted(lines, MAX_LINES)


def _findings(result: RunResult) -> Iterator[Iterable[str]]:
    found = known_failures.found(result)
    for finding in found[:MAX_FINDINGS]:
        yield _finding(finding, findings.evidence(finding, result.events))
    if len(found) > MAX_FINDINGS:
        yield [f"... and {counted(len(found) - MAX_FINDINGS, 'more complaint')} of the kernel"]


def _finding(finding: Finding, splat: Sequence[str]) -> Iterator[str]:
    happened = f"Kernel log, {findings.line(finding)}{findings.happened(finding)}:"
    yield from _folded(happened, "  ", "  ")
    lines = [line for line in splat if not _MACHINERY.match(line)]
    if finding.stack and not finding.undecoded:
        # The stack as it was read, rather than as the kernel printed it.
        head = next((at for at, line in enumerate(lines) if HEAD.match(line)), len(lines))
        lines = [*lines[: head + 1], *(f" {line}" for line in finding.stack)]
    yield from _quoted(lines or [finding.title], MAX_SPLAT)
    if finding.suspect:
        yield ""
        yield from _folded(findings.suspicion(finding), "  ", "    ")


def _against(result: RunResult) -> Iterator[Iterable[str]]:
    if result.baseline is not None:
        yield _folded(f"Against the {against.counts(result.baseline)}")
    for listed in against.lists(result):
        lines = [*listed.lines[:MAX_OTHERS]]
        if len(listed.lines) > MAX_OTHERS:
            lines.append(f"and {len(listed.lines) - MAX_OTHERS} more")
        yield [f"{listed.title}:", "", *_listed(lines)]


def _patches(result: RunResult) -> Iterator[str]:
    for patch in result.patches:
        if patch.state is not PatchState.APPLIED:
            found = f" as {patch.found_as}" if patch.found_as else ""
            text = f"{patch.series} {patch.index}: {patch.state.value}{found}: {patch.title}"
            yield from _folded(text, "", "  ")


def _diagnostics(result: RunResult) -> Iterator[str]:
    found = result.diagnostics
    if not found:
        return
    yield "The build says:"
    yield ""
    lines = [f"{d.file}:{d.line}: {d.severity.value}: {d.text} {d.option}" for d in found]
    yield from _quoted(lines, MAX_DIAGNOSTICS)


def _notes(result: RunResult) -> Iterator[str]:
    if result.notes:
        yield "Notes:"
        yield ""
        yield from _listed(result.notes)


def _again(result: RunResult) -> Iterator[str]:
    command = repeat.command(result)
    if not command:
        return
    where = "" if result.provenance.installed else ", in a clone of kseries"
    yield f"To reproduce this{where}:"
    yield ""
    checkout = repeat.checkout(result.provenance)
    if checkout:
        yield from _command(checkout)
    yield from _command(command)


def _listed(texts: Iterable[str], indent: str = "") -> Iterator[str]:
    for text in texts:
        yield from _folded(text, f"{indent}- ", f"{indent}  ")


def _quoted(lines: Sequence[str], limit: int) -> Iterator[str]:
    """Give lines that others wrote, set in; what is too wide goes on below."""
    for line in lines[:limit]:
        yield from _folded(line, "    ", "      ") or [""]
    if len(lines) > limit:
        yield f"    ... {counted(len(lines) - limit, 'more line')}"


def _command(line: str, indent: str = "  ") -> Iterator[str]:
    """Give a command; one that is too wide goes on below, as a shell takes it."""
    folded = textwrap.wrap(
        line, WIDTH - 2, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    yield from (f"{part} \\" for part in folded[:-1])
    yield from folded[-1:]


def _folded(text: str, first: str = "", others: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False,
        replace_whitespace=False, drop_whitespace=True,
    )  # fmt: skip
