# SPDX-License-Identifier: GPL-2.0
"""What `bench --target` measures: receivers over the NIC of a lab machine."""

from __future__ import annotations

import datetime
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from kseries.bench import nic, nicrun, plan, runner
from kseries.bench.document import Bench
from kseries.bench.nic import Asked, Item, OverNic
from kseries.cli import benchrun
from kseries.cli.request import on
from kseries.cli.run_context import REQUEST, Opened, open_run, progress, resumable
from kseries.hardware import labtarget
from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import InstalledSuites, Kernel
from kseries.report.live import Shown
from kseries.run import stages
from kseries.run.context import RunContext
from kseries.run.stages import Stage

ASKED = "bench-target-asked"  # what a session was to measure
ADAPTER: TypeAdapter[Asked] = TypeAdapter(Asked)


def is_asked(arguments: Namespace) -> bool:
    """Whether a lab machine is to be measured, or was where it is gone on. Raises UserError."""
    if arguments.target:
        _require_alone(arguments)
        return True
    if not arguments.resume:
        return False
    return open_run(arguments.resume, arguments.workspace).run.has(ASKED)


def forget(run: RunFolder) -> None:
    """Let another session be the one that is gone on with."""
    atomicfile.remove_tree(run.path / f"{ASKED}.json")


def chosen(words: Sequence[str]) -> tuple[Item, ...]:
    """Choose by parts of names. Raises UserError where none fits."""
    items = plan.select(nic.ITEMS, words)
    if not items:
        raise UserError(
            f"Nothing is measured over a NIC that has all of this in its name: {' '.join(words)}.",
            do="`kseries bench --target NAME --list` names what is measured",
        )
    return items


def asked(arguments: Namespace) -> Asked:
    """Give what is asked for. Raises UserError where that is nothing."""
    return Asked(chosen(arguments.names), arguments.seconds, arguments.repeat, arguments.mtu)


def bench(
    arguments: Namespace,
    opened: Opened,
    asked: Asked | None,
    wanted: Sequence[Stage[Any]],
) -> int:
    """Build, measure, and tell.

    opened: the run; its request may name another machine. asked: None where a session is gone on
    with.
    """
    goes_on = asked is None
    if asked is None:
        asked = opened.run.load(ASKED, ADAPTER)
    else:
        request = on(arguments.target, opened.request, opened.project)
        opened = replace(opened, request=request)
        opened.run.save("request", request, REQUEST)
        opened.run.save(ASKED, asked, ADAPTER)
    with (
        progress(arguments) as shown,
        resumable(opened.run, benchrun.NAME, arguments.workspace, shown),
    ):
        work = replace(opened.work(shown), session=(benchrun.NAME,))
        benchrun.build(work, wanted)
        done = _measure(work, asked, shown, goes_on=goes_on)
    return benchrun.tell(done, opened.run, as_json=arguments.json)


def _measure(work: RunContext, asked: Asked, shown: Shown, *, goes_on: bool) -> Bench:
    shown.stage(benchrun.NAME)
    kernel: Kernel = work.outcome(stages.BUILD)
    installed: InstalledSuites = work.outcome(stages.INSTALL)
    program = runner.program_of(installed.folder)
    target = labtarget.find(work.request.target, work.project)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    done = benchrun.kept(work.run) or benchrun.begun(work, started, in_guest=False)
    earlier = done.nic if goes_on else None

    def keep(found: OverNic) -> None:
        nonlocal done
        done = replace(done, nic=found)
        if not (done.measurements or done.patches or done.program):
            done = replace(done, seconds=time.monotonic() - began)
        benchrun.keep(work.run, done)

    with work.lab_machine(work.run, 1) as machine:
        session = nicrun.Session(machine, kernel, program, target.name, asked, shown, keep, earlier)
        measured = session.run()
        keep(measured)
    # What had to be put back is known when the machine was left.
    if note := machine.facts["note"]:
        keep(replace(measured, notes=(*measured.notes, note)))
    told = f"{len(measured.samples)} measured, {len(measured.skipped)} cannot be on {target.name}"
    shown.finish(told, good=not measured.lost)
    return done


def _require_alone(arguments: Namespace) -> None:
    """Raise UserError for what is about guests."""
    names = ("each_patch", "program", "compare", "full", "resume")
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]
    if given:
        raise UserError(
            f"--target measures over a NIC, which {given[0]} has nothing to do with.",
            do=f"leave out --target, or {given[0]}",
        )
