# SPDX-License-Identifier: GPL-2.0
"""A machine that tries mutants that its kernel has behind switches, one after the other.

What goes red with a mutant is run without it, and with it once more: red, green, red is no chance,
and shows that the machine is none the worse for it, so the next mutant gets the same one. Where it
is, or is dead, a fresh one has to show the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from kseries.machines.base import KernelDied, Starved, Target, TargetLost
from kseries.model import ProgramResult, Status, TestProgram
from kseries.mutants import schemata
from kseries.mutants.trial import Seen, reasons
from kseries.parse import klog
from kseries.parse.casetree import leaves
from kseries.test.plan import narrowed
from kseries.test.scheduler import Job
from kseries.test.session import NoBoot, Session, command_of
from kseries.test.shards import Shard

LOSSES = 2  # of machines, for one run of a program
AGAIN = 2  # times that what is red once is run again
MOST = 25  # mutants on a machine before the next gets a fresh one

# What the kernel says once it says again after a 1 in here.
WARN_ONCE = "/sys/kernel/debug/clear_warn_once"

# Arguments: the number of a mutant, 0 for none; the file that takes it; the one for warnings; a
# program, its arguments.
_WITH = 'echo "$1" >"$2" || exit 99; [ ! -w "$3" ] || echo 1 >"$3"; shift 3; exec "$@"'


class Bench:
    """One machine. number: of those that work side by side, from 1; names its logs."""

    def __init__(
        self,
        job: Job,
        target: Target,
        number: int,
        tell: Callable[[str], None],
        switch: str = schemata.MUTANT,
        warn_once: str = WARN_ONCE,
    ) -> None:
        """Take an entered target; it is booted when there is something to run.

        switch: the file of the target that takes the number of a mutant. warn_once: the one that
        has the kernel say again what it says once, if there is such a file.

        `checkpoint.marks(job.run)` must have been made, once for all machines.
        """
        self._target = target
        self._session = Session(number, job.installed, job.kernel, target, job.run, tell)
        # Machines that work side by side keep their logs apart.
        self._numbers = itertools.count(number * 1_000_000)
        self._files = (switch, warn_once)
        self._tried = 0

    def try_mutant(self, number: int, programs: Sequence[TestProgram]) -> Seen:
        """Run programs until one goes red because of the mutant. Raises InfraError."""
        if self._tried >= MOST:
            self._renew()
        self._tried += 1
        once: list[str] = []
        for program in programs:
            said, red = self._run(program, number)
            if not said:
                continue
            if self._confirmed(red, number):
                return Seen(said, tuple(once))
            once += said
        return Seen((), tuple(once))

    def _confirmed(self, red: TestProgram, number: int) -> bool:
        """See it green without the mutant, on a fresh machine at the latest, and red with it again.

        What is red without it on a fresh machine says nothing of the mutant.
        """
        if not self._session.up or self._run(red, 0)[0]:
            self._renew()
            if self._run(red, 0)[0]:
                return False
        return any(self._run(red, number)[0] for _ in range(AGAIN))

    def _renew(self) -> None:
        self._session.up = False
        self._tried = 0

    def _run(self, program: TestProgram, number: int) -> tuple[tuple[str, ...], TestProgram]:
        """Run a program with a mutant; say what is wrong, and what of it to run again."""
        argv = ("sh", "-c", _WITH, "sh", str(number), *self._files, *command_of(program))
        looked, result = self._survive(Shard(replace(program, argv=argv), next(self._numbers)))
        events = klog.events(self._target.console()[looked:])
        # Without the mutant it passed: what skips now has found the interface missing.
        skipped = tuple(case for case in leaves(result.cases) if case.status is Status.SKIP)
        said = (
            *reasons([result], events, ()),
            *(f"{result.name}: {case.name} is skipped" for case in skipped),
        )
        red = tuple(
            case.name
            for case in leaves(result.cases)
            if case.status is not Status.PASS and case.name in program.cases
        )
        return said, narrowed(program, red) if red else program

    def _survive(self, shard: Shard) -> tuple[int, ProgramResult]:
        """Run a shard, on another machine where one is lost; give its first line of the console."""
        losses = 0
        while True:
            try:
                self._session.boot()
                looked = len(self._target.console())
                return looked, self._session.run_shard(shard)
            except NoBoot as death:
                # Without a mutant it did.
                loss = TargetLost(str(death))
            except (KernelDied, Starved):
                # Who has too much to do now has it a moment later, too.
                self._session.up = False
                raise
            except TargetLost as error:
                loss = error
            self._session.up = False
            losses += 1
            if losses > LOSSES:
                raise loss

    def close(self) -> None:
        """Power the machine off."""
        self._target.close()
