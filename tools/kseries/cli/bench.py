# SPDX-License-Identifier: GPL-2.0
"""The command `bench`: what it costs to receive, in instructions of a guest."""

from __future__ import annotations

import datetime
import json
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from kseries.bench import answer, machine, plan, runner
from kseries.bench.model import BENCH, Bench, Lost, Measurement, Setup
from kseries.cli.request import request, with_settings
from kseries.cli.run_context import Opened, open_run, progress, resumable, take_up
from kseries.cli.screen import print_json
from kseries.lib import atomicfile, runfolder
from kseries.lib.errors import CheckFailed, InfraError, UserError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.machines import qemu
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel, Verdict
from kseries.names import DEFAULT_STACK
from kseries.report import bench as report
from kseries.report.live import Shown
from kseries.run import pipeline
from kseries.run.pipeline import RunContext
from kseries.suites import zcrx

NAME = "bench"
ASKED = "bench-asked"  # what a session was to measure
SETUPS: TypeAdapter[tuple[Setup, ...]] = TypeAdapter(tuple[Setup, ...])
TEXT, PAGE = "bench.txt", "bench.html"
STAGES = pipeline.STAGES[: pipeline.STAGES.index(pipeline.INSTALL) + 1]


def bench(arguments: Namespace) -> int:
    """Measure; or list what would be, or show what was."""
    if arguments.show:
        return _show(arguments)
    if arguments.list:
        _list(_chosen(arguments), as_json=arguments.json)
        return 0
    setups = () if arguments.resume else _chosen(arguments)
    opened = _open(arguments)
    if arguments.resume:
        setups = _begun(opened.run)
    else:
        opened.run.save(ASKED, setups, SETUPS)
    with progress(arguments) as shown, resumable(opened.run, NAME, arguments.workspace, shown):
        work = replace(opened.work(shown), session=(NAME,))
        _build(work)
        done = _measure(work, setups, arguments, shown)
    return _tell(done, opened.run, as_json=arguments.json)


def schema() -> str:
    """Give the JSON Schema of what the program prints."""
    return json.dumps(answer.schema(), indent=2) + "\n"


def _chosen(arguments: Namespace) -> tuple[Setup, ...]:
    setups = plan.select(plan.full() if arguments.full else plan.usual(), arguments.names)
    if not setups:
        raise UserError(
            f"Nothing is measured that has all of this in its name: {' '.join(arguments.names)}.",
            do="`kseries bench --list` names what is measured, with --full all of it",
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


def _list(setups: Sequence[Setup], *, as_json: bool) -> None:
    if as_json:
        print_json([setup.name for setup in setups])
        return
    for setup in setups:
        print(setup.name)


def _open(arguments: Namespace) -> Opened:
    if arguments.run:
        return open_run(arguments.run, arguments.workspace)
    asked = with_settings(request(arguments))
    if not (asked.stack or asked.series or asked.tree or asked.source):
        asked = replace(asked, stack=DEFAULT_STACK)
    return take_up(arguments, lambda: asked, NAME)


def _build(work: RunContext) -> None:
    """Build kernel and programs. Raises CheckFailed where that does not pass."""
    base = pipeline.run_stages(work, STAGES)
    if base.exit_code and base.verdict is not Verdict.INCOMPLETE:
        raise CheckFailed(
            "The stack is not built, so it cannot be measured.",
            where="\n".join([*base.reasons, str(work.run.path)]),
            do="fix the stack first: `kseries run`",
        )


def _measure(
    work: RunContext, setups: Sequence[Setup], arguments: Namespace, shown: Shown
) -> Bench:
    shown.stage(NAME)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    kernel: Kernel = work.outcome(pipeline.BUILD)
    prepared = runner.prepare(kernel, work.outcome(pipeline.INSTALL))
    measuring = runner.Runner(
        prepared,
        work.run.path / NAME,
        shown,
        arguments.deadline,
        go_on=bool(arguments.resume),
    )
    machines = work.request.machines or VirtualMachine.capacity(work.project)
    found = measuring.run(setups, machines)
    done = Bench(
        run=work.run.name,
        stack=work.plan.name,
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        kernel=kernel.release,
        head=kernel.config.tree.head,
        dialect=str(zcrx.interface_of(kernel.config.tree.path)),
        qemu=qemu.version(),
        compiler=kernel.compiler,
        models={str(name): told for name, told in machine.MODELS.items()},
        measurements=tuple(one for one in found if isinstance(one, Measurement)),
        lost=tuple(one for one in found if isinstance(one, Lost)),
    )
    work.run.save(NAME, done, BENCH)
    good = not done.lost
    shown.finish(f"{len(done.measurements)} of {len(setups)} measured", good=good)
    return done


def _show(arguments: Namespace) -> int:
    run = runfolder.find(Project.find(arguments.workspace).runs, arguments.show)
    if not run.has(NAME):
        raise UserError(
            "Nothing was measured in that run.",
            where=str(run.path),
            do=f"`kseries bench --run {run.name}` measures its kernel",
        )
    return _tell(run.load(NAME, BENCH), None, as_json=arguments.json)


def _tell(done: Bench, run: RunFolder | None, *, as_json: bool) -> int:
    """Print the report; keep it, and the page, in the run that was measured in."""
    if run is not None:
        from kseries.report import html

        atomicfile.write_text(run.path / TEXT, report.text(done))
        atomicfile.write_text(run.path / PAGE, html.render_bench(done))
    if as_json:
        print_json(BENCH.dump_python(done, mode="json"))
    else:
        sys.stdout.write(report.text(done))
        if run is not None:
            print(f"\nas a page: {run.path / PAGE}")
    return InfraError.exit_code if done.lost else 0
