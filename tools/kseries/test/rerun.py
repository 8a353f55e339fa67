# SPDX-License-Identifier: GPL-2.0
"""What is not good is run again in fresh machines: does it always fail, or now and then?

What changes its mind is flaky. That is told, and never makes it good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kseries.lib.errors import InfraError
from kseries.lib.runfolder import RunFolder
from kseries.model import Case, KernelEvent, ProgramResult, Status, TestProgram
from kseries.parse import outcome
from kseries.parse.casetree import leaves, walk
from kseries.parse.outcome import label_of
from kseries.test import onpurpose
from kseries.test.plan import narrowed
from kseries.test.scheduler import Job, Scheduler
from kseries.test.shards import Shard

TIMES = 2
BUDGET_S = 300.0  # of test time a round; what does not fit in is not run again
LEAST_TIMEOUT_S = 60.0

FLAKY = "flaky: it was good when it was rerun"


@dataclass(frozen=True)
class Second:
    """Results with what came of running them again, and what was seen meanwhile."""

    results: tuple[ProgramResult, ...]
    events: tuple[KernelEvent, ...]
    notes: tuple[str, ...]
    boots: int


def run_again(
    job: Job, programs: Sequence[TestProgram], results: Sequence[ProgramResult], machines: int
) -> Second:
    """Run what is not good up to twice more, until it changes its mind.

    Logs go to rerun-1/ and rerun-2/ in the run folder. A machine that is lost meanwhile takes
    nothing back of what was seen before.
    """
    now = list(results)
    events: list[KernelEvent] = []
    notes: list[str] = []
    boots = 0
    for number in range(1, TIMES + 1):
        shards, left_out = _choose(programs, now, spare=job.spare)
        notes += [note for note in left_out if note not in notes]
        if not shards:
            break
        folder = RunFolder(job.run.path / f"rerun-{number}")
        folder.path.mkdir(exist_ok=True)
        scheduler = Scheduler(replace(job, run=folder), fresh=True)
        try:
            scheduler.work(shards, machines)
        except InfraError as error:
            notes.append(f"failed tests could not be rerun: {error.what}")
            break
        said = onpurpose.unmeant(scheduler.events(), programs)
        events += [replace(event, log=f"{folder.name}/{event.log}") for event in said]
        boots += scheduler.boots
        notes += scheduler.notes
        seen = {
            label_of(result): outcome.with_events(result, said)
            for _shard, result in scheduler.parts
        }
        now = [_told(result, seen.get(label_of(result))) for result in now]
    return Second(tuple(now), tuple(events), tuple(notes), boots)


def _choose(
    programs: Sequence[TestProgram], results: Sequence[ProgramResult], *, spare: bool = False
) -> tuple[list[Shard], list[str]]:
    """Give what is to be run again, and a sentence on each program that is left out.

    spare: what took the kernel down is left out, too.
    """
    shards: list[Shard] = []
    left_out: list[str] = []
    spent_s = 0.0
    for program, result in zip(programs, results, strict=True):
        wrong = [case for case in leaves(result.cases) if _is_firm(case)]
        if not _ran(result) or not (wrong or _is_firm_itself(result)):
            continue
        if spare and result.status is Status.CRASH:
            left_out.append(f"{label_of(program)} was not rerun: it takes the machine down")
            continue
        names = tuple(case.name for case in wrong if case.name in program.cases)
        some = bool(program.case_option and names and len(names) == len(wrong))
        took_s = sum(case.seconds or 0.0 for case in wrong) if some else result.seconds
        if spent_s + took_s > BUDGET_S:
            left_out.append(f"{label_of(program)} was not rerun: it takes too long")
            continue
        spent_s += took_s
        timeout_s = min(program.timeout_s, max(LEAST_TIMEOUT_S, 3 * took_s))
        chosen = narrowed(program, names) if some else program
        shards.append(Shard(replace(chosen, timeout_s=timeout_s)))
    return shards, left_out


def _ran(result: ProgramResult) -> bool:
    return result.exit_status is not None or result.seconds > 0


def _is_firm(case: Case) -> bool:
    """Whether a case is bad, and was so each time."""
    return not case.status.good and not case.flaky


def _is_firm_itself(result: ProgramResult) -> bool:
    """Whether a program is bad although its cases are not, and was so each time."""
    cases_are_good = all(case.status.good for case in walk(result.cases))
    return cases_are_good and not result.status.good and not result.flaky


def _told(result: ProgramResult, second: ProgramResult | None) -> ProgramResult:
    """Give a result with what it did when it was rerun."""
    if second is None:
        return result
    if _is_firm_itself(result):
        said = (FLAKY,) if second.status.good else ()
        return replace(
            result, reruns=(*result.reruns, second.status), problems=(*result.problems, *said)
        )
    statuses = {case.name: case.status for case in leaves(second.cases)}
    if not second.status.good and all(status.good for status in statuses.values()):
        # A complaint in the kernel log is charged to the program: its cases are not good then.
        statuses = dict.fromkeys(statuses, second.status)
    return replace(result, cases=_with_again(result.cases, statuses))


def _with_again(cases: Iterable[Case], second: Mapping[str, Status]) -> tuple[Case, ...]:
    told = []
    for case in cases:
        if case.children:
            told.append(replace(case, children=_with_again(case.children, second)))
        elif _is_firm(case) and case.name in second:
            told.append(replace(case, reruns=(*case.reruns, second[case.name])))
        else:
            told.append(case)
    return tuple(told)
