# SPDX-License-Identifier: GPL-2.0
"""The result document as text for a terminal: the answer first, then what stands in its way."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kseries.model import (
    AppliedPatch,
    Case,
    Diagnostic,
    Finding,
    PatchState,
    ProgramResult,
    RunResult,
    Severity,
    StageRecord,
    StageState,
    Verdict,
)
from kseries.parse.casetree import leaves
from kseries.parse.outcome import label_of
from kseries.report import against
from kseries.report.printable import printable
from kseries.report.words import PROGRAM, author_base, counted, duration, reason, took, typed
from kseries.verdict import findings, functions, known_failures, uncompiled
from kseries.verdict.scope import heading, tests

MAX_REASONS = 4
MAX_BAD_CASES = 8  # of one program
MAX_PROBLEMS = 3
MAX_FINDINGS = 10
MAX_STACK = 4  # lines of a stack
MAX_OTHERS = 8  # of those that the series did the same to
MAX_FILES = 5
MAX_MESSAGE_LINES = 30

INDENT = (0, 0, 0, 2)
INNER = (0, 0, 0, 6)

_PADDING = re.compile(r"(?:\x1b\[[0-9;]*m| )+$", re.MULTILINE)

VERDICT_STYLES = {
    Verdict.PASS: "bold green",
    Verdict.PARTIAL: "bold cyan",
    Verdict.FAIL: "bold red",
    Verdict.INCOMPLETE: "bold yellow",
}

_STAGE_STYLES = {
    StageState.DONE: "green",
    StageState.FAILED: "red",
    StageState.LOST: "yellow",
    StageState.USAGE: "yellow",
    StageState.INTERRUPTED: "yellow",
    StageState.NOT_RUN: "dim",
}


def render(
    result: RunResult, *, width: int, color: bool, folder: str = "", program: str = PROGRAM
) -> str:
    """Give the report.

    width: in columns. folder: where the run is. program: how its reader starts kseries.
    """
    result = printable(result)
    parts = _parts(result, printable(folder) or f"out/runs/{result.run}", printable(program))
    return printed(parts, width=width, color=color)


def printed(parts: Iterable[RenderableType], *, width: int, color: bool) -> str:
    """Give what a terminal of this width, in columns, is to show, without trailing spaces."""
    console = Console(
        file=io.StringIO(),
        width=max(width, 40),
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        for part in parts:
            whole = isinstance(part, Text) and part.no_wrap is True
            if isinstance(part, Text) and not whole and len(part) > console.width:
                # What goes on below is set in, so that no name of others begins a line.
                first, *rest = part.wrap(console, console.width - INDENT[3], overflow="fold")
                console.print(first, *(Padding(line, INDENT) for line in rest), sep="\n")
            else:
                console.print(part, soft_wrap=whole)
    return _PADDING.sub(lambda found: found[0].replace(" ", ""), captured.get())


def _parts(result: RunResult, folder: str, program: str) -> Iterator[RenderableType]:
    yield _headline(result)
    yield from _reasons(result)
    yield Text()
    yield Padding(_stages(result.stages), INDENT)
    if result.author_base:
        yield Text()
        yield Text(f"  base: {author_base(result.author_base)}")
    for stage in result.stages:
        yield from _message(stage, program)
    if result.programs:
        yield Text()
        yield Padding(_suites(result), INDENT)
    yield from _failures(known_failures.of(result).programs)
    yield from _findings(known_failures.found(result))
    yield from _against(result)
    yield from _patches(result.patches)
    yield from _diagnostics(result.diagnostics)
    yield from notes(result.notes)
    if result.stack:
        yield Text()
        yield _whole(f"everything:  {folder}")
        yield _whole(f"show again:  {program} report {result.run}")


def _whole(line: str) -> Text:
    """Give a line that is not wrapped: paths and commands in it are copied."""
    return Text(line, no_wrap=True)


def _headline(result: RunResult) -> RenderableType:
    # Without a stack it is no run but a log that was read.
    what = result.under_test or ("plain tree" if result.stack else result.run)
    facts = [f"stack {result.stack}"] if result.stack else []
    if result.provenance.kernel_release:
        facts.append(f"kernel {result.provenance.kernel_release}")
    if result.provenance.accelerator:
        facts.append(result.provenance.accelerator)
    facts.append(duration(result.seconds))
    return Text.assemble(
        (heading(result), VERDICT_STYLES[result.verdict]),
        "  ",
        (what, "bold"),
        f" ({', '.join(facts)})",
    )


def _reasons(result: RunResult) -> Iterator[RenderableType]:
    said = [*filter(None, (uncompiled.statement(result), functions.idle(result)))]
    yield from _listed(said, len(said), "")
    yield from _listed(result.reasons, MAX_REASONS, "more, below")
    advice = uncompiled.advice(result)
    if advice:
        yield _whole(f"  {advice}")
    beside = [against.excuse(result), tests(result)]
    yield from _listed([*filter(None, beside)], len(beside), "")


def _listed(texts: Sequence[str], limit: int, more: str) -> Iterator[RenderableType]:
    for text in texts[:limit]:
        grid = Table.grid(padding=(0, 1))
        grid.add_row("-", Text(text, overflow="fold"))
        yield Padding(grid, INDENT)
    if len(texts) > limit:
        yield Padding(Text(f"- and {len(texts) - limit} {more}"), INDENT)


def _table(*columns: tuple[str, str]) -> Table:
    """Make a table without lines. Columns: (title, "left" or "right")."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title, side in columns:
        table.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    return table


