# SPDX-License-Identifier: GPL-2.0
"""What the HTML page shows of each patch: a table, and the cost as patches add up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kseries.bench.cost import Cost, Finding
from kseries.report import patchcost as text
from kseries.report.plot import Plot, Point, changes


@dataclass(frozen=True)
class Told:
    """A finding in words."""

    finding: Finding
    headline: str

    @property
    def dearer(self) -> bool:
        """Whether the path costs more."""
        return self.finding.change > 0


@dataclass(frozen=True)
class Part:
    """All that is shown. plot: None without a base.

    limits, bases, wholes: a text for each path; units: what bases are of.
    """

    cost: Cost
    rows: tuple[text.Line, ...]
    limits: tuple[str, ...]
    bases: tuple[str, ...]
    units: str
    wholes: tuple[str, ...]
    findings: tuple[Told, ...]
    so_far: tuple[str, ...]
    nothing: str  # that was found, where that is so
    failures: tuple[str, ...]
    plot: Plot | None


def make(cost: Cost) -> Part:
    """Work out what is shown."""
    return Part(
        cost=cost,
        rows=text.table(cost),
        limits=tuple(text.limit(cost, path) for path in cost.paths),
        units=text.units(cost),
        bases=tuple(text.base(cost, path) for path in cost.paths),
        wholes=tuple(text.whole_text(cost, path) for path in cost.paths),
        findings=tuple(Told(one, text.headline(one, cost)) for one in cost.findings),
        so_far=tuple(text.so_far(cost)),
        nothing=text.nothing_found(cost),
        failures=tuple(text.failures(cost)),
        plot=_plot(cost),
    )


def _plot(cost: Cost) -> Plot | None:
    lines = {path: points for path in cost.paths if len(points := _points(cost, path)) > 1}
    last = max(1, len(cost.patches))
    labels = {patch: str(patch) for patch in range(0, last + 1, 1 + last // 16)}
    title = "cost after each patch, to the base's, in per cent"

    def told(path: str, patch: int, change: float) -> str:
        return f"{path}, patch {patch}: {text.per_cent(change)} %"

    return changes(title, lines, last, labels, told)


def _points(cost: Cost, path: str) -> list[Point]:
    """Give the cost after each patch (0: the base) that there is; () without the base."""
    steps = [(step.patch, found) for step in cost.steps() if (found := step.path(path))]
    if not steps or steps[0][0] or not steps[0][1].cost:
        return []
    base = steps[0][1].cost
    return [(patch, found.cost / base - 1) for patch, found in steps]
