# SPDX-License-Identifier: GPL-2.0
"""Boot the kernel, run the test programs, and say of each what it did.

Machines stand side by side where there is room. A case that takes the kernel down is charged with
it, and those after it still run; what is not good is run again in fresh machines, to tell what
always fails from what does so now and then. Tests that were ended go on with what is missing.
Machines that are lost without their kernel's fault again and again are an exception;
`results.partial` then gives what was seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kseries.lib.naming import few
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.lib.untrusted import Untrusted
from kseries.machines import transfer
from kseries.model import (
    InstalledSuites,
    Kernel,
    KernelEvent,
    ProgramResult,
    TestOutcome,
    TestProgram,
)
from kseries.parse import outcome
from kseries.parse.outcome import label_of
from kseries.test import checkpoint, evidence, merge, onpurpose, plan
from kseries.test import shards as cutting
from kseries.test.rerun import run_again
from kseries.test.scheduler import Enough, Job, OpenTarget, Scheduler, never

MAX_NAMED = 5  # cases in one note


def test(
    installed: InstalledSuites,
    kernel: Kernel,
    open_target: OpenTarget,
    run: RunFolder,
    progress: Progress,
    *,
    only: tuple[str, ...] = (),  # noqa: PT028 - a stage, not a test of pytest
    extended: bool = False,  # noqa: PT028
    machines: int = 1,  # noqa: PT028
    reruns: bool = False,  # noqa: PT028
    enough: Enough = never,  # noqa: PT028
    functions: tuple[str, ...] = (),  # noqa: PT028
    spare: bool = False,  # noqa: PT028
) -> TestOutcome:
    """Run the installed programs, or those that `only` picks, on machines that `open_target` gives.

    extended: also those that take minutes. machines: how many at a time, at most. reruns: whether
    what is not good is run again. enough: whether a program's result tells so much that those
    after it need not run. functions: symbols whose calls are counted (`coverage.ran` tells them).
    spare: what takes a machine down is not run again.

    A kernel that does not boot is a result: every program is then MISSING, and a note says why.
    Raises UserError when a pattern of `only` matches nothing, TargetLost and other InfraError
    when machines are lost.
    """
    programs = plan.select(installed.programs, only, extended=extended)
    if not programs:
        checkpoint.clear(run)
        return TestOutcome((), (), {}, ("no test program was planned",))
    image = Untrusted(kernel.image.parent)
    on = checkpoint.On(
        image.sha256(kernel.image.name), _digest(Untrusted(installed.folder)), only, extended
    )
    earlier: tuple[KernelEvent, ...] = ()
    left = cutting.Left(cutting.plan(programs, machines), {})
    if checkpoint.begin(run, on):
        earlier = checkpoint.events(run)
        left = cutting.go_on(programs, checkpoint.shards(run), machines)
    job = Job(installed, kernel, open_target, run, progress, functions, spare)
    scheduler = Scheduler(job, enough)
    scheduler.work(left.shards, machines)
    said = (*earlier, *scheduler.events())
    events = onpurpose.unmeant(said, programs)
    whole = [checkpoint.join(run, result) for result in _put_together(programs, scheduler, left)]
    charged = [outcome.with_events(result, events) for result in whole]
    results = evidence.gather(run, charged, checkpoint.consoles(run), checkpoint.marks(run))
    notes = [*scheduler.notes, *onpurpose.notes(said, programs), *_unplanned(programs, results)]
    boots = scheduler.boots
    if reruns:
        second = run_again(job, programs, results, machines)
        results, boots = second.results, boots + second.boots
        events, notes = (*events, *second.events), [*notes, *second.notes]
    for result in results:
        checkpoint.save(run, result)
    checkpoint.end(run)
    return TestOutcome(results, events, {**scheduler.facts, "boots": str(boots)}, tuple(notes))


def _put_together(
    programs: Sequence[TestProgram], scheduler: Scheduler, left: cutting.Left
) -> Iterator[ProgramResult]:
    """Give one result for each program, whatever shards it was run in."""
    ran = sorted(scheduler.parts, key=lambda part: part[0].number)
    for program in programs:
        label = label_of(program)
        own = [result for shard, result in ran if label_of(shard.program) == label]
        # When an earlier attempt ran them says nothing about this one.
        done = (replace(result, ran=()) for result in left.done.get(label, ()))
        yield merge.merged(program.cases, (*done, *own))


def _unplanned(programs: Sequence[TestProgram], results: Sequence[ProgramResult]) -> Iterator[str]:
    for program, result in zip(programs, results, strict=True):
        names = outcome.unplanned(program, result.cases)
        if names:
            listed = few(names, MAX_NAMED)
            yield f"{label_of(program)} ran cases that were not planned: {listed}"


def _digest(folder: Untrusted) -> str:
    """Give the sha256 of what the series built there, names and contents, within bounds."""
    transfer.measure(folder.path)  # nothing is read of what is too large
    found = hashlib.sha256()
    for file in sorted(folder.files(), key=lambda file: file.name):
        found.update(f"{file.name}\0{folder.sha256(file.name)}\0".encode(errors="replace"))
    return found.hexdigest()
