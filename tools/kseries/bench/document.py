# SPDX-License-Identifier: GPL-2.0
"""The document of a bench, bench.json: all that reports are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from kseries.bench.answer import SCHEMA_DIALECT
from kseries.bench.cost import Cost
from kseries.bench.model import Lost, Measurement
from kseries.bench.nic import OverNic

VERSION = 1


@dataclass(frozen=True)
class Compared:
    """A user's program on two kernels, or on the base and after each patch.

    program: its folder's name. base, series: what is compared, as people call it. runs: that count
    in each guest, after those to warm up. cost: its paths are sections.
    """

    program: str
    base: str
    series: str
    runs: int
    warm_up: int
    each_patch: bool
    cost: Cost


@dataclass(frozen=True)
class Bench:
    """Everything that reports show. model: of the processor, for each Cpu, as QEMU is told it.

    patches: what each patch adds to other paths, where that was asked for. program: what a user's
    own one costs, likewise. nic: what was measured between two machines; it has nothing to do with
    the processor of a guest.
    """

    run: str
    stack: str
    started: str  # ISO 8601, UTC
    seconds: float
    kernel: str
    head: str
    dialect: str
    qemu: str
    compiler: str
    models: dict[str, str]
    measurements: tuple[Measurement, ...]
    lost: tuple[Lost, ...] = ()
    notes: tuple[str, ...] = ()
    patches: Cost | None = None
    program: Compared | None = None
    nic: OverNic | None = None
    version: int = field(default=VERSION)


BENCH: TypeAdapter[Bench] = TypeAdapter(Bench)


def schema() -> dict[str, object]:
    """Give the JSON Schema of the document."""
    made = BENCH.json_schema()
    return {"$schema": SCHEMA_DIALECT, "$id": f"bench-{VERSION}.schema.json", **made}
