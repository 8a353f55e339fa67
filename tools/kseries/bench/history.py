# SPDX-License-Identifier: GPL-2.0
"""What was measured in several runs, over their time: of each figure all there are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from kseries.bench.cost import Cost
from kseries.bench.document import Bench
from kseries.bench.nic import OverNic, not_hardware

GBPS = "Gbps"
"""The unit of what is no cost of a unit, but a rate."""


@dataclass(frozen=True)
class Point:
    """A figure in a run. head: the commit.

    tools: what it hangs on, too: compiler, and QEMU; or driver, firmware and processor.
    """

    run: str
    started: str  # ISO 8601, UTC
    kernel: str
    head: str
    tools: str
    value: float


@dataclass(frozen=True)
class Figure:
    """A figure over time.

    table, name: in which it stands, and as what. unit: that it is the cost of, in instructions; or
    GBPS.
    """

    stack: str
    table: str
    name: str
    unit: str
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """Name it in full."""
        return f"{self.table}: {self.name}"

    @property
    def label(self) -> str:
        """Name it within its table."""
        return f"{self.name}, {GBPS}" if self.unit == GBPS else f"{self.name}, per {self.unit}"

    @property
    def values(self) -> tuple[float, ...]:
        """Give the figures alone."""
        return tuple(point.value for point in self.points)

    def changes(self) -> tuple[float, ...]:
        """Give each as a part of the first one, less one."""
        first = self.points[0].value
        return tuple(value / first - 1 if first else 0.0 for value in self.values)


Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class _Found:
    """A figure of a run. tools: beside the compiler."""

    table: str
    name: str
    unit: str
    head: str
    tools: str
    value: float


def gather(benches: Sequence[Bench], words: Sequence[str] = ()) -> tuple[Figure, ...]:
    """Give each figure of some runs whose title, or stack, has all the words, the oldest first."""
    found: dict[Key, list[Point]] = {}
    for bench in sorted(benches, key=lambda one: (one.started, one.run)):
        for one in _figures(bench):
            tools = f"{one.tools}; {bench.compiler}"
            point = Point(bench.run, bench.started, bench.kernel, one.head, tools, one.value)
            found.setdefault((bench.stack, one.table, one.name, one.unit), []).append(point)
    figures = (Figure(*key, tuple(points)) for key, points in found.items())
    return tuple(
        one for one in figures if all(word in f"{one.stack} {one.title}" for word in words)
    )


def _figures(bench: Bench) -> Iterator[_Found]:
    """Give all that was measured in a run."""
    for one in bench.measurements:
        receiver, _, rest = one.setup.name.partition(f"-{one.setup.regime}-")
        table = f"{one.setup.regime}-{rest}"
        yield _Found(table, receiver, "byte", bench.head, bench.qemu, one.cost)
    if bench.patches is not None:
        yield from _ends("paths that were there before", bench.patches, bench.qemu)
    if bench.program is not None:
        table = f"program {bench.program.program}"
        yield from _ends(table, bench.program.cost, bench.qemu)
    if bench.nic is not None:
        yield from _rates(bench.nic, bench.head)


def _rates(nic: OverNic, head: str) -> Iterator[_Found]:
    """Give the median of each receiver over a NIC, unless it is in doubt."""
    port = nic.port
    tools = f"{port.driver} {port.firmware}; {nic.machine.processor}"
    beside = ", no figures of hardware" if not_hardware(nic.machine, port.driver) else ""
    for item in nic.asked.items:
        rates = [sample.gbps for sample in nic.of(item)]
        if rates and not nic.in_doubt(item):
            table = f"over a NIC, {nic.target}, {item.where}{beside}"
            yield _Found(table, item.receiver, GBPS, head, tools, median(rates))


def _ends(table: str, cost: Cost, tools: str) -> Iterator[_Found]:
    """Give what each path costs without the series, and with all of it."""
    steps = {step.patch: step for step in cost.steps()}
    for number, told in ((0, "base"), (len(cost.patches), "series")):
        if number in steps:
            for path in steps[number].paths:
                head, value = steps[number].head, path.per_unit
                yield _Found(f"{table}, {told}", path.path, path.unit, head, tools, value)
