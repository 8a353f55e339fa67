# SPDX-License-Identifier: GPL-2.0
"""What each patch adds to paths that were there before it, for terminal and mail. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench.cost import Built, Cost, Finding
from kseries.bench.significance import mistaken
from kseries.report.words import counted, plain

COLUMNS = 5  # paths beside each other
TITLE = 40
CELL = 11
ABOUT = (
    "A cell is how much more, or less, than after the patch before it, in per cent; = is the very",
    "same. ! is a finding: even the nearest counts of all seeds lie further apart than those of",
    "kernels that were built anew with nothing changed (third quartile of their differences, and",
    "three times the interquartile range).",
)


@dataclass(frozen=True)
class Cell:
    """A path after a patch. change: as a part of before; None where that is not known."""

    text: str
    change: float | None = None
    finding: Finding | None = None


@dataclass(frozen=True)
class Line:
    """A patch, and what it adds to each path."""

    patch: int
    title: str
    cells: tuple[Cell, ...]


def per_cent(change: float) -> str:
    """Say how much more or less something is."""
    return f"{100 * change:+.3f}"


def table(cost: Cost) -> tuple[Line, ...]:
    """Give a line for each patch, and a cell for each path."""
    found = {(one.path, one.patch): one for one in cost.findings}
    by_patch = {one.patch: one for one in cost.built if one.kind == "patch"}
    rows = []
    for number, title in enumerate(cost.patches, 1):
        cells = (_cell(by_patch, path, number, found.get((path, number))) for path in cost.paths)
        rows.append(Line(number, title, tuple(cells)))
    return tuple(rows)


def _cell(built: dict[int, Built], path: str, patch: int, finding: Finding | None) -> Cell:
    here = built.get(patch)
    if here is None:
        return Cell("")
    if here.why:
        return Cell("not built")
    now = here.path(path)
    if now is None:
        return Cell("lost")
    # One that does not build adds to the next one that does.
    before = patch - 1
    while before in built and built[before].why:
        before -= 1
    then = built[before].path(path) if before in built else None
    if then is None or not then.cost:
        return Cell("?")
    change = now.cost / then.cost - 1
    mark = "!" if finding else " "
    return Cell(f"{per_cent(change)}{mark}" if change else "= ", change, finding)


def whole(cost: Cost, path: str) -> float | None:
    """Give what all patches together add to a path; None where that is not measured yet."""
    steps = {step.patch: step.path(path) for step in cost.steps()}
    first, last = steps.get(0), steps.get(len(cost.patches))
    return last.cost / first.cost - 1 if first and last and first.cost else None


def lines(cost: Cost | None) -> Iterator[str]:
    """Give the text for terminal and mail."""
    if cost is None:
        yield "no kernel was measured yet"
        return
    count = counted(len(cost.patches), "patch")
    yield f"what each patch adds to paths that were there before: {cost.series}, {count}"
    yield from (f"  {line}" for line in so_far(cost))
    yield from (f"  {line}" for line in ABOUT)
    rows = table(cost)
    for first in range(0, len(cost.paths), COLUMNS):
        yield ""
        yield from _part(cost, rows, range(len(cost.paths))[first : first + COLUMNS])
    yield from _findings(cost)
    yield from (f"  {line}" for line in failures(cost))


def so_far(cost: Cost) -> Iterator[str]:
    """Say how much is measured, and whether the rule finds something where nothing is."""
    seeds = counted(len(cost.seeds), "seed")
    rebuilt = sum(one.kind == "rebuild" for one in cost.built)
    told = f"{len(cost.built)} of {counted(cost.planned, 'kernel')} measured, each with {seeds}"
    yield f"{told}; {rebuilt} of them were built anew with nothing changed"
    wrong, tried = mistaken(cost)
    if tried:
        yield f"those built anew, each judged by the others: {wrong} of {tried} would be a finding"


def _part(cost: Cost, rows: Sequence[Line], places: Sequence[int]) -> Iterator[str]:
    paths = [cost.paths[place] for place in places]
    yield _row("", paths)
    yield _row("differ by themselves by up to (%)", [limit(cost, path) for path in paths])
    yield _row(f"the base: a {units(cost)}", [base(cost, path) for path in paths])
    for row in rows:
        yield _row(f"{row.patch:2} {row.title}", [row.cells[place].text for place in places])
    yield _row("all of them", [whole_text(cost, path) for path in paths])


def _row(title: str, cells: Sequence[str]) -> str:
    told = "".join(f"{cell:>{CELL}}" for cell in cells)
    return f"  {plain(title, TITLE):{TITLE}}{told}".rstrip()


def limit(cost: Cost, path: str) -> str:
    """Say beyond what a path's change is a finding, in per cent."""
    learned = cost.limit(path)
    return f"{100 * learned.fence:.3f} " if learned else "? "


def units(cost: Cost) -> str:
    """Say what costs are of: "byte, request, datagram"."""
    found = (step.path(path) for path in cost.paths for step in cost.steps())
    return ", ".join(dict.fromkeys(one.unit for one in found if one)) or "unit"


def base(cost: Cost, path: str) -> str:
    """Say what a path costs on the base."""
    found = next((step.path(path) for step in cost.steps() if not step.patch), None)
    if found is None:
        return "? "
    return f"{found.per_unit:.4f} " if found.unit == "byte" else f"{found.per_unit:.1f} "


def whole_text(cost: Cost, path: str) -> str:
    """Say what all patches together add to a path, in per cent."""
    change = whole(cost, path)
    return "? " if change is None else f"{per_cent(change)} "


def nothing_found(cost: Cost) -> str:
    """Say that there is no finding, and whether there could be one."""
    if not cost.limits:
        return "how much figures differ by themselves is not known, so nothing can be found"
    return "no patch changes a path by more than figures differ by themselves"


def headline(finding: Finding, cost: Cost) -> str:
    """Say which patch makes what dearer or cheaper."""
    patch = f"patch {finding.patch} of {len(cost.patches)}, '{finding.title}'"
    if finding.patch - finding.after > 1:
        patch += f" (or one since {finding.after}, which do not build)"
    dearer = "dearer" if finding.change > 0 else "cheaper"
    return f"{patch}: {finding.path} is {abs(100 * finding.change):.3f} % {dearer}"


def _findings(cost: Cost) -> Iterator[str]:
    yield ""
    if not cost.findings:
        yield f"  {nothing_found(cost)}"
    for finding in cost.findings:
        yield f"  {headline(finding, cost)}"
        for growth in finding.functions:
            figures = f"{growth.before:12} {growth.after:12} {growth.after - growth.before:+10}"
            yield f"      {plain(growth.function, 44):44}{figures}"


def failures(cost: Cost) -> Iterator[str]:
    """Tell what could not be built or measured, and what else is to be known."""
    for one in cost.built:
        if one.why:
            yield f"patch {one.patch}: {one.why}"
        for lost in one.lost:
            what = "built anew" if one.kind == "rebuild" else f"after patch {one.patch}"
            yield f"lost, {what}: {lost.path}: {lost.why}"
    yield from (f"note: {note}" for note in cost.notes)
