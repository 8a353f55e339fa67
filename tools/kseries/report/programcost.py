# SPDX-License-Identifier: GPL-2.0
"""What a user's own program costs on two kernels, for terminal and mail. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kseries.bench import significance
from kseries.bench.cost import Cost, Finding, Growth, PathCost
from kseries.bench.document import Compared
from kseries.bench.sections import BESIDE, COST
from kseries.report import patchcost
from kseries.report.words import counted, plain

NAME, FUNCTION, FIGURE = 24, 40, 11
ABOUT = (
    "Figures are instructions for each operation that the program tells (a pass of the section",
    "where it tells none), of one emulated processor: user, system calls and faults, softirq and",
    "interrupts that they lead to. What interrupts of the timer and other tasks do is beside them.",
    "They are no time on hardware. = is the very same.",
    "! is a finding: even the nearest counts of all seeds lie further apart than those of kernels",
    "that were built anew with nothing changed (third quartile of their differences, and three",
    "times the interquartile range), which is the limit.",
)


@dataclass(frozen=True)
class Side:
    """A section on a kernel: what an operation costs, in columns, and what is beside it."""

    name: str
    cost: float
    columns: tuple[float, ...]
    beside: tuple[float, ...]


@dataclass(frozen=True)
class Section:
    """A section on both. why: there is no figure, and why not. limit: None where not known.

    functions: those that changed, for all operations together.
    """

    name: str
    unit: str
    units: int
    base: Side | None
    series: Side | None
    limit: float | None
    finding: Finding | None
    functions: tuple[Growth, ...]
    why: str = ""

    @property
    def more(self) -> float | None:
        """How many instructions an operation costs more."""
        return self.series.cost - self.base.cost if self.base and self.series else None

    @property
    def change(self) -> float | None:
        """The same as a part of what it cost."""
        more = self.more
        return more / self.base.cost if self.base and self.base.cost and more is not None else None


def make(compared: Compared) -> tuple[Section, ...]:
    """Give all sections."""
    return tuple(_section(compared, path) for path in compared.cost.paths)


def _section(compared: Compared, path: str) -> Section:
    cost, last = compared.cost, len(compared.cost.patches)
    steps = {step.patch: step for step in cost.steps()}
    found = {number: step.path(path) for number, step in steps.items()}
    base, series = found.get(0), found.get(last)
    limit = cost.limit(path)
    wanted = range(1, last + 1)
    finding = next((f for f in cost.findings if f.path == path and f.patch in wanted), None)
    known = series or base
    return Section(
        name=path,
        unit=known.unit if known else "operation",
        units=known.units if known else 0,
        base=_side(compared.base, base),
        series=_side(compared.series, series),
        limit=limit.fence if limit else None,
        finding=finding,
        functions=significance.grown(cost, path),
        why=_why(cost, path, base, series),
    )


def _side(name: str, found: PathCost | None) -> Side | None:
    if found is None:
        return None
    columns = tuple(found.columns.get(column, 0) / found.units for column in COST)
    beside = tuple(found.beside.get(column, 0) / found.units for column in BESIDE)
    return Side(name, found.per_unit, columns, beside)


def _why(cost: Cost, path: str, base: PathCost | None, series: PathCost | None) -> str:
    for one in cost.built:
        for lost in one.lost:
            if lost.path == path:
                where = "on the base" if not one.patch else "with the series"
                return f"lost {where}: {lost.why}"
    if base and series and base.units != series.units:
        return (
            f"{base.units} {base.unit}s on the base and {series.units} with the series: not the"
            " same work, so the costs are not compared"
        )
    return "" if base and series else "not measured yet"


def lines(compared: Compared) -> Iterator[str]:
    """Give the text for terminal and mail."""
    cost = compared.cost
    yield (
        f"what the program {compared.program} costs: {compared.base}, and {compared.series}"
        f" ({cost.series})"
    )
    yield from (f"  {line}" for line in so_far(compared))
    yield from (f"  {line}" for line in ABOUT)
    sections = make(compared)
    yield ""
    yield from _table(sections)
    yield from _columns(sections)
    yield from _functions(sections)
    if compared.each_patch and len(cost.patches) > 1:
        yield ""
        yield from patchcost.lines(cost)
    else:
        yield from (f"  {line}" for line in patchcost.failures(cost))


def so_far(compared: Compared) -> Iterator[str]:
    """Say how much is measured, and how."""
    yield from patchcost.so_far(compared.cost)
    runs = counted(compared.runs, "run")
    yield f"of {runs} in a guest the median one counts, after {compared.warm_up} to warm up"


def _table(sections: tuple[Section, ...]) -> Iterator[str]:
    heads = ("operations", "base", "series", "more", "%", "limit %")
    yield "  " + f"{'section':{NAME}}" + "".join(f"{head:>{FIGURE}}" for head in heads)
    for one in sections:
        yield f"  {plain(one.name, NAME):{NAME}}" + "".join(_cells(one))
    for one in sections:
        if one.why:
            yield f"  {one.name}: {one.why}"


def _cells(one: Section) -> Iterator[str]:
    yield f"{one.units or '?':>{FIGURE}}"
    for side in (one.base, one.series):
        yield f"{f'{side.cost:.3f}' if side else '?':>{FIGURE}}"
    yield f"{more(one):>{FIGURE}}"
    yield f"{change(one):>{FIGURE}}"
    yield f"{limit(one):>{FIGURE}}"


def more(one: Section) -> str:
    """Say by how many instructions an operation is dearer."""
    if one.why or one.more is None:
        return "?"
    return f"{one.more:+.3f}" if one.more else "="


def change(one: Section) -> str:
    """Say by how much it is dearer, in per cent, and whether that is a finding."""
    if one.why or one.change is None:
        return "?"
    told = patchcost.per_cent(one.change) if one.change else "="
    return f"{told}{'!' if one.finding else ' '}"


def limit(one: Section) -> str:
    """Say beyond what a change is a finding, in per cent."""
    return f"{100 * one.limit:.3f}" if one.limit is not None else "?"


def _columns(sections: tuple[Section, ...]) -> Iterator[str]:
    yield ""
    names = "".join(f"{name:>{FIGURE}}" for name in (*COST, *BESIDE))
    yield f"  {'where they go':{NAME}}{names}   (the last two beside it)"
    for one in sections:
        for side, told in ((one.base, one.name), (one.series, "  with the series")):
            if side is not None:
                figures = "".join(f"{f:{FIGURE}.3f}" for f in (*side.columns, *side.beside))
                yield f"  {plain(told, NAME):{NAME}}{figures}"


def _functions(sections: tuple[Section, ...]) -> Iterator[str]:
    changed = [one for one in sections if one.functions and not one.why]
    yield ""
    if not changed:
        yield "  no function changed by more than it does by itself"
        return
    heads = "".join(f"{head:>{FIGURE}}" for head in ("base", "series", "more"))
    yield f"  {'functions that changed, an operation':{FUNCTION + 4}}{heads}"
    for one in changed:
        yield f"  {headline(one)}"
        for name, *figures in grown(one):
            before, after, by = figures
            told = f"{before:{FIGURE}.3f}{after:{FIGURE}.3f}{by:+{FIGURE}.3f}"
            yield f"    {plain(name, FUNCTION):{FUNCTION + 2}}{told}"


def headline(one: Section) -> str:
    """Say what became of a section."""
    if not one.change:
        return f"{one.name}: as dear as before, by other functions"
    dearer = "dearer" if one.change > 0 else "cheaper"
    known = "" if one.limit is not None else ", of which nobody knows yet whether it is by chance"
    within = "" if one.finding or one.limit is None else ", within the limit"
    return f"{one.name} is {abs(100 * one.change):.3f} % {dearer}{within}{known}"


def grown(one: Section) -> Iterator[tuple[str, float, float, float]]:
    """Give the functions that changed: what an operation spends there before, after, and more."""
    for growth in one.functions:
        before, after = growth.before / one.units, growth.after / one.units
        yield growth.function, before, after, after - before
