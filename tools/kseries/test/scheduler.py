# SPDX-License-Identifier: GPL-2.0
"""Machines side by side: each takes the next shard, until all have run.

A kernel that dies costs the case that ran: the cases after it go on in a machine that is booted
afresh. A machine that is lost without its kernel's fault costs nothing: its shard is run again.
Both have bounds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.lib.threads import run as run_threads
from kseries.machines.base import Target, TargetLost
from kseries.model import InstalledSuites, Kernel, KernelEvent, ProgramResult, Status
from kseries.parse import outcome
from kseries.parse.outcome import label_of
from kseries.test import checkpoint, merge
from kseries.test.observed import Seen
from kseries.test.queue import Queue
from kseries.test.session import NoBoot, Session
from kseries.test.shards import Shard

MAX_DEATHS = 8  # of kernels, then the rest is not run
MAX_EARLY_ENDS = 3  # of one program, by death or time
MAX_LOSSES = 2  # of machines, without their kernel's fault

OpenTarget = Callable[[RunFolder, int], AbstractContextManager[Target]]
"""Gives a machine; takes the folder for its logs, and its number, from 1."""

Enough = Callable[[ProgramResult], bool]


def never(_result: ProgramResult) -> bool:
    """Say of no result that it is enough."""
    return False


@dataclass(frozen=True)
class Job:
    """What all machines need: programs, kernel, folder of the run, whom to tell.

    spare: whether machines are to be spared what takes them down, as they come back slowly.
    began: when the tests did, on the monotonic clock.
    """

    installed: InstalledSuites
    kernel: Kernel
    open_target: OpenTarget
    run: RunFolder
    progress: Progress
    functions: tuple[str, ...] = ()  # symbols of those whose calls are counted
    spare: bool = False
    began: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class Scheduler:
    """Machines at work on the same shards. Ends with all of them powered off."""

    job: Job
    enough: Enough = never
    fresh: bool = False  # whether each shard gets a machine that was just booted
    parts: list[tuple[Shard, ProgramResult]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    boots: int = 0

    def __post_init__(self) -> None:
        """Be ready to be ended before work begins."""
        self._lock = threading.RLock()
        self._error: BaseException | None = None
        self._queue = Queue(())
        self._targets: list[Target] = []

    def work(self, shards: Sequence[Shard], machines: int) -> None:
        """Run the shards; `parts` and `seen` then tell what came of it.

        Raises TargetLost when machines are lost again and again, and what else goes wrong with
        one of them; the others are ended then.
        """
        self._queue = Queue(shards)
        self._total = len(shards)
        # Of each program the number of its last shard.
        in_order = sorted(shards, key=lambda shard: shard.number)
        self._numbers = {label_of(shard.program): shard.number for shard in in_order}
        self._ended_early: Counter[str] = Counter()  # by "suite/program"
        self._deaths = self._losses = 0
        self._why = "not run: the tests were ended"
        self._told: dict[int, str] = {}
        with ExitStack() as stack:
            # Entered here, one by one: what is made the first time is made once.
            self._open(stack, min(machines, len(shards)))
            self._first_is_up = threading.Event()
            threads = [
                threading.Thread(target=self._machine, args=(number, target), daemon=True)
                for number, target in enumerate(self._targets, start=1)
            ]
            run_threads(threads, self.abort)
            if self._error is not None:
                raise self._error

    def _open(self, stack: ExitStack, count: int) -> None:
        for number in range(1, count + 1):
            target = stack.enter_context(self.job.open_target(self.job.run, number))
            self._targets.append(target)
        if self._error is not None:
            raise self._error

    def events(self) -> tuple[KernelEvent, ...]:
        """Give what the kernels complained of, machine by machine."""
        ordered = sorted(self.seen, key=lambda seen: seen.number)
        return tuple(event for seen in ordered for event in seen.events())

    # ---- in the thread of a machine

    def _machine(self, number: int, target: Target) -> None:
        try:
            if number > 1:
                # Whether the kernel boots at all, the first one finds out. It makes the run's
                # marks, too, before several machines want them.
                self._first_is_up.wait()
            self._serve(number, target)
        except BaseException as error:
            self.abort(error)
        finally:
            self._first_is_up.set()

    def _serve(self, number: int, target: Target) -> None:
        job = self.job
        session = Session(
            number=number,
            installed=job.installed,
            kernel=job.kernel,
            target=target,
            run=job.run,
            began=job.began,
            tell=lambda text: self._tell(number, text),
            fresh=self.fresh,
            functions=job.functions,
        )
        if number > 1 and self._queue.has_more():
            self._boot_ahead(session)
        while (shard := self._queue.take()) is not None:
            try:
                session.boot()
                self._first_is_up.set()
                result = session.run_shard(shard)
            except NoBoot as death:
                self._give_up(str(death), self._queue.done(shard, shard))
            except TargetLost as loss:
                session.up = False
                self._lost(shard, loss)
            else:
                self._keep(shard, result)
            self._tell(number, "")
        seen = session.end()
        with self._lock:
            self.seen += seen
            self.notes += session.notes
            self.boots += session.boots
            self.facts.update(target.facts)

    def _boot_ahead(self, session: Session) -> None:
        """Boot before there is a shard for it: one that is up takes what waits meanwhile."""
        try:
            session.boot()
        except NoBoot as death:
            self._give_up(str(death), ())
        except TargetLost as loss:
            session.up = False
            with self._lock:
                self._count(loss)
                self.notes.append(f"a machine was lost: {loss.what}")

    def _keep(self, shard: Shard, result: ProgramResult) -> None:
        """Keep what a shard did; put up what is left of it."""
        label = label_of(shard.program)
        with self._lock:
            self._deaths += result.status is Status.CRASH
            self._ended_early[label] += result.status in merge.ENDED_EARLY
            rest = None
            if self._ended_early[label] <= MAX_EARLY_ENDS and not self.enough(result):
                result, rest = merge.rest_of(shard.program, result)
            more = []
            if rest is not None:
                self._numbers[label] += 1
                self._total += 1
                more.append(Shard(rest, self._numbers[label]))
            self.parts.append((shard, result))
            checkpoint.save(self.job.run, result, shard.number)
            left = self._queue.done(shard, *more)
            if self.enough(result):
                self._give_up("not run: the outcome was known by then", left)
            elif self._deaths > MAX_DEATHS:
                self._give_up(f"not run: the kernel died {self._deaths} times before", left)
            else:
                self._not_run(left)

    def _lost(self, shard: Shard, loss: TargetLost) -> None:
        """Have a shard run again whose machine was lost. Raises the loss when it is one too many.

        Its log is begun anew: what it did before is not known to be right.
        """
        with self._lock:
            self._count(loss)
            label = label_of(shard.program)
            left = self._queue.done(shard, shard)
            again = "could not be rerun" if left else "was rerun"
            self.notes.append(f"a machine was lost, {label} {again}: {loss.what}")
            self._not_run(left)

    def _count(self, loss: TargetLost) -> None:
        self._losses += 1
        if self._losses > MAX_LOSSES or self._error is not None:
            raise loss

    def _give_up(self, why: str, left: Sequence[Shard]) -> None:
        """Run no more. left: what is known not to run already."""
        with self._lock:
            self._why = why
            if why not in self.notes:
                self.notes.append(why)
            self._not_run((*left, *self._queue.close()))

    def _not_run(self, left: Sequence[Shard]) -> None:
        """Note what will not run: why is known since it was given up."""
        with self._lock:
            for shard in left:
                result = outcome.not_run(shard.program, self._why)
                checkpoint.save(self.job.run, result, shard.number)
                self.parts.append((shard, result))

    # ---- from any thread

    def abort(self, error: BaseException) -> None:
        """End all machines at once; remember the first reason. Only while `work` is at it."""
        with self._lock:
            if self._error is None:
                self._error = error
            self._queue.close()
            for target in self._targets:
                target.abort()

    def _tell(self, number: int, text: str) -> None:
        with self._lock:
            self._told[number] = text
            at_work = [self._told[n] for n in sorted(self._told) if self._told[n]]
            if at_work:
                done = len(self.parts)
                self.job.progress.update(" | ".join(at_work), done=done, total=self._total)
