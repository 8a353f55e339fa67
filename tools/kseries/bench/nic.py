# SPDX-License-Identifier: GPL-2.0
"""What is measured over a NIC, between two machines, and what came of it. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from kseries.bench.answer import RECEIVERS, Answer, CpuUse, Receiver
from kseries.bench.nicproof import Proof
from kseries.hardware.ends import Side

Where = Literal["different", "same"]
"""Whether the application runs on the CPU that the softirqs of its flow run on."""
WHERE: tuple[Where, ...] = get_args(Where)

SIMULATED = frozenset({"dummy", "netdevsim", "tun", "veth", "virtio_net"})
"""Drivers without a NIC."""
BARE = "none"
"""What `Machine.guest` is of a machine that is none."""


@dataclass(frozen=True, order=True)
class Item:
    """A receiver at a place."""

    where: Where
    receiver: Receiver

    @property
    def name(self) -> str:
        """Name it, as words on the command line choose it."""
        return f"{self.receiver}-{self.where}"


ITEMS = tuple(Item(where, receiver) for where in WHERE for receiver in RECEIVERS)


@dataclass(frozen=True)
class Asked:
    """What a session was to measure. repeats: how often each, in turns.

    mtu: 4 KiB of payload and the headers of its segment, where nothing else is asked for. warm_up:
    what the port carries in a quarter of a second, where nothing else is.
    """

    items: tuple[Item, ...] = ITEMS
    seconds: int = 10
    repeats: int = 5
    mtu: int = 0  # 0: as above
    write: int = 61440  # bytes of one send()
    warm_up: int = 0  # bytes; 0: as above


@dataclass(frozen=True)
class Machine:
    """The DUT. guest: of which hypervisor, "none" where it is bare metal; "": nobody knows."""

    processor: str
    cpus: str  # that are online, as the kernel lists them
    product: str
    guest: str


@dataclass(frozen=True)
class Port:
    """Its port while it was measured. settings: as `kseries hw state` names them."""

    interface: str
    driver: str
    firmware: str
    bus: str
    device: str  # vendor and device, as PCI numbers them
    speed: str  # Mbit/s as the driver says; "": it does not
    settings: dict[str, str]


@dataclass(frozen=True)
class Step:
    """A command that set something up for the measurements. why_not: it was refused so."""

    side: Side
    name: str
    value: str
    command: str
    why_not: str = ""


@dataclass(frozen=True)
class Sample:
    """One measurement.

    drops: packets that the DUT's port dropped or missed. retransmits: segments that the peer's TCP
    sent again, of all its connections. None: not known. Both are from before the first packet
    of the warm-up to behind the last. counters: others that speak of loss and grew meanwhile.
    doubts: why it is no figure of what it is to be of.
    """

    item: Item
    answer: Answer
    drops: int | None
    retransmits: int | None
    counters: dict[str, int]
    doubts: tuple[str, ...] = ()

    @property
    def gbps(self) -> float:
        """Payload received, in 10^9 bit/s."""
        return 8 * self.answer.bytes / self.answer.ns if self.answer.ns else 0.0

    def cpu(self, number: int) -> CpuUse | None:
        """Give what a CPU did, where it was accounted for."""
        return next((one for one in self.answer.cpus if one.cpu == number), None)


@dataclass(frozen=True)
class Missing:
    """What was not measured, and why: the target cannot, or it came to nothing."""

    item: Item
    why: str


@dataclass(frozen=True)
class OverNic:
    """All measurements of a session on a target.

    softirq: the CPU that the port's interrupts go to. application: the receiver's CPU, by place.
    skipped: what this target cannot do. lost: what was tried and came to nothing. proof: that zero
    copy was none; None where it was not measured. made_of: a digest of kernel and program.
    """

    target: str
    asked: Asked
    machine: Machine
    port: Port
    peer: str  # the driver of its port
    softirq: int
    application: dict[Where, int]
    steps: tuple[Step, ...]
    made_of: str = ""
    samples: tuple[Sample, ...] = ()
    skipped: tuple[Missing, ...] = ()
    lost: tuple[Missing, ...] = ()
    proof: Proof | None = None
    notes: tuple[str, ...] = ()

    def of(self, item: Item) -> tuple[Sample, ...]:
        """Give the measurements of an item."""
        return tuple(sample for sample in self.samples if sample.item == item)

    def in_doubt(self, item: Item) -> bool:
        """Whether the measurements of an item may be of something else."""
        copied = item.receiver == "zcrx" and self.proof is not None and bool(self.proof.doubt)
        return copied or any(sample.doubts for sample in self.of(item))


def not_hardware(machine: Machine, driver: str) -> tuple[str, ...]:
    """Say why figures are none of hardware, or why nobody knows; () where they are."""
    why = []
    if driver in SIMULATED:
        why.append(f"the driver {driver} has no NIC")
    if not machine.guest:
        why.append("it is not known whether the machine is a guest")
    elif machine.guest != BARE:
        why.append(f"the machine is a guest ({machine.guest})")
    return tuple(why)
