# SPDX-License-Identifier: GPL-2.0
"""What the HTML page of a bench shows: tables, and where the pictures' lines go. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench import plan
from kseries.bench.answer import RECEIVERS, Receiver, Regime
from kseries.bench.document import Bench
from kseries.bench.model import KIB, Measurement, Setup
from kseries.report import bars, flame, nicpage, patchpage, programpage
from kseries.report import bench as tables
from kseries.report.bars import Piece
from kseries.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Curve, Plot, Tick, apart

DEAREST = 30


@dataclass(frozen=True)
class Bar:
    """A receiver in a regime."""

    receiver: Receiver
    regime: Regime
    cost: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Dearest:
    """The dearest functions of zero copy: what they cost each receiver for each byte."""

    regime: Regime
    receivers: tuple[Receiver, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Page:
    """All that is shown."""

    bench: Bench
    goals: tuple[tables.GoalLine, ...]
    cores: tuple[tuple[Regime, tuple[tables.Cores, ...]], ...]
    groups: tuple[tuple[tables.Group, tuple[tables.Line, ...]], ...]
    functions: tuple[str, ...]  # that have a colour
    bars: tuple[Bar, ...]
    dearest: tuple[Dearest, ...]
    plots: tuple[Plot, ...]
    patches: patchpage.Part | None
    program: programpage.Part | None
    nic: nicpage.Part | None
    flames: tuple[flame.Flame, ...]


def make(bench: Bench) -> Page:
    """Work out the page of a document."""
    found = tables.by_setup(bench)
    shown = [
        found[setup]
        for regime in plan.REGIMES
        for receiver in RECEIVERS
        if (setup := Setup(receiver, regime)) in found
    ]
    functions = bars.coloured(map(_costs, shown))
    return Page(
        bench=bench,
        goals=tuple(line for line in tables.goals(bench) if line.ratio is not None),
        cores=tuple((r, rows) for r in plan.REGIMES if (rows := tables.cores(bench, r))),
        groups=tuple(tables.groups(bench).items()),
        functions=functions,
        bars=tuple(_bars(shown, functions)),
        dearest=tuple(_dearest(found)),
        plots=tuple(_plots(found)),
        patches=patchpage.make(bench.patches) if bench.patches else None,
        program=programpage.make(bench.program) if bench.program else None,
        nic=nicpage.make(bench.nic) if bench.nic else None,
        flames=tuple(_flames(shown, functions)),
    )


def _costs(one: Measurement) -> dict[str, float]:
    """Give what each function costs for a byte."""
    return {row.function: row.count / one.answer.bytes for row in tables.by_function(one)}


def _dearest(found: dict[Setup, Measurement]) -> Iterator[Dearest]:
    """Tell of each regime what the functions of zero copy cost, and cost the others."""
    for regime in plan.REGIMES:
        ones = {r: found[s] for r in RECEIVERS if (s := Setup(r, regime)) in found}
        if "zcrx" not in ones:
            continue
        costs = {receiver: _costs(one) for receiver, one in ones.items()}
        names = list(costs["zcrx"])[:DEAREST]
        rows = tuple((name, tuple(of.get(name, 0.0) for of in costs.values())) for name in names)
        yield Dearest(regime, tuple(costs), rows)


def _bars(shown: Sequence[Measurement], functions: Sequence[str]) -> Iterator[Bar]:
    most = max((one.cost for one in shown), default=1.0)
    for one in shown:
        pieces = bars.pieces(_costs(one), functions, most)
        yield Bar(one.setup.receiver, one.setup.regime, one.cost, pieces)


def _flames(shown: Sequence[Measurement], functions: Sequence[str]) -> Iterator[flame.Flame]:
    for one in shown:
        title = f"{one.setup.receiver}, {one.setup.regime}"
        made = flame.make(title, one.calls, functions, len(functions))
        if made:
            yield made


def _plots(found: dict[Setup, Measurement]) -> Iterator[Plot]:
    for regime in plan.REGIMES:
        lines = {
            receiver: [
                (packet, found[setup].cost)
                for packet in sorted(plan.PACKETS)
                if (setup := Setup(receiver, regime, packet)) in found
            ]
            for receiver in RECEIVERS
        }
        lines = {receiver: points for receiver, points in lines.items() if len(points) > 1}
        if lines:
            yield _plot(regime, lines)


def _plot(regime: Regime, lines: dict[Receiver, list[tuple[int, float]]]) -> Plot:
    costs = [cost for points in lines.values() for _, cost in points]
    low, high = math.floor(math.log2(min(costs))), math.ceil(math.log2(max(costs)))
    sizes = [packet for points in lines.values() for packet, _ in points]
    first, last = math.log2(min(sizes)), math.log2(max(sizes))

    def x(packet: float) -> float:
        share = (math.log2(packet) - first) / (last - first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(cost: float) -> float:
        share = (math.log2(cost) - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    labels = apart({name: y(points[-1][1]) for name, points in lines.items()})
    curves = tuple(
        Curve(
            name,
            RECEIVERS.index(name),
            " ".join(f"{x(packet)},{y(cost)}" for packet, cost in points),
            tuple((x(p), y(c), f"{name}, {p // KIB} KiB: {c:.4f}") for p, c in points),
            labels[name],
        )
        for name, points in lines.items()
    )
    rows = tuple(Tick(y(2.0**n), f"{2.0**n:g}") for n in range(low, high + 1))
    columns = tuple(Tick(x(size), f"{size // KIB} KiB") for size in sorted(set(sizes)))
    return Plot(regime, curves, rows, columns)
