# SPDX-License-Identifier: GPL-2.0
"""What the HTML page shows of measurements over a NIC. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kseries.bench.answer import RECEIVERS
from kseries.bench.nic import WHERE, OverNic, Where
from kseries.report import nicbench, nicrows

WIDTH = 200  # of a bar, at most


@dataclass(frozen=True)
class Bar:
    """A receiver's throughput: the median, and the least and the most as places on the scale."""

    row: nicrows.Row
    colour: int
    width: float
    least: float
    most: float


@dataclass(frozen=True)
class Place:
    """What was measured at a place. cells: the cover letter's table. why_not: by receiver."""

    head: str
    beside: tuple[str, ...]
    cells: dict[str, str]
    bars: tuple[Bar, ...]
    within: tuple[str, ...]
    why_not: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Part:
    """All that is shown."""

    nic: OverNic
    setup: tuple[str, ...]
    warnings: tuple[str, ...]
    places: tuple[Place, ...]
    losses: tuple[tuple[str, int], ...]
    refused: tuple[str, ...]


def make(nic: OverNic) -> Part:
    """Work it out of the document."""
    wanted = {item.where for item in nic.asked.items}
    rates = [sample.gbps for sample in nic.samples]
    most = max(rates, default=0.0) or 1.0
    return Part(
        nic=nic,
        setup=tuple(nicbench.setup(nic)),
        warnings=tuple(nicbench.warnings(nic)),
        places=tuple(_place(nic, where, most) for where in WHERE if where in wanted),
        losses=tuple(nicbench.losses(nic).items()),
        refused=tuple(
            f"{step.side}: {step.name} to {step.value}: {step.why_not}"
            for step in nic.steps
            if step.why_not
        ),
    )


def _place(nic: OverNic, where: Where, most: float) -> Place:
    rows = nicrows.rows(nic, where)
    found = {row.item.receiver: row for row in rows}
    missing = [("skipped", one) for one in nic.skipped] + [("lost", one) for one in nic.lost]
    return Place(
        head=nicbench.HEADS[where].replace("_", "").rstrip(":"),
        beside=tuple(nicbench.beside(nic, where)),
        cells=nicbench.cells(nic, where),
        bars=tuple(_bar(row, most) for row in rows),
        within=tuple(nicbench.within(found)),
        why_not=tuple(
            (one.item.receiver, state, one.why) for state, one in missing if one.item.where == where
        ),
    )


def _bar(row: nicrows.Row, most: float) -> Bar:
    def at(gbps: float) -> float:
        return round(WIDTH * gbps / most, 1)

    colour = RECEIVERS.index(row.item.receiver)
    return Bar(row, colour, at(row.gbps.middle), at(row.gbps.least), at(row.gbps.most))
