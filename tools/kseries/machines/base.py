# SPDX-License-Identifier: GPL-2.0
"""A machine that runs kernels: boot, run, put, get, console. Nothing more.

A virtual machine and a lab machine over ssh differ behind this shape only. A test that fails is
a returned status; a machine that is lost is an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.model import Kernel
from kseries.parse.taint import Counts

TimedLine = Callable[[float, str], None]
"""Gets each line with its time of arrival, in seconds on the monotonic clock."""


class TargetLost(InfraError):
    """The machine does not answer any more."""


class KernelDied(TargetLost):
    """The kernel panicked, hung or reset; `reason` is the console's line that shows it.

    hung: it only does not answer; a host that lets it wait does the same to it.
    """

    def __init__(self, reason: str, *, where: str, hung: bool = False) -> None:
        super().__init__(f"The kernel died: {reason}", where=where)
        self.reason = reason
        self.hung = hung


class Starved(TargetLost):
    """The host let the machine wait so long that what it did says nothing of its kernel."""


class BootFailed(KernelDied):
    """The kernel did not come up: it died, or was silent until the boot deadline."""


@dataclass(frozen=True)
class Exit:
    """How a program on the target ended. status: its exit status, None at the deadline."""

    status: int | None
    seconds: float


@dataclass(frozen=True)
class Witness:
    """What was seen of a machine's kernel up to a mark in its log.

    said: the kernel's own lines since the mark before, as on a console, read where no console
    level hides them. missing: what of its log was not seen, one sentence each.
    """

    counts: Counts
    said: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Target(Protocol):
    """One machine. Used as a context manager; leaving it powers the machine off."""

    @property
    def peer(self) -> Target | None:
        """The machine at the other end of its cable, where there is one.

        It is booted, closed and ended with this one.
        """

    @property
    def facts(self) -> Mapping[str, str]:
        """What provenance and notes want to know, e.g. `qemu`, `accelerator`, `note`."""

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        """Start the kernel and wait until programs can be run. Raises BootFailed."""

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        on_line: TimedLine | None = None,
    ) -> Exit:
        """Run a program to its end or to the deadline (then it and its children are killed).

        Raises KernelDied as soon as the console shows it, TargetLost when nothing answers.
        """

    def put(self, source: Path, destination: str, deadline: Deadline) -> None:
        """Copy a file or folder of the host to the target."""

    def get(self, source: str, destination: Path, deadline: Deadline) -> None:
        """Copy a file or folder of the target to the host."""

    def mark(self, line: str, deadline: Deadline) -> Witness:
        """Write a line into the kernel log; give what the kernel said of itself up to it.

        line: one that nobody can know before. It has reached the console when this returns, or
        the witness says that it has not. Raises as `run` does.
        """

    def note(self, lines: Sequence[str]) -> None:
        """Put lines of ours behind what `console` gives, and into its file."""

    def console(self) -> tuple[tuple[float, str], ...]:
        """Give the kernel log so far: (time of arrival in seconds, monotonic clock; line)."""

    def waited(self, since: float, until: float) -> float:
        """Give for how many seconds of that time (monotonic clock) the host let it wait."""

    def abort(self) -> None:
        """End the machine at once and for good, from any thread; its users get TargetLost."""

    def close(self) -> None:
        """Power off and let go. Safe to repeat."""
