# SPDX-License-Identifier: GPL-2.0
"""What is measured, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kseries.bench.answer import Answer, Receiver, Regime

KIB = 1 << 10
MIB = 1 << 20

Cpu = Literal["without-erms", "with-erms"]

# Columns of instructions. The first three are the receiver's side; all together are the clock.
USER, SYSCALL, SOFTIRQ = "user", "syscall", "softirq"
RECEIVER_SIDE = (USER, SYSCALL, SOFTIRQ)
DMA, STEER, DROP = "dma", "steer", "drop"
DEVICE = (DMA, STEER, DROP)
SENDER, SHARED, INTERRUPT, OTHER = "sender", "shared softirq", "interrupt", "other"
COLUMNS = (*RECEIVER_SIDE, *DEVICE, SENDER, SHARED, INTERRUPT, OTHER)


@dataclass(frozen=True, order=True)
class Setup:
    """One measurement. packet: bytes of payload that the sender writes at a time."""

    receiver: Receiver
    regime: Regime
    packet: int = 60 * KIB
    family: Literal[4, 6] = 4
    touched: bool = False
    cpu: Cpu = "without-erms"
    defer_us: int = 0  # that interrupts are put off, so that packets are polled together
    warm_up: int = 15 * MIB
    bytes: int = 30 * MIB
    seed: int = 0  # what the guest's random numbers begin with besides; 0: nothing

    @property
    def name(self) -> str:
        """Name it, as its folder is called."""
        touched = "touched" if self.touched else "untouched"
        size = f"{self.packet // KIB}k" if self.packet % KIB == 0 else str(self.packet)
        size += "-batched" if self.defer_us else ""
        seed = f"-seed{self.seed}" if self.seed else ""
        return f"{self.receiver}-{self.regime}-{size}-ipv{self.family}-{touched}-{self.cpu}{seed}"


@dataclass(frozen=True)
class Row:
    """Instructions of a function, in a column."""

    column: str
    function: str
    count: int


@dataclass(frozen=True)
class Call:
    """A function as called by another one. count: instructions of it, and of all that it calls.

    parent: the place of who calls it, -1 for the roots: the program, and polls of its queue.
    """

    parent: int
    function: str
    count: int


@dataclass(frozen=True)
class Measurement:
    """What a measurement gave, all of it proved to add up. rows: the most first.

    calls: of the receiver's side, those that cost something; each stands behind its parent.
    """

    setup: Setup
    answer: Answer
    rows: tuple[Row, ...]
    events: dict[str, int]  # switches, polls and entries of contexts
    unbooked: int  # ticks of the guest's clock beyond the rows: between its reading and the marks
    calls: tuple[Call, ...] = ()

    def column(self, *names: str) -> int:
        """Give the instructions of columns."""
        return sum(row.count for row in self.rows if row.column in names)

    def per_byte(self, *names: str) -> float:
        """Give the same for each byte received."""
        return self.column(*names) / self.answer.bytes

    @property
    def cost(self) -> float:
        """Instructions of the receiver's side for each byte received."""
        return self.per_byte(*RECEIVER_SIDE)

    @property
    def packet(self) -> float:
        """Bytes of payload of a packet that the receiver got, on average."""
        return self.answer.bytes / self.answer.packets if self.answer.packets else 0.0


@dataclass(frozen=True)
class Lost:
    """A measurement that came to nothing, and why."""

    setup: Setup
    why: str
