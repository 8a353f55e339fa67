# SPDX-License-Identifier: GPL-2.0
"""What a bisection found, as text for a terminal: the answer first, then each step."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kseries.report.terminal import INDENT, printed
from kseries.report.words import counted, duration, moment, plain
from kseries.results.bisection import Bisection, BisectStep, Conclusion, Seen, StepAnswer

SHORT = 12  # digits of a commit

_STYLES = {
    StepAnswer.GOOD: "green",
    StepAnswer.BAD: "red",
    StepAnswer.UNTESTABLE: "yellow",
    StepAnswer.OPEN: "dim",
}


def render(found: Bisection, *, width: int, color: bool, folder: str) -> str:
    """Give the text. width: in columns. folder: where the run is."""
    return printed(_parts(found, folder), width=width, color=color)


def sentence(found: Bisection) -> str:
    """Give the answer in a sentence."""
    what = plain(str(found.sought))
    match found.conclusion:
        case Conclusion.NOT_BROKEN:
            runs = len(_step(found, found.last).trials)
            return f"{what}: not broken with the whole series, in {counted(runs, 'run')}."
        case Conclusion.BROKEN_BEFORE:
            return f"{what}: broken on the base already, without {found.series}."
        case Conclusion.FLAKY:
            return f"{what}: comes and goes; first seen with {_suspects(found)}, which is no proof."
        case Conclusion.NO_GOOD:
            return f"{what}: nowhere good; the base cannot be tested, so it is {_suspects(found)}."
        case _:
            return f"{what}: goes wrong with {_suspects(found)}."


def _suspects(found: Bisection) -> str:
    total = len(found.patches)
    if found.first == found.last:
        if not found.first:
            return "the base"
        title = plain(found.patches[found.first - 1].title)
        return f"patch {found.first} of {total} of {found.series}, '{title}'"
    first = "the base or one of patches 1" if not found.first else f"one of patches {found.first}"
    return f"{first} to {found.last} of {total} of {found.series}"


def _parts(found: Bisection, folder: str) -> Iterator[RenderableType]:
    style = "bold red" if found.conclusion.exit_code else "bold green"
    yield Text.assemble(
        (found.conclusion.value.upper(), style), f"  {sentence(found)}", overflow="fold"
    )
    yield from _told(found)
    yield Text()
    yield Padding(_table(found), INDENT)
    for step in found.steps:
        for note in (*step.notes, *_of_baseline(step)):
            yield Padding(Text(f"{_number(step)}: {plain(note)}", overflow="fold"), INDENT)
    yield Text()
    yield Text(f"evidence:  {folder}/steps", no_wrap=True)


def _told(found: Bisection) -> Iterator[RenderableType]:
    """Say what a reader must know of the answer."""
    lines = []
    suspects = range(max(found.first, 1), found.last + 1)
    if found.conclusion.exit_code == 0 or found.conclusion is Conclusion.FLAKY:
        for number in suspects:
            patch, commit = found.patches[number - 1], found.commits[number - 1]
            where = f", commit {commit[:SHORT]}" if commit else ""
            lines.append(f"{number}  {plain(patch.title)}: {plain(patch.author)}{where}")
        before = [step for step in found.steps if step.patches == found.first - 1]
        if before and any(trial.seen is Seen.ABSENT for trial in before[0].trials):
            lines.append("Before it the test is not there yet.")
    for line in lines:
        yield Padding(Text(line, overflow="fold"), INDENT)


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
            plain(_what(step)),
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
    return step.lack or (bad or [trial.what for trial in step.trials] or [""])[-1]


def _number(step: BisectStep) -> str:
    return str(step.patches) if step.patches else "base"


def _runs(step: BisectStep) -> str:
    if step.by_baseline:
        return "baseline"
    total = len(step.trials)
    bad = sum(trial.seen in (Seen.BAD, Seen.NO_BOOT) for trial in step.trials)
    if not total or step.trials[0].seen is Seen.ABSENT:
        return ""
    return f"{bad} of {total} bad" if bad else f"{total} good"


def _step(found: Bisection, patches: int) -> BisectStep:
    return next(step for step in found.steps if step.patches == patches)
