# SPDX-License-Identifier: GPL-2.0
"""What is measured by default and in full, and the goals; as data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, Protocol, TypeVar

from kseries.bench.answer import RECEIVERS, Receiver, Regime
from kseries.bench.model import KIB, MIB, Cpu, Setup

REGIMES: tuple[Regime, ...] = ("prompt", "late")
PACKETS = (60 * KIB, 32 * KIB, 4 * KIB)
LARGE, SMALL = PACKETS[0], PACKETS[-1]
CPUS: tuple[Cpu, ...] = ("without-erms", "with-erms")

DEFER_US = 50
"""Of the guest's time: what comes in 50,000 instructions is polled together, as by a NIC."""

UNTOUCHABLE: Receiver = "discard"
"""It has nothing that could be touched."""

ONE_BY_ONE: tuple[Receiver, ...] = ("rr", "udp")
"""What they get comes in packets of its own anyway."""

PROGRAM = "/zcrx_bench"


class Named(Protocol):
    """Something to measure."""

    @property
    def name(self) -> str:
        """By which it is chosen."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Goal:
    """What the cost of zcrx is to be of another receiver's, at most."""

    of: Receiver
    packet: int
    regime: Regime
    most: float
    defer_us: int = 0

    def setup(self, receiver: Receiver) -> Setup:
        """Give the measurement of a receiver that it is about."""
        return Setup(receiver, self.regime, self.packet, defer_us=self.defer_us)


GOALS = (
    Goal("epoll", LARGE, "prompt", 0.60),
    Goal("epoll", LARGE, "late", 0.50),
    Goal("epoll-zc", LARGE, "prompt", 0.29),
    Goal("epoll-zc", LARGE, "late", 0.23),
    Goal("discard", LARGE, "prompt", 1.05),
    Goal("discard", LARGE, "late", 1.07),
    Goal("epoll", SMALL, "prompt", 0.80, DEFER_US),
    Goal("epoll", SMALL, "late", 0.70, DEFER_US),
)


def usual() -> tuple[Setup, ...]:
    """Give what the default session measures: what the goals want, data touched, copies by ERMS."""
    pairs = list(product(RECEIVERS, REGIMES))
    setups = [Setup(receiver, regime) for receiver, regime in pairs]
    for packet in PACKETS[1:]:
        setups += [Setup(receiver, regime, packet) for receiver, regime in pairs]
    setups += [Setup(receiver, regime, SMALL, defer_us=DEFER_US) for receiver, regime in pairs]
    setups += [Setup(r, regime, touched=True) for r, regime in pairs if r != UNTOUCHABLE]
    setups += [Setup(receiver, regime, cpu="with-erms") for receiver, regime in pairs]
    return tuple(setups)


def full() -> tuple[Setup, ...]:
    """Give all receivers, regimes, packets, versions of IP, processors, untouched and touched."""
    return tuple(_full())


def _full() -> Iterator[Setup]:
    for cpu, packet, family in product(CPUS, PACKETS, (4, 6)):
        for touched, receiver, regime in product((False, True), RECEIVERS, REGIMES):
            if not (touched and receiver == UNTOUCHABLE):
                of = Setup(receiver, regime, packet, 6 if family == 6 else 4, touched, cpu)
                yield of
                if packet == SMALL:
                    yield replace(of, defer_us=DEFER_US)


SEEDS = (1, 2, 3)
"""A kernel is measured with each: of hashes and ports, none is the only one."""

# Of a stream, of requests and of datagrams: enough for counts to differ by less than 0.1 %.
WARM_UP, BYTES = 4 * MIB, 8 * MIB
REQUEST, REQUESTS = 64, 1024
DATAGRAM, DATAGRAMS = 1400, 1024


def of_patches() -> tuple[Setup, ...]:
    """Give the paths that each patch of a series is measured on: none of zero copy by io_uring."""
    plain: tuple[Receiver, ...] = ("epoll", "uring", "epoll-zc")
    return (
        *(Setup(receiver, "prompt", warm_up=WARM_UP, bytes=BYTES) for receiver in plain),
        *_small(4),
    )


def all_of_patches() -> tuple[Setup, ...]:
    """Give those, and the same in `late`, in small packets polled together, and by IPv6."""
    prompt = [setup for setup in of_patches() if setup.receiver not in ONE_BY_ONE]
    late = [replace(setup, regime="late") for setup in prompt]
    small = [replace(setup, packet=SMALL, defer_us=DEFER_US) for setup in prompt]
    newer = [replace(setup, family=6) for setup in prompt]
    return (*of_patches(), *late, *small, *newer, *_small(6))


def _small(family: Literal[4, 6]) -> tuple[Setup, ...]:
    def of(receiver: Receiver, size: int, count: int) -> Setup:
        warm_up = size * count
        return Setup(receiver, "prompt", size, family, warm_up=warm_up, bytes=2 * warm_up)

    return of("rr", REQUEST, REQUESTS), of("udp", DATAGRAM, DATAGRAMS)


def path_name(setup: Setup) -> str:
    """Name a path of those, without what they have in common."""
    words: list[str] = [setup.receiver, *(["late"] if setup.regime == "late" else [])]
    words += ["4k"] if setup.packet == SMALL else []
    return "-".join([*words, *(["ipv6"] if setup.family == 6 else [])])


def select(setups: Sequence[T], words: Sequence[str]) -> tuple[T, ...]:
    """Choose by parts of names: each word has to be in it. () where none fits."""
    return tuple(setup for setup in setups if all(word in setup.name for word in words))


def command(setup: Setup) -> tuple[str, ...]:
    """Give the program's command line."""
    words = [PROGRAM, "--receiver", setup.receiver, "--regime", setup.regime]
    words += ["--write", str(setup.packet)]
    words += ["--warm-up", str(setup.warm_up), "--bytes", str(setup.bytes)]
    if setup.packet < LARGE and setup.receiver not in ONE_BY_ONE:
        # Else TCP makes large ones of small writes.
        words.append("--packets")
    if setup.defer_us:
        words += ["--defer", str(setup.defer_us)]
    if setup.family == 6:
        words.append("--ipv6")
    if setup.touched:
        words.append("--touch")
    return tuple(words)
