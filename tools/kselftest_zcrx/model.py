# SPDX-License-Identifier: GPL-2.0
"""What a case is: one row of a table, told in terms of the user interface, not of a program.

The rules that rows name (R1, R2, …) are those of docs/zcrx.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

V7 = "v7"
MAINLINE = "mainline"
DIALECTS = (V7, MAINLINE)
"""The user interfaces that there are: of the series, and of the kernels that took it up."""

FIRST_LEVEL = 9
LAST_LEVEL = 15
"""Patches of the series that bring a user interface the tables know, first and last."""

AREA_LEVEL = 10
"""The patch from which on a registration brings memory with it."""

QUEUE_LEVEL = 14
"""The patch from which on the queue is really taken, and data received."""

SLOW_S = 180
"""What a case is given that takes 5 s at most, emulated: checkers and a busy machine cost more."""

LONG_S = 900
"""What a case is given that takes minutes."""

SLOW = "SLOW_S"
"""What C calls SLOW_S, where the same source is compiled for long, too."""

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
    LOCKS_TOO_LITTLE = "lock_less_than_area"  # ONLY_NET_ADMIN, RLIMIT_MEMLOCK below the area
    LOCKS_ENOUGH = "lock_no_more_than_area"  # ONLY_NET_ADMIN, RLIMIT_MEMLOCK is the area


class Need(Enum):
    """What a case needs beyond a network interface. The value is the field that tells it."""

    NETDEVSIM = "simulated"  # a device of our own: it may be removed, no other has its index
    TWO_QUEUES = "two_queues"


@dataclass(frozen=True)
class Spoil:
    """The one thing that differs from the valid default request.

    what: a field of struct io_uring_zcrx_ifq_reg, or `area.` and one of the area that it points
    to, `region.` and one of the memory of the refill ring (mainline), or `sqe.` and one of the
    request to receive, or `arg` or `nr_args` of the system call.
    value: a C expression.
    """

    what: str
    value: str


@dataclass(frozen=True)
class Transfer:
    """Bytes over TCP, received by requests. The values are C expressions.

    steered: the device places them into the area; otherwise the kernel copies every one.
    """

    family: str
    size: str
    steered: bool = True
    area_pages: str = ""  # "": enough for all that a socket can have waiting
    changes: tuple[tuple[str, str], ...] = ()  # (field of struct transfer, its value)


@dataclass(frozen=True)
class Mainline:
    """How a case differs in the interface of mainline.

    absent: why the case does not apply there; "" where it does. error: the errno there, where it
    is another one. spoil: the same spoiled, where its name or value is another one.
    """

    absent: str = ""
    error: str | None = None
    spoil: Spoil | None = None


@dataclass(frozen=True)
class Case:
    """One test: the default request with at most one thing changed, and what must come of it.

    A scripted case has a body of its own in the templates, a macro that goes by its name;
    `spoil`, `ring`, `caller`, `error` and `then` are not for it. Nor are they for a transfer.
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
    transfer: Transfer | None = None
    scripted: bool = False
    timeout_s: int = 0  # 0: the harness's own
    since: int = FIRST_LEVEL  # first patch it holds from
    until: int | None = None  # last patch it holds to; None: all later ones
    dialects: tuple[str, ...] = DIALECTS  # whose interfaces it is about
    mainline: Mainline = Mainline()

    def holds_at(self, level: int, dialect: str) -> bool:
        """Whether it is true of a kernel that has the series up to that patch, or mainline's."""
        if dialect not in self.dialects or (dialect == MAINLINE and self.mainline.absent):
            return False
        return self.since <= level and (self.until is None or level <= self.until)

    def as_in(self, dialect: str) -> Case:
        """Give the case as it is in that dialect."""
        if dialect != MAINLINE:
            return self
        error, spoil = self.mainline.error, self.mainline.spoil
        return replace(
            self,
            error=self.error if error is None else error,
            spoil=self.spoil if spoil is None else spoil,
        )


@dataclass(frozen=True)
class Fixture:
    """Cases that share a set-up.

    setup: the template that makes it, `queue` (a device), `request` (and a connection), `nodev`
    (the same without a device), `link` (two devices, a wire between). scripts: the template of
    its scripted cases, "" for the program's own.
    """

    name: str
    cases: tuple[Case, ...]
    setup: str = "queue"
    scripts: str = ""


@dataclass(frozen=True)
class Program:
    """One C program."""

    name: str
    title: str  # its subject, for the comment at its head
    fixtures: tuple[Fixture, ...]
    receives: bool = False  # data, with what that takes
    templates: str = ""  # whose head and scripts it is made of; "": its own
    extended: bool = False  # takes long, and runs only when asked for
    numbers: tuple[tuple[str, int], ...] = ()  # macros that the program for long has otherwise
    long_of: str = ""  # the program whose source this one is compiled from, with other numbers

    @property
    def source(self) -> str:
        """The name that its templates go by."""
        return self.templates or self.name

    def for_long(self, timeout_s: int, **numbers: int) -> Program:
        """Give the program `NAME_long`: the same source, compiled with other numbers."""
        return replace(
            self,
            name=f"{self.name}_long",
            title=f"{self.title}, many times",
            fixtures=tuple(
                replace(
                    fixture,
                    cases=tuple(replace(case, timeout_s=timeout_s) for case in fixture.cases),
                )
                for fixture in self.fixtures
            ),
            numbers=(*numbers.items(), (SLOW, timeout_s)),
            extended=True,
            templates=self.source,
            long_of=self.name,
        )


@dataclass(frozen=True)
class Layout:
    """How a structure of the user interface lies in memory, in bytes."""

    struct: str
    size: int
    fields: tuple[tuple[str, int], ...]  # (field, offset)
    since: int = FIRST_LEVEL
    dialects: tuple[str, ...] = DIALECTS


@dataclass(frozen=True)
class Number:
    """A constant of the user interface."""

    name: str
    value: str  # a C expression
    since: int = FIRST_LEVEL
    dialects: tuple[str, ...] = DIALECTS
