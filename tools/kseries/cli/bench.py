# SPDX-License-Identifier: GPL-2.0
"""The command `bench`: what it costs to receive, in instructions of a guest."""

from __future__ import annotations

import datetime
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from kseries.bench import plan, runner
from kseries.bench.document import Bench
from kseries.bench.model import Lost, Measurement, Setup
from kseries.cli import benchhistory, benchrun, benchtarget, patches, program
from kseries.cli.request import request, with_settings
from kseries.cli.run_context import Opened, open_run, progress, resumable, take_up
from kseries.cli.screen import print_json
from kseries.lib import runfolder
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel
from kseries.names import DEFAULT_STACK
from kseries.report.live import Shown
from kseries.run import stages
from kseries.run.context import RunContext

NAME = benchrun.NAME
ASKED = "bench-asked"  # what a session was to measure
SETUPS: TypeAdapter[tuple[Setup, ...]] = TypeAdapter(tuple[Setup, ...])
STAGES = stages.up_to(stages.INSTALL)


def bench(arguments: Namespace) -> int:
    """Measure; or list what would be, or show what was."""
    if arguments.history:
        return benchhistory.history(arguments)
    if arguments.out:
        raise UserError("--out is about --history.", do="each session leaves a page in its run")
    if arguments.show:
        return _show(arguments)
    on_target = benchtarget.is_asked(arguments)
    if not on_target and program.is_asked(arguments):
        return program.bench(arguments)
    if arguments.list:
        setups = benchtarget.chosen(arguments.names) if on_target else _chosen(arguments)
        _list([setup.name for setup in setups], as_json=arguments.json)
        return 0
    return _on_target(arguments) if on_target else _in_guests(arguments)


def _on_target(arguments: Namespace) -> int:
    asked = None if arguments.resume else benchtarget.asked(arguments)
    opened = _open(arguments)
    if asked is not None:
        program.forget(opened.run)
        patches.forget(opened.run)
    return benchtarget.bench(arguments, opened, asked, STAGES)


def _in_guests(arguments: Namespace) -> int:
    setups = () if arguments.resume else _chosen(arguments)
    opened = _open(arguments)
    if not arguments.resume:
        program.forget(opened.run)
        benchtarget.forget(opened.run)
    is_each_patch = arguments.each_patch or (arguments.resume and opened.run.has(patches.ASKED))
    if arguments.resume and not is_each_patch:
        setups = _begun(opened.run)
    elif not is_each_patch:
        patches.forget(opened.run)
        opened.run.save(ASKED, setups, SETUPS)
    with progress(arguments) as shown, resumable(opened.run, NAME, arguments.workspace, shown):
        work = replace(opened.work(shown), session=(NAME,))
        benchrun.build(work, STAGES)
        if is_each_patch:
            done = patches.measure(work, setups, arguments, shown)
        else:
            done = _measure(work, setups, arguments, shown)
    return benchrun.tell(done, opened.run, as_json=arguments.json)


def _chosen(arguments: Namespace) -> tuple[Setup, ...]:
    if arguments.each_patch:
        known = plan.all_of_patches() if arguments.full else plan.of_patches()
    else:
        known = plan.full() if arguments.full else plan.usual()
    setups = plan.select(known, arguments.names)
    if not setups:
        raise UserError(
            f"Nothing is measured that has all of this in its name: {' '.join(arguments.names)}.",
            do="`kseries bench --list` names what is measured, with --full all of it, with"
            " --each-patch that on each patch",
        )
    return setups


def _begun(run: RunFolder) -> tuple[Setup, ...]:
    """Give what a session was to measure."""
    if not run.has(ASKED):
        raise UserError(
            "Nothing was to be measured in that run.",
            where=str(run.path),
            do=f"`kseries bench --run {run.name}` measures its kernel",
        )
    return run.load(ASKED, SETUPS)


def _list(names: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json(names)
        return
    for name in names:
        print(name)


def _open(arguments: Namespace) -> Opened:
    if arguments.run:
        return open_run(arguments.run, arguments.workspace)
    asked = with_settings(request(arguments))
    if not (asked.stack or asked.series or asked.tree or asked.source):
        asked = replace(asked, stack=DEFAULT_STACK)
    return take_up(arguments, lambda: asked, NAME)


def _measure(
    work: RunContext, setups: Sequence[Setup], arguments: Namespace, shown: Shown
) -> Bench:
    shown.stage(NAME)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    kernel: Kernel = work.outcome(stages.BUILD)
    prepared = runner.prepare(kernel, work.outcome(stages.INSTALL))
    measuring = runner.Runner(
        prepared,
        work.run.path / NAME,
        shown,
        arguments.deadline,
        go_on=bool(arguments.resume),
    )
    machines = work.request.machines or VirtualMachine.capacity(work.project)
    found = measuring.run(setups, machines)
    earlier = benchrun.kept(work.run)
    done = replace(
        benchrun.begun(work, started),
        seconds=time.monotonic() - began,
        measurements=tuple(one for one in found if isinstance(one, Measurement)),
        lost=tuple(one for one in found if isinstance(one, Lost)),
        patches=earlier.patches if earlier else None,
        program=earlier.program if earlier else None,
        nic=earlier.nic if earlier else None,
    )
    benchrun.keep(work.run, done)
    good = not done.lost
    shown.finish(f"{len(done.measurements)} of {len(setups)} measured", good=good)
    return done


def _show(arguments: Namespace) -> int:
    run = runfolder.find(Project.find(arguments.workspace).runs, arguments.show)
    done = benchrun.kept(run)
    if done is None:
        raise UserError(
            "Nothing was measured in that run.",
            where=str(run.path),
            do=f"`kseries bench --run {run.name}` measures its kernel",
        )
    return benchrun.tell(done, None, as_json=arguments.json)
