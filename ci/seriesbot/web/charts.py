# SPDX-License-Identifier: GPL-2.0
"""Pictures of bars, as numbers for SVG: the page has no script to draw them. Pure."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seriesbot.store import Row
from seriesbot.web.shown import DAY_S

DAYS = 30
# From the ground up.
ORDER = ("pass", "partial", "fail", "")


@dataclass(frozen=True)
class Part:
    """A piece of a bar. y, height: in per cent of the picture, from its top."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A bar. x, width: in per cent of the picture. told: what it says."""

    x: float
    width: float
    told: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Chart:
    """A picture. most: what a bar as high as the picture counts; first: where it begins."""

    bars: tuple[Bar, ...]
    most: int
    first: str


def days(rows: Iterable[Row], now: float) -> Chart:
    """Draw the verdicts of each of the last days. rows: (day, verdict, n)."""
    last = int(now) // DAY_S
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        kind = row["verdict"] if row["verdict"] in ORDER else ""
        counts[row["day"]][kind] += row["n"]
    shown = [(day, counts.get(day, {})) for day in range(last - DAYS + 1, last + 1)]
    most = max(1, *(sum(of.values()) for _, of in shown))
    bars = [_bar(place, _name(day), of, most, DAYS) for place, (day, of) in enumerate(shown)]
    return Chart(tuple(bars), most, _name(last - DAYS + 1))


def spark(values: Sequence[tuple[int, int]]) -> tuple[Bar, ...]:
    """Draw how often something went wrong: (how often, of how many) a column."""
    return tuple(
        _bar(place, f"{bad} of {of}", {"fail": bad} if of else {}, max(1, of), len(values))
        for place, (bad, of) in enumerate(values)
    )


def _bar(place: int, name: str, counts: dict[str, int], most: int, columns: int) -> Bar:
    width = 100 / columns
    parts, top = [], 100.0
    for kind in ORDER:
        if number := counts.get(kind, 0):
            height = 100 * number / most
            top -= height
            parts.append(Part(kind or "none", round(top, 2), round(height, 2)))
    told = ", ".join(
        f"{counts[kind]} {kind or 'without a verdict'}" for kind in ORDER if counts.get(kind)
    )
    return Bar(
        round(place * width + 0.1 * width, 2),
        round(0.8 * width, 2),
        f"{name}: {told}" if told else name,
        tuple(parts),
    )


def _name(day: int) -> str:
    moment = datetime.datetime.fromtimestamp(day * DAY_S, datetime.UTC)
    return f"{moment:%b} {moment.day}"