def _stages(stages: Sequence[StageRecord]) -> Table:
    table = _table(("stage", ""), ("state", ""), ("time", "right"), ("summary", ""))
    for stage in stages:
        began = stage.state is not StageState.NOT_RUN
        table.add_row(
            stage.name,
            Text(stage.state.value, _STAGE_STYLES[stage.state]),
            duration(stage.seconds) if began else "",
            Text(stage.summary),
        )
    return table


def _message(stage: StageRecord, program: str) -> Iterator[RenderableType]:
    if stage.state in (StageState.DONE, StageState.NOT_RUN) or not stage.message:
        return
    lines = typed(stage.message, program).splitlines()
    yield Text()
    yield Text(f"{stage.name}:", "bold")
    for line in lines[:MAX_MESSAGE_LINES]:
        yield _whole(" " * INDENT[3] + line)
    if len(lines) > MAX_MESSAGE_LINES:
        yield Padding(Text(f"… {counted(len(lines) - MAX_MESSAGE_LINES, 'more line')}"), INDENT)


def _suites(result: RunResult) -> Table:
    suites = against.suites(result)
    before = any(counts.before for counts in suites)
    titles = ("programs", "pass", "skip", "fail", *(["before"] if before else []), "time")
    table = _table(("suite", ""), *((title, "right") for title in titles))
    for counts in suites:
        suite = counts.suite
        table.add_row(
            suite.name,
            str(suite.programs),
            str(suite.cases.passed),
            str(suite.cases.skipped),
            Text(str(counts.failed), "red" if counts.failed else ""),
            *([str(counts.before)] if before else []),
            took(suite.seconds),
        )
    return table


def _failures(programs: Sequence[ProgramResult]) -> Iterator[RenderableType]:
    for program in programs:
        if program.status.good:
            continue
        yield Text()
        yield Text.assemble(
            (program.status.value.upper(), "bold red"),
            f"  {label_of(program)}",
            f" ({duration(program.seconds)})" if program.seconds else "",
        )
        bad = [case for case in leaves(program.cases) if not case.status.good]
        for case in bad[:MAX_BAD_CASES]:
            yield Padding(_bad_case(case), INDENT)
        if len(bad) > MAX_BAD_CASES:
            yield Padding(Text(f"and {counted(len(bad) - MAX_BAD_CASES, 'more case')}"), INDENT)
        yield from _listed(program.problems, MAX_PROBLEMS, "more")
        if program.log:
            yield Padding(Text(f"log: {program.log}", "dim", overflow="fold"), INDENT)


def _bad_case(case: Case) -> Text:
    why = reason(case)
    told = f"{case.name}: {why}" if why else case.name
    return Text.assemble((case.status.value, "red"), f"  {told}", overflow="fold")


def _findings(found: Sequence[Finding]) -> Iterator[RenderableType]:
    if not found:
        return
    yield Text()
    yield Text("Kernel log (console.log)", "bold")
    for finding in found[:MAX_FINDINGS]:
        where = "" if finding.where in finding.title else f", in {finding.where}"
        told = f"{finding.title}{where}{findings.happened(finding)}"
        yield Padding(
            Text.assemble(
                (finding.kind.value, "red"),
                f"  {findings.line(finding)}: {told}",
                overflow="fold",
            ),
            INDENT,
        )
        for line in finding.stack[:MAX_STACK]:
            yield Padding(Text(line, "dim", overflow="fold"), INNER)
        if finding.suspect:
            text = findings.suspicion(finding)
            yield Padding(Text(text, "yellow", overflow="fold"), INNER)
    if len(found) > MAX_FINDINGS:
        yield Padding(Text(f"and {counted(len(found) - MAX_FINDINGS, 'more complaint')}"), INDENT)
    for why in dict.fromkeys(finding.undecoded for finding in found if finding.undecoded):
        yield Padding(Text(f"stacks without lines: {why}", "dim", overflow="fold"), INDENT)


def _against(result: RunResult) -> Iterator[RenderableType]:
    if result.baseline is None:
        return
    yield Text()
    yield Text(f"Against the {against.counts(result.baseline)}", overflow="fold")
    for listed in against.lists(result):
        yield Padding(Text(f"{listed.title} ({len(listed.lines)})", "bold"), INDENT)
        yield from (Padding(part, INDENT) for part in _listed(listed.lines, MAX_OTHERS, "more"))


def _patches(patches: Sequence[AppliedPatch]) -> Iterator[RenderableType]:
    odd = [patch for patch in patches if patch.state is not PatchState.APPLIED]
    if not odd:
        return
    yield Text()
    yield Text("Patches", "bold")
    for patch in odd:
        found = f" as {patch.found_as}" if patch.found_as else ""
        colour = "red" if patch.state is PatchState.CONFLICT else "yellow"
        yield Padding(
            Text.assemble(
                f"{patch.series} {patch.index}  ",
                (f"{patch.state.value}{found}", colour),
                f"  {patch.title}",
                overflow="fold",
            ),
            INDENT,
        )


def _diagnostics(diagnostics: Sequence[Diagnostic]) -> Iterator[RenderableType]:
    if not diagnostics:
        return
    kinds = Counter(item.severity for item in diagnostics)
    files = Counter(item.file or "no file" for item in diagnostics)
    named = [f"{file} {count}" for file, count in files.most_common(MAX_FILES)]
    if len(files) > MAX_FILES:
        named.append(counted(len(files) - MAX_FILES, "more file"))
    total = [counted(kinds[kind], kind.value) for kind in Severity if kinds[kind]]
    yield Text()
    yield Text(f"Build: {', '.join(total)} ({', '.join(named)})", overflow="fold")


def notes(told: Sequence[str]) -> Iterator[RenderableType]:
    """Give what a reader must know, below a title; nothing where there is nothing."""
    if told:
        yield Text()
        yield Text("Notes", "bold")
        yield from _listed(told, len(told), "")
