# SPDX-License-Identifier: GPL-2.0
"""One mutant tried: programs run until one goes red, and that once more, as one sighting is chance.

A host that lets a machine wait shows nothing of a mutant: what starves is run again, and when it
starves again the trial ends in an error and no result.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import KernelEvent, ProgramResult
from kseries.parse.casetree import leaves
from kseries.parse.outcome import was_run
from kseries.test.scheduler import Job, Scheduler
from kseries.test.shards import Shard

AGAIN = 2  # times that what went red is run again, until it does so once more


@dataclass(frozen=True)
class Seen:
    """What was seen of a mutant. by: what went red, twice. once: what did so only once."""

    by: tuple[str, ...] = ()
    once: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Look:
    """What came of shards that were run once. red: those to run again to see the same."""

    reasons: tuple[str, ...]
    ran: tuple[Shard, ...]
    red: tuple[Shard, ...]


class Trials:
    """Tries mutants, one after the other or side by side; `abort` ends them from any thread."""

    def __init__(self, job: Job) -> None:
        """Take what all trials share; the kernel and the folder of `job` may be others each."""
        self._job = job
        self._lock = threading.Lock()
        self._active: set[Scheduler] = set()
        self._error: BaseException | None = None

    def run(
        self, shards: Sequence[Shard], folder: Path, *, machines: int = 1, job: Job | None = None
    ) -> Seen:
        """Run shards in this order until one goes red twice. Raises InfraError.

        folder: for the logs of all attempts; what is in it is removed.
        """
        atomicfile.remove_tree(folder)  # of a check that was killed
        job = job or self._job
        attempt = 0
        once: list[str] = []

        def look(some: Sequence[Shard]) -> _Look:
            nonlocal attempt
            attempt += 1
            place = folder / str(attempt)
            place.mkdir(parents=True)
            return self._look(replace(job, run=RunFolder(place)), some, machines)

        left = list(shards)
        while left:
            first = look(left)
            if not first.reasons:
                break
            for _ in range(AGAIN):
                if look(first.red).reasons:
                    return Seen(first.reasons, tuple(once))
            once += first.reasons
            left = [shard for shard in left if shard not in first.ran]
        return Seen((), tuple(once))

    def _look(self, job: Job, shards: Sequence[Shard], machines: int) -> _Look:
        scheduler = Scheduler(replace(job, progress=Silent()), _is_red)
        with self._lock:
            if self._error is not None:
                raise self._error
            self._active.add(scheduler)
        try:
            scheduler.work(shards, machines)
        finally:
            with self._lock:
                self._active.discard(scheduler)
        results = [result for _shard, result in scheduler.parts]
        said = tuple(reasons(results, scheduler.events(), scheduler.notes))
        ran = tuple(shard for shard, result in scheduler.parts if was_run(result))
        red = tuple(
            shard for shard, result in scheduler.parts if was_run(result) and not result.status.good
        )
        # A complaint of the kernel is nobody's in particular, nor is a kernel that does not boot.
        return _Look(said, ran or tuple(shards), red or ran or tuple(shards))

    def abort(self, error: BaseException) -> None:
        """End all trials at once, and begin no more."""
        with self._lock:
            self._error = self._error or error
            for scheduler in self._active:
                scheduler.abort(error)


def _is_red(result: ProgramResult) -> bool:
    return not result.status.good


def reasons(
    programs: Sequence[ProgramResult], events: Sequence[KernelEvent], notes: Sequence[str]
) -> Iterator[str]:
    """Say what is wrong: cases, programs, lines of the kernel log.

    Programs that were not run because enough was seen are not wrong. notes: why none was run.
    """
    ran = [program for program in programs if was_run(program)]
    for program in ran:
        if not program.status.good:
            yield from _of_program(program)
    for title, during in dict.fromkeys((event.title, event.during) for event in events):
        yield f"kernel log: {title}, during {during}"
    if not ran:
        yield from notes or ("no program ran",)


def _of_program(program: ProgramResult) -> Iterator[str]:
    wrong = [case for case in leaves(program.cases) if not case.status.good]
    for case in wrong:
        yield f"{program.name}: {case.name}"
    if not wrong:
        yield f"{program.name}: {program.status}"
