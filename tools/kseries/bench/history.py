# SPDX-License-Identifier: GPL-2.0
"""What was measured in several runs, over their time: of each figure all there are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.bench.cost import Cost
from kseries.bench.document import Bench


@dataclass(frozen=True)
class Point:
    """A figure in a run. head: the commit; tools: QEMU and compiler, of which it hangs, too."""

    run: str
    started: str  # ISO 8601, UTC
    kernel: str
    head: str
    tools: str
    value: float


@dataclass(frozen=True)
class Figure:
    """A figure over time. table, name: in which it stands, and as what; unit: that it is of."""

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
    def values(self) -> tuple[float, ...]:
        """Give the figures alone."""
        return tuple(point.value for point in self.points)

    def changes(self) -> tuple[float, ...]:
        """Give each as a part of the first one, less one."""
        first = self.points[0].value
        return tuple(value / first - 1 if first else 0.0 for value in self.values)


Key = tuple[str, str, str, str]


def gather(benches: Sequence[Bench], words: Sequence[str] = ()) -> tuple[Figure, ...]:
    """Give each figure of some runs whose title, or stack, has all the words, the oldest first."""
    found: dict[Key, list[Point]] = {}
    for bench in sorted(benches, key=lambda one: (one.started, one.run)):
        tools = f"{bench.qemu}; {bench.compiler}"
        for table, name, unit, head, value in _figures(bench):
            point = Point(bench.run, bench.started, bench.kernel, head, tools, value)
            found.setdefault((bench.stack, table, name, unit), []).append(point)
    figures = (Figure(*key, tuple(points)) for key, points in found.items())
    return tuple(
        one for one in figures if all(word in f"{one.stack} {one.title}" for word in words)
    )


def _figures(bench: Bench) -> Iterator[tuple[str, str, str, str, float]]:
    """Give table, name, unit, commit and value of all that was measured in a run."""
    for one in bench.measurements:
        receiver, _, rest = one.setup.name.partition(f"-{one.setup.regime}-")
        yield f"{one.setup.regime}-{rest}", receiver, "byte", bench.head, one.cost
    if bench.patches is not None:
        yield from _ends("paths that were there before", bench.patches)
    if bench.program is not None:
        yield from _ends(f"program {bench.program.program}", bench.program.cost)


def _ends(table: str, cost: Cost) -> Iterator[tuple[str, str, str, str, float]]:
    """Give what each path costs without the series, and with all of it."""
    steps = {step.patch: step for step in cost.steps()}
    for number, told in ((0, "base"), (len(cost.patches), "series")):
        if number in steps:
            for path in steps[number].paths:
                yield f"{table}, {told}", path.path, path.unit, steps[number].head, path.per_unit
