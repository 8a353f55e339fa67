# SPDX-License-Identifier: GPL-2.0
"""What a case is: one row of a table, told in terms of the user interface, not of a program.

The rules that rows name (R1, R2, …) are those of docs/zcrx.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

FIRST_LEVEL = 9
LAST_LEVEL = 9
"""Patches of the series that bring a user interface the tables know, first and last."""

SUCCESS = ""
"""The expected error of a call that must succeed."""

RING_FLAGS = (
    "IORING_SETUP_SINGLE_ISSUER",  # DEFER_TASKRUN demands it
    "IORING_SETUP_DEFER_TASKRUN",
    "IORING_SETUP_CQE32",
)
"""Set-up flags of a ring that can register an interface queue."""


class Caller(Enum):
    """Who registers. The value is the C function that turns a child process into it."""

    ADMIN = ""  # the test itself, all capabilities of root
    NO_NET_ADMIN = "drop_net_admin"  # root without CAP_NET_ADMIN
    ONLY_NET_ADMIN = "keep_only_net_admin"  # CAP_NET_ADMIN and nothing else
    USER_NAMESPACE = "enter_user_namespace"  # all capabilities, in a namespace of its own
    NET_NAMESPACE = "enter_net_namespace"  # root, where the device is not


class Need(Enum):
    """What a case needs beyond a network interface. The value is the field that tells it."""

    NETDEVSIM = "simulated"  # a device of our own: it may be removed, no other has its index
    TWO_QUEUES = "two_queues"


@dataclass(frozen=True)
class Spoil:
    """The one thing that differs from the valid default request.

    what: a field of struct io_uring_zcrx_ifq_reg, or `arg` or `nr_args` of the system call.
    value: a C expression.
    """

    what: str
    value: str


@dataclass(frozen=True)
class Case:
    """One test: the default request with at most one thing changed, and what must come of it.

    A scripted case has a body of its own in the templates, a macro that goes by its name;
    `spoil`, `ring`, `caller`, `error` and `then` are not for it.
    """

    name: str
    rule: str  # of docs/zcrx.md, "R7"
    tests: str  # one sentence, the comment above the test
    spoil: Spoil | None = None
    ring: tuple[str, ...] = RING_FLAGS
    caller: Caller = Caller.ADMIN
    error: str = SUCCESS  # name of the expected errno
    then: tuple[tuple[str, str], ...] = ()  # (field of the request, its value afterwards)
    needs: tuple[Need, ...] = ()
    scripted: bool = False
    timeout_s: int = 0  # 0: the harness's own
    since: int = FIRST_LEVEL  # first patch it holds from
    until: int | None = None  # last patch it holds to; None: all later ones

    def holds_at(self, level: int) -> bool:
        """Whether it is true of a kernel that has the series up to that patch."""
        return self.since <= level and (self.until is None or level <= self.until)


@dataclass(frozen=True)
class Fixture:
    """Cases that share a set-up."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Program:
    """One C program."""

    name: str
    title: str  # its subject, for the comment at its head
    fixtures: tuple[Fixture, ...]


@dataclass(frozen=True)
class Layout:
    """How a structure of the user interface lies in memory, in bytes."""

    struct: str
    size: int
    fields: tuple[tuple[str, int], ...]  # (field, offset)
    since: int = FIRST_LEVEL
