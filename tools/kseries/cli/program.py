# SPDX-License-Identifier: GPL-2.0
"""What `bench --program` measures: a user's own program, on two kernels or after each patch."""

from __future__ import annotations

import datetime
import sys
import time
from argparse import Namespace
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from kseries.bench import programs, sections, userprogram
from kseries.bench.cost import Cost
from kseries.bench.document import Bench, Compared
from kseries.bench.sections import Item
from kseries.build import place as buildplace
from kseries.cli import benchrun, compare
from kseries.cli.request import request, with_settings
from kseries.cli.run_context import Opened, open_run, progress, resumable, take_up
from kseries.kbuild import make as kbuild
from kseries.lib import atomicfile
from kseries.lib.errors import Interrupted, UserError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.lib.userpath import current, user_path
from kseries.machines.vm import VirtualMachine
from kseries.model import PatchState, Request, Stack
from kseries.names import LATEST
from kseries.report import programcost as report
from kseries.report.live import Shown
from kseries.report.words import counted
from kseries.run import patchcost, pipeline, provenance, stages
from kseries.run.context import RunContext
from kseries.run.patchcost import Asked
from kseries.run.programcost import Programs
from kseries.stacks.stack import plan, resolve

SOURCES = "bench-program"  # in the run's folder: a copy of what was given
ASKED = "bench-program-asked"  # what a session was to measure
CONFIGURED = stages.up_to(stages.CONFIG)


@dataclass(frozen=True)
class AskedProgram:
    """What a session was to measure. base: another kernel than without the series under test."""

    program: str
    base: Request | None
    base_name: str
    name: str
    measured: Asked


ADAPTER: TypeAdapter[AskedProgram] = TypeAdapter(AskedProgram)


def is_asked(arguments: Namespace) -> bool:
    """Whether a user's program is to be measured, or was where it is gone on. Raises UserError."""
    if arguments.program:
        return True
    if arguments.compare:
        raise UserError(
            "--compare is about a program.", do="name the folder of its sources: --program DIR"
        )
    if not arguments.resume:
        return False
    return open_run(arguments.resume, arguments.workspace).run.has(ASKED)


def forget(run: RunFolder) -> None:
    """Let another session be the one that is gone on with."""
    atomicfile.remove_tree(run.path / f"{ASKED}.json")


def bench(arguments: Namespace) -> int:
    """Measure, and tell."""
    opened, asked = _resumed(arguments) if arguments.resume else _begun(arguments)
    machines = arguments.machines or opened.request.machines
    machines = machines or VirtualMachine.capacity(opened.project)
    measured = replace(asked.measured, deadline_s=arguments.deadline, machines=machines)
    with (
        progress(arguments) as shown,
        resumable(opened.run, benchrun.NAME, arguments.workspace, shown),
    ):
        again = ("--program", str(opened.run.path / SOURCES))
        work = replace(opened.work(shown), session=(benchrun.NAME, *again))
        done = _measure(work, replace(asked, measured=measured), shown)
    return benchrun.tell(done, opened.run, as_json=arguments.json)


def _begun(arguments: Namespace) -> tuple[Opened, AskedProgram]:
    """Begin a session; all that was typed is looked at before anything is built."""
    folder = user_path(arguments.program, current()).resolve()
    userprogram.require(folder)
    programs.compile_plugin()
    if arguments.names or arguments.full:
        raise UserError(
            "With --program its sections are measured, all of them.",
            do="leave out names and --full",
        )
    if arguments.run and arguments.compare:
        raise UserError("--run and --compare both say what is measured.", do="give one of them")
    given = with_settings(request(arguments))
    if arguments.compare:
        project = Project.find(arguments.workspace)
        told = compare.read(arguments.compare, given, project)
    else:
        told = compare.Compared(given, None, "its base", "")
    if arguments.run:
        opened = open_run(arguments.run, arguments.workspace)
    elif arguments.compare or given.series or given.stack:
        opened = take_up(arguments, lambda: told.request, benchrun.NAME, with_tests=False)
    else:
        raise UserError(
            "Nothing says which kernels the program is measured on.",
            do="--compare BASE..SERIES, or --series SERIES, or the --run of one, as"
            f" --run {LATEST}",
        )
    measured = Asked((), each=bool(arguments.each_patch), rebuilds=arguments.rebuilds)
    asked = AskedProgram(
        folder.name, _on_the_same(told.base, opened.request), told.base_name, told.name, measured
    )
    userprogram.take(folder, opened.run.path / SOURCES)
    opened.run.save(ASKED, asked, ADAPTER)
    return opened, asked


def _resumed(arguments: Namespace) -> tuple[Opened, AskedProgram]:
    programs.compile_plugin()
    opened = open_run(arguments.resume, arguments.workspace)
    return opened, opened.run.load(ASKED, ADAPTER)


