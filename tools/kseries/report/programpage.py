# SPDX-License-Identifier: GPL-2.0
"""What the HTML page shows of a user's own program: tables, and bars of where it goes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench.cost import PathCost
from kseries.bench.document import Compared
from kseries.report import bars, flame, patchcost, patchpage
from kseries.report import programcost as text
from kseries.report.bars import Piece
from kseries.report.flame import Flame


@dataclass(frozen=True)
class Bar:
    """A section on a kernel."""

    name: str
    cost: float
    pieces: tuple[Piece, ...]
    flame: Flame | None


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
        costs = {name: _costs(path) for name, path in found}
        functions = bars.coloured(costs.values())
        most = max(path.per_unit for _, path in found) or 1.0
        shown = tuple(
            Bar(
                *(name, path.per_unit, bars.pieces(costs[name], functions, most)),
                flame.make(f"{section.name}, {name}", path.calls, functions, len(functions)),
            )
            for name, path in found
        )
        yield Bars(section, functions, shown)


def _costs(path: PathCost) -> dict[str, float]:
    """Give what each function costs for an operation."""
    return {function: count / path.units for function, count in path.functions.items()}
