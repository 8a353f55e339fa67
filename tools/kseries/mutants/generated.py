# SPDX-License-Identifier: GPL-2.0
"""Mutants made by machine: does a test notice a small fault on a line of the series?

One kernel holds them all, each behind a switch (`schemata`). Each case is run once without a
mutant, and the kernel says by which switches it came: of a mutant only these cases are run, those
that noticed others of its function first. What no case comes by survives without a boot.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from pydantic import TypeAdapter

from kseries.lib import atomicfile
from kseries.lib.locks import locked
from kseries.lib.runfolder import RunFolder
from kseries.lib.threads import run as run_threads
from kseries.machines.base import Target, TargetLost
from kseries.model import (
    GeneratedMutant,
    GeneratedResult,
    InstalledSuites,
    Kernel,
    MutantFate,
    Status,
    TestProgram,
)
from kseries.mutants import ordering, preparing, schemata, unmutated
from kseries.mutants.bench import Bench
from kseries.mutants.mutants import Mutant
from kseries.mutants.ordering import CaseReach
from kseries.mutants.preparing import PREPARED, Prepared
from kseries.mutants.trial import reasons
from kseries.report.generated import line, place
from kseries.report.words import duration
from kseries.run import stages
from kseries.run.context import RunContext
from kseries.test import checkpoint
from kseries.test.plan import narrowed
from kseries.test.scheduler import Job, Scheduler
from kseries.test.session import command_of
from kseries.test.shards import Shard

_MARK = "# kseries: switches "
# Arguments: a program and its arguments.
_RECORDED = f"""\
echo 0 >{schemata.REACHED} || exit 99
"$@"
status=$?
echo "{_MARK}$(cat {schemata.REACHED})"
exit $status
"""

LEAST_TIMEOUT_S, TIMES_LONGER = 6.0, 4.0
UNKNOWN_S = 10.0  # of a case that nobody has measured: more than it takes on a busy host
MOST_LOSSES = 20  # of machines, one after the other


REACH: TypeAdapter[tuple[CaseReach, ...]] = TypeAdapter(tuple[CaseReach, ...])
KERNEL: TypeAdapter[Kernel] = TypeAdapter(Kernel)
RESULTS: TypeAdapter[tuple[GeneratedResult, ...]] = TypeAdapter(tuple[GeneratedResult, ...])


def sample(mutants: Sequence[GeneratedMutant], size: int, seed: int) -> tuple[GeneratedMutant, ...]:
    """Choose so many of the mutants by chance; 0 chooses all.

    The same seed gives the same ones, also where lines move and other mutants come and go.
    """

    def chance(mutant: GeneratedMutant) -> bytes:
        return hashlib.sha256("\0".join((str(seed), *mutant.key)).encode()).digest()

    kept = set(sorted(mutants, key=chance)[: size or len(mutants)])
    return tuple(mutant for mutant in mutants if mutant in kept)


def select(mutants: Sequence[GeneratedMutant], names: Sequence[str]) -> tuple[GeneratedMutant, ...]:
    """Choose by number, or by parts of "file:line function: operator"; no name chooses all."""

    def fits(mutant: GeneratedMutant, name: str) -> bool:
        if name.isdigit():
            return name == str(mutant.number)
        return name in f"{place(mutant)} {mutant.within}: {mutant.operator}"

    return tuple(
        mutant for mutant in mutants if not names or any(fits(mutant, name) for name in names)
    )


def prepare(work: RunContext, by_hand: Sequence[Mutant]) -> Prepared:
    """Build the kernel with switches, unless the run has it.

    by_hand: those that get a switch beside those made by machine. Raises CheckFailed when the stack
    is not built.
    """
    run, kept = work.run, _kept(work.run)
    if not run.has("switches"):
        unmutated.build(work)
        with locked(work.stack_folder, work.progress):
            work.progress.stage("mutants")
            prepared, kernel = preparing.prepare(work, by_hand)
            kept.parent.mkdir(exist_ok=True)
            shutil.copyfile(kernel.image, kept)
            run.save("kernel", replace(kernel, image=kept), KERNEL)
            run.save("switches", prepared, PREPARED)
            work.progress.finish(
                f"{len(prepared.mutants)} mutants, {len(prepared.left_out)} are no C"
            )
    return run.load("switches", PREPARED)


def reach(work: RunContext, suite: str, prepared: Prepared) -> tuple[CaseReach, ...]:
    """See which case comes by which switch, unless the run has that.

    suite: the suite whose programs try the mutants. Raises CheckFailed when a case is red without a
    mutant.
    """
    if not work.run.has("reach"):
        work.progress.stage("reach")
        found = _Control(work, _programs(work, suite)).record()
        work.run.save("reach", found, REACH)
        seen = frozenset().union(*(case.numbers for case in found))
        work.progress.finish(
            f"{len(found)} cases come by {len(seen)} of {len(prepared.mutants)} mutants"
        )
    return work.run.load("reach", REACH)


def any_reach(work: RunContext, suite: str, prepared: Prepared) -> tuple[CaseReach, ...]:
    """Take what the run has seen, or else that each case may come by each switch."""
    if work.run.has("reach"):
        return work.run.load("reach", REACH)
    numbers = frozenset(mutant.number for mutant in prepared.mutants)
    return tuple(
        CaseReach(program.name, case, UNKNOWN_S, numbers)
        for program in _programs(work, suite)
        for case in program.cases
    )


def _kept(run: RunFolder) -> Path:
    return run.path / "mutants" / "bzImage"


def _programs(work: RunContext, suite: str) -> tuple[TestProgram, ...]:
    installed: InstalledSuites = work.outcome(stages.INSTALL)
    return tuple(
        program
        for program in installed.programs
        if program.suite == suite
        and program.case_option
        and (work.request.extended or not program.extended)
    )


def _job(work: RunContext, folder: RunFolder) -> Job:
    kernel = work.run.load("kernel", KERNEL)
    installed: InstalledSuites = work.outcome(stages.INSTALL)
    return unmutated.job(work, installed, kernel, folder)


class _Control:
    """Runs each case by itself without a mutant."""

    def __init__(self, work: RunContext, programs: Sequence[TestProgram]) -> None:
        self._work = work
        self._programs = programs

    def record(self) -> tuple[CaseReach, ...]:
        """Say by which switches each case comes. Raises CheckFailed for one that is red."""
        folder = RunFolder(self._work.run.path / "mutants" / "control")
        atomicfile.remove_tree(folder.path)
        folder.path.mkdir(parents=True)
        shards = [
            Shard(_wrapped(narrowed(program, (case,)), "sh", "-c", _RECORDED, "sh"), number)
            for program in self._programs
            for number, case in enumerate(program.cases, start=1)
        ]
        scheduler = Scheduler(_job(self._work, folder))
        scheduler.work(shards, self._work.machines)
        results = [result for _shard, result in scheduler.parts]
        red = list(reasons(results, scheduler.events(), scheduler.notes))
        unmutated.require_green(red, folder.path)
        found = []
        for shard, result in scheduler.parts:
            if result.status is not Status.PASS:
                continue  # skipped: it is no witness
            log = folder.test_log(shard.program.suite, shard.program.name, shard.number)
            numbers = _switches(log.read_text(errors="replace"))
            found.append(
                CaseReach(shard.program.name, shard.program.cases[0], result.seconds, numbers)
            )
        return tuple(sorted(found, key=lambda case: (case.program, case.case)))


def _switches(log: str) -> frozenset[int]:
    """Read what a program's log says of the switches that it came by."""
    lines = [line for line in log.splitlines() if line.startswith(_MARK)]
    return schemata.reached(lines[-1].removeprefix(_MARK)) if lines else frozenset()