def _on_the_same(base: Request | None, series: Request) -> Request | None:
    """Put a series that is compared with another one on the same source."""
    if base is None or not base.series or base.source or base.stack:
        return base
    return replace(base, source=series.source, stack=series.stack)


def _measure(work: RunContext, asked: AskedProgram, shown: Shown) -> Bench:
    """Measure; what is known is written after each kernel, and told where the session is ended."""
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC)
    benchrun.build(work, CONFIGURED)
    base = _other(work, asked)
    _require_different(work, base, asked)
    log = work.run.log(SOURCES)
    shown.stage("program")
    box = kbuild.sandbox(work.outcome(stages.APPLY).path, work.place, trusted=work.stack.trusted)
    found = userprogram.build(work.run.path / SOURCES, box, log, jobs=work.request.jobs or None)
    measuring = Programs(found, asked.measured, work.progress)
    shown.finish(f"{counted(len(found), 'program')}, {counted(len(measuring.paths), 'section')}")
    benchrun.build(work, (stages.BUILD,))
    if asked.base is not None:
        _write_script(work, asked)
    done = _document(work, started)

    def tell(cost: Cost) -> None:
        nonlocal done
        done = replace(done, program=_compared(work, asked, cost))
        if not (done.measurements or done.patches):
            done = replace(done, seconds=time.monotonic() - began)
        benchrun.keep(work.run, done)

    shown.stage(patchcost.NAME)
    try:
        cost = patchcost.session(work, asked.measured, tell, measuring, base)
    except Interrupted:
        if done.program is not None:
            sys.stdout.write("\n".join([*report.lines(done.program), ""]))
        raise
    told = f"{counted(len(cost.built), 'kernel')}, {counted(len(cost.findings), 'finding')}"
    shown.finish(told, good=not benchrun.lost(done))
    return done


def _document(work: RunContext, started: datetime.datetime) -> Bench:
    """Give the document of the run, with whatever else was measured in it."""
    earlier, begun = benchrun.kept(work.run), benchrun.begun(work, started)
    if earlier is not None and (earlier.measurements or earlier.patches):
        return earlier
    return replace(begun, models={Item.cpu: begun.models[Item.cpu]})


def _write_script(work: RunContext, asked: AskedProgram) -> None:
    """Write the script that repeats it: with a base of its own it is no run of a series alone."""
    name, *words = work.session
    assert asked.base is not None
    compared = ("--compare", f"{_named(asked.base)}..{_named(work.request)}")
    bare = replace(work.request, stack="", source="", series="", before=(), base_why="")
    facts = provenance.gather(bare, work.project)
    script = work.run.path / pipeline.SCRIPT
    provenance.write_script(script, work.run.name, (name, *words, *compared), bare, facts)


def _named(request: Request) -> str:
    """Give what a side was named by, where that does not hang on a folder."""
    return request.series or request.source or request.stack


def _compared(work: RunContext, asked: AskedProgram, cost: Cost) -> Compared:
    return Compared(
        program=asked.program,
        base=asked.base_name,
        series=asked.name or work.stack.under_test,
        runs=sections.REPEATS,
        warm_up=sections.WARM_UP,
        each_patch=asked.measured.each and asked.base is None,
        cost=cost,
    )


def _other(work: RunContext, asked: AskedProgram) -> Stack | None:
    """Give the stack that is compared with, where it is not that without its series under test.

    It gets the same config, so that only the sources differ.
    """
    if asked.base is None:
        return None
    folder = work.run.path / patchcost.NAME / "base"
    planned = plan(asked.base, project=work.project)
    found = resolve(planned, project=work.project, workdir=folder, progress=work.progress)
    own = work.stack
    return replace(found, fragments=own.fragments, suites=(), compiler=own.compiler, whole=False)


def _require_different(work: RunContext, base: Stack | None, asked: AskedProgram) -> None:
    """Raise UserError where both kernels would be made of the same."""
    names = f"{asked.base_name} and {asked.name}" if asked.name else "the base and the series"
    if base is None:
        tree = work.outcome(stages.APPLY)
        own = [patch for patch in tree.patches if patch.series == work.stack.under_test]
        same = bool(own) and not any(patch.state is PatchState.APPLIED for patch in own)
        why = "all patches are in the base already"
    else:
        here = buildplace.content(work.stack, work.outcome(stages.FETCH).commit)
        same = buildplace.content(base, patchcost.fetched(work, base).commit) == here
        why = "the same sources with the same patches"
    if same:
        raise UserError(
            f"There is nothing to compare: {names} are the same.",
            where=why,
            do="name two kernels that differ: --compare BASE..SERIES",
        )
