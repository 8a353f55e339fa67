# SPDX-License-Identifier: GPL-2.0
"""What zcrx_bench prints: one line of JSON. Its schema is docs/zcrx-bench-1.schema.json. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

VERSION = 1
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Count = Annotated[int, Field(ge=0)]

Receiver = Literal["epoll", "epoll-zc", "uring", "zcrx", "discard", "rr", "udp"]
RECEIVERS: tuple[Receiver, ...] = ("epoll", "epoll-zc", "uring", "zcrx", "discard")
Regime = Literal["natural", "prompt", "late"]


class Unreadable(Exception):
    """What was printed is no answer, in words."""


@dataclass(frozen=True)
class CpuUse:
    """What a CPU did meanwhile, whoever ran there. None: its processor does not count that."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    cpu: Count
    user_us: Count
    system_us: Count
    idle_us: Count
    irq_us: Count
    softirq_us: Count
    steal_us: Count
    net_rx: Count  # softirqs that received
    cycles: Count | None
    instructions: Count | None
    cache_references: Count | None
    cache_misses: Count | None

    @property
    def busy_us(self) -> int:
        """Time in which it was not idle, of a host's other guests left out."""
        return self.user_us + self.system_us + self.irq_us + self.softirq_us


@dataclass(frozen=True)
class Answer:
    """What was received, how, and what it took.

    Counts are of what was measured, the warm-up left out. None: the driver has no such counter.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    version: Literal[1]
    receiver: Receiver
    family: Literal[4, 6]
    flows: Count
    write: Count  # bytes of one send()
    packets_of_writes: bool  # each is a packet of its own
    mtu: Count  # of the interface, as the caller says; 0: not told
    warm_up: Count  # bytes
    regime: Regime
    pin: Literal["anywhere", "same", "different", "explicit"]
    cpu: int  # of the receiver; -1: anywhere
    busy_poll_us: Count
    defer_us: Count  # that interrupts are put off by the timer of NAPI
    touched: bool
    checked: bool
    buffer: Count  # bytes of one read
    map: Count  # bytes of one TCP_ZEROCOPY_RECEIVE
    area_pages: Count
    huge_pages: bool
    rmem: Count  # bytes that a socket holds; 0: as the system has it
    bytes: Count
    ns: Count  # on CLOCK_MONOTONIC
    ticks: Count  # of the processor's counter; 0 where there is none
    user_us: Count  # of the receiver
    system_us: Count
    waits: Count  # system calls that may sleep
    calls: Count  # reads, or completions
    mapped: Count  # bytes, of epoll-zc
    copied: Count
    rearms: Count  # requests that had to be made again
    starved: Count  # times that a request ended for want of buffers
    packets: Count | None
    placed_bytes: Count | None  # by the device, behind headers that it split off
    provider_bytes: Count | None  # of them into memory of a provider
    no_buffer: Count | None
    drops: Count | None
    checksum: Annotated[
        str, Field(pattern=r"^[0-9a-f]{16}$")
    ]  # of all that was touched, warm-up included
    bad: bool  # checked, and something was not what was sent
    cpus: tuple[CpuUse, ...] = ()  # that were to be accounted for
    perf_error: str = ""  # why one of them cannot count something


ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def read(line: str) -> Answer:
    """Read what the program printed. Raises Unreadable."""
    try:
        return ANSWER.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"{place or 'the line'}: {first['msg']}") from None


def schema() -> dict[str, object]:
    """Give the JSON Schema of the line."""
    made = ANSWER.json_schema()
    return {"$schema": SCHEMA_DIALECT, "$id": f"zcrx-bench-{VERSION}.schema.json", **made}
