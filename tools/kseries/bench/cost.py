# SPDX-License-Identifier: GPL-2.0
"""What each patch of a series adds to paths that were there before it: values. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from kseries.bench import sections
from kseries.bench.answer import Receiver
from kseries.bench.model import RECEIVER_SIDE, SENDER, Call, Measurement, Row
from kseries.bench.sections import Section

Unit = Literal["byte", "request", "datagram", "operation", "pass"]
Kind = Literal["patch", "rebuild"]
Count = Annotated[int, Field(ge=0)]

# What a compiler makes of one function is that function.
_CLONE = re.compile(r"\.(isra|constprop|part|cold|llvm)(\.\d+)?(?=\.|$)")


@dataclass(frozen=True)
class PathCost:
    """What a path cost on one kernel. costs: instructions of the receiver's side, by seed.

    units: bytes received, requests answered (by both sides), datagrams received; of a program's
    section operations, or passes where it tells none. functions, columns: of the same; of each
    seed's counts the (lower) median. beside: columns that are no part of the cost. calls: who
    called whom in a section, of the median seed.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    path: str
    unit: Unit
    units: Annotated[int, Field(gt=0)]
    costs: Annotated[tuple[Count, ...], Field(min_length=1)]
    functions: dict[str, Count]
    columns: dict[str, Count] = field(default_factory=dict)
    beside: dict[str, Count] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()

    @property
    def cost(self) -> int:
        """Instructions, of the median seed."""
        return median_low(self.costs)

    @property
    def per_unit(self) -> float:
        """Instructions for each byte, request or datagram."""
        return self.cost / self.units


@dataclass(frozen=True)
class LostPath:
    """A path that could not be measured on a kernel, and why."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    path: str
    why: str


@dataclass(frozen=True)
class Built:
    """A kernel that was built and measured.

    kind: "patch": the series up to `patch`, 0 for the base; "rebuild": the same once more, with
    nothing changed on any path. why: there is no such kernel, "" where there is.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Kind
    patch: Count
    title: str
    head: str
    made_of: str  # a digest: what was measured of the same parts need not be again
    paths: tuple[PathCost, ...] = ()
    lost: tuple[LostPath, ...] = ()
    why: str = ""

    def path(self, name: str) -> PathCost | None:
        """Give what a path cost; None where it was not measured."""
        return next((one for one in self.paths if one.path == name), None)


@dataclass(frozen=True)
class Growth:
    """A function whose instructions changed: from, to."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    function: str
    before: Count
    after: Count


@dataclass(frozen=True)
class Limit:
    """What a path's cost changes by itself, as a part of it: quartiles, and the fence beyond them.

    pairs: of counts that were compared.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    path: str
    q1: float
    q3: float
    fence: float
    pairs: Count


@dataclass(frozen=True)
class Finding:
    """A patch that changes what a path costs. change: as a part of the cost before.

    after: the patch (0: the base) that it is compared with, of which there was a kernel.
    functions: those that account for it, the most first.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    path: str
    patch: Count
    title: str
    after: Count
    change: float
    functions: tuple[Growth, ...]


@dataclass(frozen=True)
class Cost:
    """The document: what was measured, and what follows from it.

    patches: titles of the series' patches. built: in the order in which it was made. planned: how
    many kernels there will be when all is measured. below: series that the base has so that it has
    the same device.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    series: str
    patches: tuple[str, ...]
    paths: tuple[str, ...]
    seeds: tuple[Count, ...]
    below: tuple[str, ...]
    built: tuple[Built, ...]
    planned: Count
    limits: tuple[Limit, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def steps(self) -> tuple[Built, ...]:
        """Give the kernels of the series that there are, the base first."""
        found = [one for one in self.built if one.kind == "patch" and not one.why]
        return tuple(sorted(found, key=lambda one: one.patch))

    def limit(self, path: str) -> Limit | None:
        """Give what was learned of a path; None where too little was."""
        return next((one for one in self.limits if one.path == path), None)


BUILT: TypeAdapter[Built] = TypeAdapter(Built)


def columns(receiver: Receiver) -> tuple[str, ...]:
    """Name the columns of instructions that a path costs.

    Who asks and who answers do the same in turn, and what is done for several packets at once falls
    on the one or the other by chance: their costs are told together.
    """
    return (*RECEIVER_SIDE, SENDER) if receiver == "rr" else RECEIVER_SIDE


def of_measurements(path: str, found: Sequence[Measurement]) -> PathCost:
    """Put the measurements of a path together, one for each seed."""
    receiver, told = found[0].setup.receiver, found[0].answer
    units: dict[str, tuple[Unit, int]] = {
        "rr": ("request", told.calls),
        "udp": ("datagram", told.calls),
    }
    unit, count = units.get(receiver, ("byte", told.bytes))
    counted = columns(receiver)
    by_seed = [_by_function(one.rows, counted) for one in found]
    return PathCost(
        path=path,
        unit=unit,
        units=count,
        costs=tuple(one.column(*counted) for one in found),
        functions=_medians(by_seed),
    )


def of_sections(path: str, found: Sequence[Section]) -> PathCost:
    """Put what a section cost together, one for each seed; all did the same."""
    first = found[0]
    return PathCost(
        path=path,
        unit="operation" if first.operations else "pass",
        units=first.units,
        costs=tuple(one.cost for one in found),
        functions=_medians([_by_function(one.rows, sections.COST) for one in found]),
        columns=_medians([_by_column(one, sections.COST) for one in found]),
        beside=_medians([_by_column(one, sections.BESIDE) for one in found]),
        calls=sections.typical(found).calls,
    )


def _by_column(one: Section, names: Sequence[str]) -> Counter[str]:
    return Counter({name: one.column(name) for name in names})


def _medians(by_seed: Sequence[Counter[str]]) -> dict[str, int]:
    names = sorted({name for counts in by_seed for name in counts})
    return {name: median_low([counts[name] for counts in by_seed]) for name in names}


def _by_function(rows: Sequence[Row], counted: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        if row.column in counted:
            found[_CLONE.sub("", row.function)] += row.count
    return found
