# SPDX-License-Identifier: GPL-2.0
"""What was measured in several runs, over their time: text, and the page with its charts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench.history import Figure
from kseries.report import patchcost
from kseries.report.plot import Plot, changes
from kseries.report.printable import printable
from kseries.report.words import counted, moment, plain

TITLE, FIGURE = 52, 11
MOST_ROWS = 12  # figures of which each run is told
LABELS = 8  # of runs on an axis
NOTHING = (
    "Nothing was measured yet, or nothing that has all of these in its name. `kseries bench` does."
)
ABOUT = (
    "Instructions for each unit, or Gbps over a NIC; * stands where the compiler, QEMU, or the"
    " NIC's driver, firmware or processor is another one than before."
)


@dataclass(frozen=True)
class Group:
    """The figures of a table of a stack. plot: None where there is one run alone."""

    title: str
    figures: tuple[Figure, ...]
    plot: Plot | None


@dataclass(frozen=True)
class Page:
    """All that is shown. runs: how many there are."""

    runs: int
    groups: tuple[Group, ...]


def make(figures: Sequence[Figure]) -> Page:
    """Work out what is shown."""
    figures = printable(tuple(figures))
    tables = dict.fromkeys((one.stack, one.table) for one in figures)
    groups = tuple(
        _group(f"{stack}, {table}", [f for f in figures if (f.stack, f.table) == (stack, table)])
        for stack, table in tables
    )
    return Page(len({point.run for one in figures for point in one.points}), groups)


def _group(title: str, figures: Sequence[Figure]) -> Group:
    runs = dict.fromkeys((point.started, point.run) for one in figures for point in one.points)
    order = {run: place for place, (_, run) in enumerate(sorted(runs))}
    heads = {order[point.run]: point.head[:7] for one in figures for point in one.points}
    every = 1 + len(order) // LABELS
    labels = {place: heads[place] for place in sorted(heads) if place % every == 0}
    lines = {
        one.name: [(order[p.run], c) for p, c in zip(one.points, one.changes(), strict=True)]
        for one in figures
        if len(one.points) > 1
    }
    moments = {order[run]: moment(started) for started, run in runs}

    def told(name: str, place: int, change: float) -> str:
        return f"{name}, {moments[place]}: {patchcost.per_cent(change)} %"

    plot = changes("to the first run's, in per cent", lines, max(1, len(order) - 1), labels, told)
    return Group(title, tuple(figures), plot)


def text(figures: Sequence[Figure]) -> str:
    """Give the text for terminal and mail."""
    page = make(figures)
    return "".join(f"{line}\n" for line in _lines(page))


def _lines(page: Page) -> Iterator[str]:
    if not page.groups:
        yield NOTHING
        return
    count = sum(len(group.figures) for group in page.groups)
    yield f"{counted(count, 'figure')} of {counted(page.runs, 'run')}"
    yield ABOUT
    heads = ("runs", "first", "last", "%", "least", "most")
    for group in page.groups:
        yield ""
        yield f"{plain(group.title, TITLE):{TITLE + 2}}" + "".join(
            f"{head:>{FIGURE}}" for head in heads
        )
        yield from map(_row, group.figures)
        if count <= MOST_ROWS:
            yield from (line for one in group.figures for line in _each(one))


def _row(one: Figure) -> str:
    values = one.values
    cells = [str(len(values)), amount(values[0]), amount(values[-1]), change(one)]
    cells += [amount(min(values)), amount(max(values))]
    name = plain(one.label, TITLE)
    return f"  {name:{TITLE}}" + "".join(f"{cell:>{FIGURE}}" for cell in cells)


def _each(one: Figure) -> Iterator[str]:
    yield ""
    yield f"  {one.label}"
    before = one.points[0]
    for point, changed in zip(one.points, one.changes(), strict=True):
        mark = "*" if point.tools != before.tools else " "
        told = f"{moment(point.started)}  {point.head[:12]}  {point.kernel:12}"
        figures = f"{amount(point.value):>{FIGURE}}{mark}{patchcost.per_cent(changed):>{FIGURE}}"
        yield f"    {told}{figures}  {point.run}"
        before = point


def amount(value: float) -> str:
    """Write a figure: of a byte's cost more digits count."""
    return f"{value:.4f}" if value < 10 else f"{value:.3f}"


def change(one: Figure) -> str:
    """Say how the last one differs from the first one, in per cent."""
    last = one.changes()[-1]
    return patchcost.per_cent(last) if last else "="
