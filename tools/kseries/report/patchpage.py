# SPDX-License-Identifier: GPL-2.0
"""What the HTML page shows of each patch: a table, and the cost as patches add up. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kseries.bench.cost import Cost, Finding
from kseries.report import patchcost as text
from kseries.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Curve, Plot, Tick, apart

ROWS = 5  # of the grid, about
COLOURS = 11
Point = tuple[int, float]
"""A patch (0: the base), and the cost after it as a part of the base's, less one."""


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
    if not lines:
        return None
    values = [value for points in lines.values() for _, value in points]
    step = _step(max(values) - min(values))
    low, high = math.floor(min(values) / step), max(1, math.ceil(max(values) / step))
    last = max(1, len(cost.patches))

    def x(patch: int) -> float:
        return round(LEFT + patch / last * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        share = (value / step - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    labels = apart({path: y(points[-1][1]) for path, points in lines.items()})
    curves = tuple(
        Curve(
            path,
            number % COLOURS,
            " ".join(f"{x(patch)},{y(value)}" for patch, value in points),
            tuple((x(p), y(v), f"{path}, patch {p}: {text.per_cent(v)} %") for p, v in points),
            labels[path],
        )
        for number, (path, points) in enumerate(lines.items())
    )
    rows = tuple(Tick(y(n * step), f"{100 * n * step:+.3g}") for n in range(low, high + 1))
    columns = tuple(Tick(x(patch), str(patch)) for patch in range(0, last + 1, 1 + last // 16))
    return Plot("cost after each patch, to the base's, in per cent", curves, rows, columns)


def _points(cost: Cost, path: str) -> list[Point]:
    """Give the cost after each patch that there is; () without the base."""
    steps = [(step.patch, found) for step in cost.steps() if (found := step.path(path))]
    if not steps or steps[0][0] or not steps[0][1].cost:
        return []
    base = steps[0][1].cost
    return [(patch, found.cost / base - 1) for patch, found in steps]


def _step(extent: float) -> float:
    """Give a round distance of the lines of a grid: 1, 2 or 5 times a power of ten."""
    if extent <= 0:
        return 0.0001
    power = 10.0 ** math.floor(math.log10(extent / ROWS))
    return next(power * m for m in (1, 2, 5, 10) if power * m * ROWS >= extent)
