# SPDX-License-Identifier: GPL-2.0
"""Pictures of curves: where their lines, names and grid go. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# A picture, in its own units.
WIDTH, HEIGHT = 420.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 92.0, 14.0, 34.0
LABEL_GAP = 13.0

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
    over = at - (HEIGHT - 2.0)
    return {name: round(place - max(over, 0.0), 1) for name, place in placed.items()}
