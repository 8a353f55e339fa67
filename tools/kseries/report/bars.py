# SPDX-License-Identifier: GPL-2.0
"""Bars of where instructions go, by function: where their pieces lie. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

COLOURED = 11  # functions of the bars; the others are one piece
OTHERS = "all others"


@dataclass(frozen=True)
class Piece:
    """A piece of a bar: of which colour (that after the last: the others), where, in per cent.

    cost: for each unit.
    """

    function: str
    colour: int
    start: float
    width: float
    cost: float


def coloured(bars: Iterable[Mapping[str, float]]) -> tuple[str, ...]:
    """Choose the functions that are the largest part of some bar. bars: costs by function."""
    parts: dict[str, float] = {}
    for costs in bars:
        whole = sum(costs.values())
        for function, cost in costs.items():
            parts[function] = max(cost / whole if whole else 0.0, parts.get(function, 0.0))
    return tuple(sorted(parts, key=lambda name: (-parts[name], name))[:COLOURED])


def pieces(costs: Mapping[str, float], functions: Sequence[str], most: float) -> tuple[Piece, ...]:
    """Give the pieces of a bar. functions: that have a colour; most: the cost that fills a row."""
    named = [(function, costs.get(function, 0.0)) for function in functions]
    named.append((OTHERS, sum(costs.values()) - sum(cost for _, cost in named)))
    found, at = [], 0.0
    for colour, (function, cost) in enumerate(named):
        width = 100 * cost / most
        if round(width, 3) > 0:
            found.append(Piece(function, colour, round(at, 3), round(width, 3), cost))
        at += width
    return tuple(found)
