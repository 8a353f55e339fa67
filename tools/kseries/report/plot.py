# SPDX-License-Identifier: GPL-2.0
"""Pictures of curves: where their lines, names and grid go. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# A picture, in its own units.
WIDTH, HEIGHT = 420.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 92.0, 14.0, 34.0
LABEL_GAP = 13.0
ROWS = 5  # of the grid, about
COLOURS = 11
NAME = 11  # letters for which there is room beside a curve

Point = tuple[int, float]
"""A place on the axis, and what is there as a part of what it was, less one."""

SIZE = {
    "width": WIDTH,
    "height": HEIGHT,
    "left": LEFT,
    "right": RIGHT,
    "top": TOP,
    "bottom": BOTTOM,
}


@dataclass(frozen=True)
class Tick:
    """A line of the grid, and what stands beside it."""

    place: float
    label: str


@dataclass(frozen=True)
class Curve:
    """What is drawn of a name: points "x,y x,y", dots (x, y, what they are), where it stands."""

    name: str
    colour: int
    points: str
    dots: tuple[tuple[float, float, str], ...]
    label_y: float


@dataclass(frozen=True)
class Plot:
    """Curves, and the lines of the grid behind them."""

    title: str
    curves: tuple[Curve, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]


def apart(wanted: Mapping[str, float]) -> dict[str, float]:
    """Move names so that none is upon another."""
    placed: dict[str, float] = {}
    at = -LABEL_GAP
    for name, place in sorted(wanted.items(), key=lambda item: item[1]):
        at = max(place, at + LABEL_GAP)
        placed[name] = at
    over = at - (HEIGHT - BOTTOM)
    return {name: round(place - max(over, 0.0), 1) for name, place in placed.items()}


def changes(
    title: str,
    lines: Mapping[str, Sequence[Point]],
    last: int,
    labels: Mapping[int, str],
    told: Callable[[str, int, float], str],
) -> Plot | None:
    """Draw how costs change, in per cent; None where there is no line.

    last: place on the axis, from 0 on. labels: of places. told: what a point is.
    """
    if not lines:
        return None
    values = [value for points in lines.values() for _, value in points]
    step = _step(max(values) - min(values))
    low, high = math.floor(min(values) / step), max(1, math.ceil(max(values) / step))

    def x(place: int) -> float:
        return round(LEFT + place / last * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        share = (value / step - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    places = apart({name: y(points[-1][1]) for name, points in lines.items()})
    curves = tuple(
        Curve(
            name if len(name) <= NAME else f"{name[: NAME - 1]}…",
            number % COLOURS,
            " ".join(f"{x(place)},{y(value)}" for place, value in points),
            tuple((x(place), y(value), told(name, place, value)) for place, value in points),
            places[name],
        )
        for number, (name, points) in enumerate(lines.items())
    )
    rows = tuple(Tick(y(n * step), f"{100 * n * step:+.3g}") for n in range(low, high + 1))
    columns = tuple(Tick(x(place), label) for place, label in labels.items())
    return Plot(title, curves, rows, columns)


def _step(extent: float) -> float:
    """Give a round distance of the lines of a grid: 1, 2 or 5 times a power of ten."""
    if extent <= 0:
        return 0.0001
    power = 10.0 ** math.floor(math.log10(extent / ROWS))
    return next(power * m for m in (1, 2, 5, 10) if power * m * ROWS >= extent)
