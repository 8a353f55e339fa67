# SPDX-License-Identifier: GPL-2.0
"""What a bisection found, as text for a terminal: the answer first, then each step."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kseries.model import RunResult
from kseries.report.printable import printable
from kseries.report.terminal import INDENT, notes, printed
from kseries.report.words import PROGRAM, counted, duration, moment, typed
from kseries.verdict.bisection import STEPS, Bisection, BisectStep, Conclusion, Seen, StepAnswer

SHORT = 12  # digits of a commit

_NEXT = {
    Conclusion.FOUND: "compare these two runs (console.log, tests/), and read the patch",
    Conclusion.RANGE: "see why those between cannot be tested; once they can be, search again",
    Conclusion.FLAKY: "search again, which runs all anew; who is named twice is a better suspect",
    Conclusion.NOT_BROKEN: "it may take more than a fresh machine: `kseries run` runs all tests"
    " together, `kseries flakes` tells what failed how often",
    Conclusion.BROKEN_ON_BASE: "look for the fault in the source, or in a series below this one",
    Conclusion.NO_GOOD: "see why the base cannot be tested, or search on another one (--source)",
}
_NEXT_WITH_TEST = "read the patch and what its test says: either may be wrong"

_STYLES = {
    StepAnswer.GOOD: "green",
    StepAnswer.BAD: "red",
    StepAnswer.UNTESTABLE: "yellow",
    StepAnswer.OPEN: "dim",
}


def render(
    found: Bisection,
    result: RunResult,
    *,
    width: int,
    color: bool,
    folder: str,
    program: str = PROGRAM,
) -> str:
    """Give the text.

    result: of the search. width: in columns. folder: where the run is. program: how its reader
    starts kseries.
    """
    parts = _parts(printable(found), printable(result), folder, program)
    return printed(parts, width=width, color=color)


def sentence(found: Bisection) -> str:
    """Give the answer in a sentence."""
    what, log = str(found.sought), bool(found.sought.log)
    match found.conclusion:
        case Conclusion.NOT_BROKEN:
            runs = len(_step(found, found.last).trials)
            wrong = "there" if log else "broken"
            return f"{what}: not {wrong} with the whole series, in {counted(runs, 'run')}."
        case Conclusion.BROKEN_ON_BASE:
            wrong = "there" if log else "broken"
            return f"{what}: {wrong} on the base already, without {found.series}."
        case Conclusion.FLAKY:
            return (
                f"{what}: comes and goes; first seen with {_suspects(found)}, which is not a proof."
            )
        case Conclusion.NO_GOOD:
            return f"{what}: nowhere good; the base cannot be tested, so it is {_suspects(found)}."
        case _:
            return f"{what}: {'comes' if log else 'goes wrong'} with {_suspects(found)}."


def _suspects(found: Bisection) -> str:
    total = len(found.patches)
    if found.first == found.last:
        if not found.first:
            return "the base"
        title = found.patches[found.first - 1].title
        return f"patch {found.first} of {total} of {found.series}, '{title}'"
    first = "the base or one of patches 1" if not found.first else f"one of patches {found.first}"
    return f"{first} to {found.last} of {total} of {found.series}"


def _parts(
    found: Bisection, result: RunResult, folder: str, program: str
) -> Iterator[RenderableType]:
    style = "bold red" if found.conclusion.exit_code else "bold green"
    yield Text.assemble(
        (found.conclusion.value.upper(), style), f"  {sentence(found)}", overflow="fold"
    )
    yield from _indented(_told(found))
    yield Text()
    yield Text(_searched(found, result), overflow="fold")
    yield Text()
    yield Padding(_table(found), INDENT)
    for step in found.steps:
        told = (*step.notes, *_of_baseline(step))
        yield from _indented(f"{_number(step)}: {note}" for note in told)
    yield from notes(result.notes)
    yield Text()
    yield Text(f"next:  {typed(_next(found), program)}", overflow="fold")
    for line in (
        *_look(found),
        *_evidence(found, folder),
        f"show again:  {program} report {result.run}",
    ):
        yield Text(line, no_wrap=True)


def _indented(lines: Iterable[str]) -> Iterator[RenderableType]:
    yield from (Padding(Text(line, overflow="fold"), INDENT) for line in lines)


def _told(found: Bisection) -> Iterator[str]:
    """Say what a reader must know of the answer: which patches, whose, and that the test is new."""
    if found.conclusion is Conclusion.NOT_BROKEN:
        return
    for number in _numbers(found):
        patch, commit = found.patches[number - 1], found.commits[number - 1]
        facts = [
            patch.author,
            f"commit {commit[:SHORT]}" if commit else "",
            f"<{patch.message_id}>" if patch.message_id else "",
        ]
        yield f"{number}  {patch.title}: {', '.join(filter(None, facts))}"
    if _is_new(found):
        yield "Before it the test is not there yet."


def _next(found: Bisection) -> str:
    """Say what to do with the answer."""
    with_test = found.conclusion is Conclusion.FOUND and _is_new(found)
    return _NEXT_WITH_TEST if with_test else _NEXT[found.conclusion]


def _is_new(found: Bisection) -> bool:
    """Whether the test is not there before the first suspect."""
    before = [step for step in found.steps if step.patches == found.first - 1]
    return any(trial.seen is Seen.ABSENT for step in before for trial in step.trials)


def _numbers(found: Bisection) -> range:
    """Give the numbers of the suspected patches."""
    return range(max(found.first, 1), found.last + 1)


def _searched(found: Bisection, result: RunResult) -> str:
    """Say on what it was searched, and what that took."""
    facts = result.provenance
    base = f", commit {facts.base_commit[:SHORT]}" if facts.base_commit else ""
    return (
        f"Searched: {counted(len(found.patches), 'patch')} of {found.series}, stack {result.stack},"
        f" on {facts.source}{base}; {counted(len(found.steps), 'step')} in"
        f" {duration(result.seconds)}"
    )


def _look(found: Bisection) -> Iterator[str]:
    """Give the command that shows the suspects, where they are commits."""
    commits = [found.commits[number - 1][:SHORT] for number in _numbers(found)]
    if found.conclusion is Conclusion.NOT_BROKEN or not (found.tree and commits and all(commits)):
        return
    one = f"show {commits[0]}"
    what = one if len(commits) == 1 else f"log -p --reverse {commits[0]}^..{commits[-1]}"
    yield f"the change:  git -C {shlex.quote(found.tree)} {what}"


def _evidence(found: Bisection, folder: str) -> Iterator[str]:
    """Say where the evidence is of the steps that the answer stands on, and of all."""
    for step, answer in zip(found.steps, found.answers, strict=True):
        if found.first - 1 <= step.patches <= found.last:
            name = f"patch {step.patches}" if step.patches else "base"
            yield f"{name}, {answer.value}:  {folder}/{_place(step, answer)}"
    yield f"all steps:  {folder}/{STEPS}"


def _place(step: BisectStep, answer: StepAnswer) -> str:
    trials = [trial for trial in step.trials if answer is not StepAnswer.BAD or not trial.seen.good]
    if trials:
        return trials[-1].folder
    return step.by_baseline.file if step.by_baseline else f"{STEPS}/{step.patches}"


def _table(found: Bisection) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title, side in (("patches", "right"), ("answer", "left"), ("runs", "left")):
        table.add_column(title, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("built in", justify="right", no_wrap=True)
    table.add_column("what was seen", overflow="fold")
    for step, answer in zip(found.steps, found.answers, strict=True):
        table.add_row(
            _number(step),
            Text(answer.value, _STYLES[answer]),
            _runs(step),
            "" if step.by_baseline else duration(step.seconds),
            _what(step),
        )
    return table


def _of_baseline(step: BisectStep) -> Iterator[str]:
    """Say which kept baseline told of the base, and whether that was all."""
    told = step.baseline
    if told is not None:
        made = f"the baseline that {told.run} made, {moment(told.made)} ({told.file})"
        here = (
            "not tested here" if step.by_baseline else "then tried here, as the answer rests on it"
        )
        yield f"{told.seen} in {made}; {here}"


def _what(step: BisectStep) -> str:
    """Say what was seen: the last that was bad, if anything was."""
    if step.by_baseline:
        return step.by_baseline.what
    bad = [trial.what for trial in step.trials if trial.seen is Seen.BAD]
    return step.untestable or (bad or [trial.what for trial in step.trials] or [""])[-1]


def _number(step: BisectStep) -> str:
    return str(step.patches) if step.patches else "base"


def _runs(step: BisectStep) -> str:
    if step.by_baseline:
        return "baseline"
    total = len(step.trials)
    bad = sum(not trial.seen.good for trial in step.trials)
    if not total or step.trials[0].seen is Seen.ABSENT:
        return ""
    return f"{bad} of {total} bad" if bad else f"{total} good"


def _step(found: Bisection, patches: int) -> BisectStep:
    return next(step for step in found.steps if step.patches == patches)
