# SPDX-License-Identifier: GPL-2.0
"""All measurements over a NIC of a receiver at a place, put together for reports. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from kseries.bench.answer import RECEIVERS, CpuUse
from kseries.bench.nic import Item, OverNic, Sample, Where


@dataclass(frozen=True)
class Spread:
    """Some values: the median, and the least and the most."""

    middle: float
    least: float
    most: float

    def overlaps(self, other: Spread) -> bool:
        """Whether there are values of each between those of the other."""
        return self.least <= other.most and other.least <= self.most


@dataclass(frozen=True)
class Row:
    """A receiver at a place, all its measurements together.

    application, softirq: parts of the time of their CPUs, the median. cycles: of both CPUs, for
    a byte; misses of their caches, for a KiB. None: not known. drops, retransmits: of all.
    """

    item: Item
    count: int
    gbps: Spread
    application: float | None
    softirq: float | None
    cycles: float | None
    misses: float | None
    drops: int | None
    retransmits: int | None


def row(nic: OverNic, item: Item) -> Row | None:
    """Put the measurements of an item together; None where there are none."""
    samples = nic.of(item)
    if not samples:
        return None
    application, softirq = nic.application[item.where], nic.softirq
    both = tuple(dict.fromkeys((application, softirq)))
    rates = [sample.gbps for sample in samples]
    return Row(
        item=item,
        count=len(samples),
        gbps=Spread(median(rates), min(rates), max(rates)),
        application=_middle(samples, lambda one: _share(one, application, _application_us)),
        softirq=_middle(samples, lambda one: _share(one, softirq, _softirq_us)),
        cycles=_middle(samples, lambda one: _per(one, both, lambda cpu: cpu.cycles, 1)),
        misses=_middle(samples, lambda one: _per(one, both, lambda cpu: cpu.cache_misses, 1024)),
        drops=_total([sample.drops for sample in samples]),
        retransmits=_total([sample.retransmits for sample in samples]),
    )


def rows(nic: OverNic, where: Where) -> tuple[Row, ...]:
    """Give what was measured at a place."""
    found = (row(nic, Item(where, receiver)) for receiver in RECEIVERS)
    return tuple(one for one in found if one is not None)


def _application_us(cpu: CpuUse) -> int:
    return cpu.user_us + cpu.system_us


def _softirq_us(cpu: CpuUse) -> int:
    return cpu.irq_us + cpu.softirq_us


def _share(sample: Sample, number: int, part: Callable[[CpuUse], int]) -> float | None:
    cpu = sample.cpu(number)
    total = cpu.busy_us + cpu.idle_us + cpu.steal_us if cpu else 0
    return part(cpu) / total if cpu and total else None


def _per(
    sample: Sample, cpus: Sequence[int], count: Callable[[CpuUse], int | None], bytes_: int
) -> float | None:
    """Give what was counted on CPUs for so many bytes; None where one of them could not."""
    counts = [count(cpu) if (cpu := sample.cpu(number)) else None for number in cpus]
    known = [one for one in counts if one is not None]
    if len(known) < len(cpus) or not sample.answer.bytes:
        return None
    return bytes_ * sum(known) / sample.answer.bytes


def _middle(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> float | None:
    known = [one for sample in samples if (one := value(sample)) is not None]
    return median(known) if known else None


def _total(counts: Sequence[int | None]) -> int | None:
    known = [one for one in counts if one is not None]
    return sum(known) if len(known) == len(counts) else None
