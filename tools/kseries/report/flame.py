# SPDX-License-Identifier: GPL-2.0
"""Flame graphs: a box for each call, upon the one that calls it, as wide as what it costs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench.model import Call

WIDTH = 1000.0  # of the picture, in its own units
ROW = 17.0
LETTER = 6.3  # of a name, about
ROOTS = {
    "receiver": "the receiver's program",
    "softirq": "softirq: polls of its queue",
    "program": "the program",
    "softirqs": "softirqs that it leads to",
    "interrupts": "interrupts that it leads to",
}


@dataclass(frozen=True)
class Box:
    """A call. label: as much of the name as there is room for. share: of all, in per cent."""

    function: str
    label: str
    colour: int
    x: float
    y: float
    width: float
    count: int
    share: float


@dataclass(frozen=True)
class Flame:
    """A picture, and what it is of."""

    title: str
    height: float
    boxes: tuple[Box, ...]


def make(title: str, calls: Sequence[Call], coloured: Sequence[str], other: int) -> Flame | None:
    """Work out a picture; None where no calls are known.

    coloured: functions that have a colour, in its order; other: the colour of all others.
    """
    if not calls:
        return None
    depth = [0] * len(calls)
    for place, call in enumerate(calls):
        depth[place] = depth[call.parent] + 1 if call.parent >= 0 else 0
    height = ROW * (max(depth) + 1)
    boxes = tuple(_boxes(calls, depth, height, {name: n for n, name in enumerate(coloured)}, other))
    return Flame(title, height, boxes)


def _boxes(
    calls: Sequence[Call],
    depth: Sequence[int],
    height: float,
    colours: dict[str, int],
    other: int,
) -> Iterator[Box]:
    total = sum(call.count for call in calls if call.parent < 0)
    free: dict[int, float] = {-1: 0.0}  # where the next one begins, by who calls it
    for place, call in enumerate(calls):
        start, width = free[call.parent], WIDTH * call.count / total
        free[call.parent], free[place] = start + width, start
        name = ROOTS.get(call.function, call.function) if call.parent < 0 else call.function
        yield Box(
            name,
            _fitting(name, width),
            colours.get(call.function, other),
            round(start, 2),
            round(height - ROW * (depth[place] + 1), 1),
            round(width, 2),
            call.count,
            100 * call.count / total,
        )


def _fitting(name: str, width: float) -> str:
    room = int((width - 6) / LETTER)
    if room >= len(name):
        return name
    return f"{name[: room - 1]}…" if room > 3 else ""