def _wrapped(program: TestProgram, *before: str) -> TestProgram:
    return replace(program, argv=(*before, *command_of(program)))


class Checker:
    """Tries mutants; results are kept after each, and those of an earlier attempt stay."""

    def __init__(
        self,
        work: RunContext,
        suite: str,
        cases: Sequence[CaseReach],
        budget_s: float,
        likely: Mapping[int, Collection[str]] | None = None,
    ) -> None:
        """Take up what `prepare` left. cases: to try with. budget_s: of these, for each mutant.

        likely: the names of cases that should notice a mutant, by its number.
        """
        self._work = work
        self._budget_s = budget_s
        self._likely = likely or {}
        self._reach = cases
        self._programs = {program.name: program for program in _programs(work, suite)}
        folder = work.run.path / "mutants" / "tried"
        folder.mkdir(exist_ok=True)
        self._job = _job(work, RunFolder(folder))
        checkpoint.marks(self._job.run)  # made once, before several machines want them
        self._targets: list[Target] = []
        self._kills: dict[str, Counter[str]] = {}  # by function, of cases
        self._lock = threading.Lock()
        self._losses = 0
        results = (
            work.run.load("results-generated", RESULTS) if work.run.has("results-generated") else ()
        )
        self._done = {result.mutant.number: result for result in results}
        for result in results:
            self._learn(result)

    def take_over(self, other: RunFolder) -> None:
        """Count as killed what was killed in another run, of other cases or another kernel."""
        here = {mutant.key: mutant for mutant in self._work.run.load("switches", PREPARED).mutants}
        for result in other.load("results-generated", RESULTS):
            mutant = here.get(result.mutant.key)
            if result.fate is MutantFate.KILLED and mutant is not None:
                self._done.setdefault(mutant.number, replace(result, mutant=mutant))
                self._learn(result)

    def forget_survivors(self, mutants: Sequence[GeneratedMutant]) -> None:
        """Have those of these that survived tried once more."""
        for mutant in mutants:
            result = self._done.get(mutant.number)
            if result is not None and result.fate is MutantFate.SURVIVED:
                del self._done[mutant.number]

    def check(
        self,
        mutants: Sequence[GeneratedMutant],
        equivalents: Mapping[tuple[str, str, str, str], str],
    ) -> tuple[GeneratedResult, ...]:
        """Try the mutants that are no equivalents, two at a time where there is room."""
        progress = self._work.progress
        progress.stage("mutants")
        left = [mutant for mutant in mutants if mutant.number not in self._done]
        for mutant in [mutant for mutant in left if mutant.key in equivalents]:
            why = equivalents[mutant.key]
            self._keep(GeneratedResult(mutant, MutantFate.EQUIVALENT, (why,)))
            left.remove(mutant)
        self._follow(left)
        chosen = tuple(self._done[m.number] for m in mutants if m.number in self._done)
        survived = any(result.fate is MutantFate.SURVIVED for result in chosen)
        progress.finish(_count(chosen), good=not survived)
        return chosen

    def _follow(self, left: Sequence[GeneratedMutant]) -> None:
        """Try these, as many side by side as there are machines; an error of one ends all."""
        queue: SimpleQueue[tuple[int, GeneratedMutant]] = SimpleQueue()
        for item in enumerate(left):
            queue.put(item)
        errors: list[BaseException] = []
        with ExitStack() as stack:
            count = max(1, min(self._work.machines, len(left)))
            for number in range(1, count + 1):
                target = self._job.open_target(self._job.run, number)
                self._targets.append(stack.enter_context(target))
            threads = [
                threading.Thread(
                    target=self._worker,
                    args=(number, queue, len(left), time.monotonic(), errors),
                    daemon=True,
                )
                for number in range(1, count + 1)
            ]
            run_threads(threads, lambda error: self._abort(errors, error))
        if errors:
            raise errors[0]

    def _worker(
        self,
        number: int,
        queue: SimpleQueue[tuple[int, GeneratedMutant]],
        total: int,
        began: float,
        errors: list[BaseException],
    ) -> None:
        bench = Bench(self._job, self._targets[number - 1], number, lambda _: None)
        try:
            while not errors:
                done, mutant = queue.get_nowait()
                self._tell(mutant, done, total, time.monotonic() - began)
                self._one(bench, mutant)
        except Empty:
            bench.close()
        except BaseException as error:
            self._abort(errors, error)

    def _abort(self, errors: list[BaseException], error: BaseException) -> None:
        errors.append(error)
        for target in self._targets:
            target.abort()

    def _tell(self, mutant: GeneratedMutant, done: int, total: int, spent_s: float) -> None:
        ends = f", about {duration(spent_s / done * (total - done))} left" if done else ""
        with self._lock:
            self._work.progress.update(f"{place(mutant)}{ends}", done=done, total=total)

    def _one(self, bench: Bench, mutant: GeneratedMutant) -> None:
        began = time.monotonic()
        cases = [case for case in self._reach if mutant.number in case.numbers]
        if not cases:
            why = ("no case comes by it",)
            self._keep(GeneratedResult(mutant, MutantFate.SURVIVED, why))
            return
        try:
            seen = bench.try_mutant(mutant.number, list(self._programs_of(mutant, cases)))
        except TargetLost as loss:
            # Nothing is known of it: it is tried when the check is resumed.
            self._work.progress.note(f"{place(mutant)}: not tried: {loss.what}")
            with self._lock:
                self._losses += 1
                if self._losses > MOST_LOSSES:
                    raise
            return
        self._losses = 0
        fate = MutantFate.KILLED if seen.by else MutantFate.SURVIVED
        seconds = time.monotonic() - began
        self._keep(GeneratedResult(mutant, fate, seen.by, len(cases), seconds, seen.once))

    def _programs_of(
        self, mutant: GeneratedMutant, cases: Sequence[CaseReach]
    ) -> Iterator[TestProgram]:
        """Give the cases as they are to be run: the likeliest first, one by one, then in groups."""
        with self._lock:
            known = Counter(self._likely.get(mutant.number, ()))
            known += self._kills.get(mutant.within, Counter())
            elsewhere = frozenset().union(*self._kills.values())
        for group in ordering.groups(ordering.within(cases, known, self._budget_s, elsewhere)):
            program = self._programs[group[0].program]
            some = narrowed(program, tuple(case.case for case in group))
            expected = sum(case.seconds for case in group)
            yield replace(some, timeout_s=max(LEAST_TIMEOUT_S, TIMES_LONGER * expected))

    def _keep(self, result: GeneratedResult) -> None:
        with self._lock:
            self._done[result.mutant.number] = result
            self._learn(result)
            ordered = [self._done[number] for number in sorted(self._done)]
            self._work.run.save("results-generated", tuple(ordered), RESULTS)
        if result.fate is MutantFate.SURVIVED:
            self._work.progress.note(line(result))

    def _learn(self, result: GeneratedResult) -> None:
        """Remember what noticed it, for others of its function."""
        kills = self._kills.setdefault(result.mutant.within, Counter())
        kills.update(result.by if result.fate is MutantFate.KILLED else ())


def _count(results: Sequence[GeneratedResult]) -> str:
    fates = Counter(result.fate for result in results)
    told = [f"{fates[fate]} {fate}" for fate in (MutantFate.KILLED, MutantFate.SURVIVED)]
    if fates[MutantFate.EQUIVALENT]:
        told.append(f"{fates[MutantFate.EQUIVALENT]} equivalent")
    return ", ".join(told)
