# SPDX-License-Identifier: GPL-2.0
"""How long a host with too much to do let a guest wait.

A guest's clock runs on while its processors wait for the host's: then its kernel sees lockups and
stalls that are none, and programs miss their deadlines. The host's scheduler counts for each
thread how long it could have run and did not (the second number of schedstat, see
Documentation/scheduler/sched-stats.rst). A guest that spins does run, one that sleeps does not want
to: neither counts as waiting. One that was stopped (SIGSTOP) does.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kseries.lib import proc

PERIOD_S = 0.5
VCPU = "CPU "  # QEMU's names of the threads that run the guest's processors begin so
STOPPED = "Tt"  # states of /proc/PID/stat
NANO = 1e-9


@dataclass(frozen=True)
class Sample:
    """What the host's scheduler said. waiting: by thread, seconds so far."""

    at: float  # monotonic clock
    waiting: dict[int, float]
    stopped: bool
    stolen: float  # seconds that a host above this one took of each processor here, so far


@dataclass
class Meter:
    """Adds up how long the guests of one machine were made to wait, boot after boot."""

    _times: list[float] = field(default_factory=list)
    _waited: list[float] = field(default_factory=list)  # in all, at each of these times

    def waited(self, since: float, until: float) -> float:
        """Give for how many seconds of that time (monotonic clock) a guest was made to wait."""
        return max(0.0, self._until(until) - self._until(since))

    @contextmanager
    def measuring(self, pid: int, program: str) -> Iterator[None]:
        """Measure a guest as long as the block; `program` is QEMU, somewhere below `pid`."""
        ended = threading.Event()
        thread = threading.Thread(
            target=self._measure, args=(pid, program, ended), name="meter", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _measure(self, pid: int, program: str, ended: threading.Event) -> None:
        found: int | None = None
        before: Sample | None = None
        last = False
        while not last:
            # One more at the end, for what happened since the last one.
            last = ended.wait(PERIOD_S)
            found = found or proc.descendant(pid, program)
            now = sample(found) if found else None
            if now is not None:
                self._add(before, now)
            before = now

    def _add(self, before: Sample | None, now: Sample) -> None:
        so_far = self._waited[-1] if self._waited else 0.0
        self._times.append(now.at)
        self._waited.append(so_far + (waited_between(before, now) if before else 0.0))

    def _until(self, at: float) -> float:
        place = bisect_right(self._times, at)
        if not place:
            return 0.0
        known = self._waited[place - 1]
        if place == len(self._times):
            return known
        share = (at - self._times[place - 1]) / (self._times[place] - self._times[place - 1])
        return known + share * (self._waited[place] - known)


def waited_between(before: Sample, now: Sample) -> float:
    """Give for how many seconds the guest waited: its thread that had to wait longest."""
    passed = now.at - before.at
    if now.stopped:
        return passed
    threads = [
        waiting - before.waiting[thread]
        for thread, waiting in now.waiting.items()
        if thread in before.waiting
    ]
    return min(passed, max(threads, default=0.0) + now.stolen - before.stolen)


def sample(pid: int) -> Sample | None:
    """Look at a QEMU; None when it is gone."""
    waiting: dict[int, float] = {}
    try:
        # Behind the name, which may hold anything, in parentheses.
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2][:1]
        tasks = [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
        stat = Path("/proc/stat").read_text()
    except OSError:
        return None
    for task in tasks:
        place = Path(f"/proc/{pid}/task/{task}")
        with suppress(OSError, IndexError, ValueError):
            if task == pid or (place / "comm").read_text().startswith(VCPU):
                waiting[task] = int((place / "schedstat").read_text().split()[1]) * NANO
    return Sample(time.monotonic(), waiting, state in STOPPED, stolen(stat))


def stolen(stat: str) -> float:
    """Give the seconds that a host above this one took of each processor, by a /proc/stat."""
    ticks = int(stat.split()[8])  # of all processors together
    return ticks / os.sysconf("SC_CLK_TCK") / stat.count("\ncpu")
