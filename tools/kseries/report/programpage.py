# SPDX-License-Identifier: GPL-2.0
"""What the HTML page shows of a user's own program: tables, and bars of where it goes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench.cost import PathCost
from kseries.bench.document import Compared
from kseries.report import patchcost, patchpage
from kseries.report import programcost as text

COLOURED = 11  # functions of the bars; the others are one piece
OTHERS = "all others"


@dataclass(frozen=True)
class Piece:
    """A piece of a bar: of which colour (COLOURED: the others), where, in per cent of the row."""

    function: str
    colour: int
    start: float
    width: float
    cost: float


@dataclass(frozen=True)
class Bar:
    """A section on a kernel."""

    name: str
    cost: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Bars:
    """A section on both kernels; functions: that have a colour."""

    section: text.Section
    functions: tuple[str, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Part:
    """All that is shown. patches: what each patch adds, where that was asked for."""

    compared: Compared
    sections: tuple[text.Section, ...]
    so_far: tuple[str, ...]
    bars: tuple[Bars, ...]
    patches: patchpage.Part | None
    failures: tuple[str, ...]


def make(compared: Compared) -> Part:
    """Work out what is shown."""
    cost = compared.cost
    each = compared.each_patch and len(cost.patches) > 1
    sections = text.make(compared)
    return Part(
        compared=compared,
        sections=sections,
        so_far=tuple(text.so_far(compared)),
        bars=tuple(_bars(compared, sections)),
        patches=patchpage.make(cost) if each else None,
        failures=() if each else tuple(patchcost.failures(cost)),
    )


def _bars(compared: Compared, sections: Sequence[text.Section]) -> Iterator[Bars]:
    cost = compared.cost
    steps = {step.patch: step for step in cost.steps()}
    for section in sections:
        sides = [(compared.base, steps.get(0)), (compared.series, steps.get(len(cost.patches)))]
        found = [(name, path) for name, step in sides if step and (path := step.path(section.name))]
        if section.why or not found:
            continue
        functions = _coloured([path for _, path in found])
        most = max(path.per_unit for _, path in found) or 1.0
        bars = tuple(_bar(name, path, functions, most) for name, path in found)
        yield Bars(section, functions, bars)


def _coloured(paths: Sequence[PathCost]) -> tuple[str, ...]:
    """Choose the functions that cost most on either kernel."""
    parts: dict[str, int] = {}
    for path in paths:
        for function, count in path.functions.items():
            parts[function] = max(count, parts.get(function, 0))
    return tuple(sorted(parts, key=lambda name: (-parts[name], name))[:COLOURED])


def _bar(name: str, path: PathCost, functions: Sequence[str], most: float) -> Bar:
    named = [(function, path.functions.get(function, 0) / path.units) for function in functions]
    named.append((OTHERS, path.per_unit - sum(cost for _, cost in named)))
    pieces, at = [], 0.0
    for colour, (function, cost) in enumerate(named):
        width = 100 * cost / most
        if cost > 0:
            pieces.append(Piece(function, colour, round(at, 3), round(width, 3), cost))
        at += width
    return Bar(name, path.per_unit, tuple(pieces))
