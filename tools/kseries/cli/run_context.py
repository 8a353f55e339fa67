# SPDX-License-Identifier: GPL-2.0
"""Runs that a command carries out: begun for a request, or taken up where they were left."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from kseries.choice import asked as tests
from kseries.cli.reports import show
from kseries.cli.screen import program
from kseries.hardware import dutconfig, labtarget
from kseries.lib import proc, runfolder
from kseries.lib.errors import InfraError, Interrupted, KseriesError, UserError
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.model import Request
from kseries.report.live import Shown, live
from kseries.run.context import RunContext
from kseries.series import archive
from kseries.stacks import bases
from kseries.stacks.bases import Bases
from kseries.stacks.candidates import Candidate
from kseries.stacks.stack import Plan, plan
from kseries.verdict import document

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


@dataclass(frozen=True)
class Opened:
    """A run that is to be carried out: its folder, what was asked for, what that means."""

    project: Project
    run: RunFolder
    request: Request
    plan: Plan

    def work(self, progress: Progress) -> RunContext:
        """Give what its stages share."""
        return RunContext(self.request, self.plan, self.project, Cache.find(), self.run, progress)


def open_run(name: str, workspace: str = "") -> Opened:
    """Take up a run where its stages left it."""
    project = Project.find(workspace)
    run = runfolder.own(project.runs, name)
    request = run.load("request", REQUEST)
    return Opened(project, run, request, plan(request, project=project))


def take_up(
    arguments: Namespace,
    request: Callable[[], Request],
    name: str = "",
    *,
    with_tests: bool = True,
) -> Opened:
    """Take up the run that `--resume` names, else begin one for a request.

    name: what the new run is called by, else by its stack. with_tests: choose some, where none are
    named.
    """
    if arguments.resume:
        return open_run(arguments.resume, arguments.workspace)
    asked = request()
    project = Project.find(arguments.workspace)
    if not (bases.is_open(asked) or (with_tests and tests.is_open(asked))):
        return _new_run(asked, name, project)
    with progress(arguments) as shown, runfolder.scratch() as searched:
        minutes = arguments.minutes if with_tests else None
        asked = _completed(asked, project, searched, minutes, shown)
        opened = _new_run(asked, name, project)
        archive.keep(searched.path, opened.run.path)
        return opened


def candidate_for(request: Request, project: Project, shown: Progress) -> Candidate | None:
    """Try the series of a request on its source, or on those at hand where none is named.

    None where there is no source. Raises UserError and InfraError for a series that cannot be read,
    or of which nobody can say whether it applies.
    """
    with runfolder.scratch() as run:
        if bases.is_open(request):
            found = bases.find(request, project, Cache.find(), run, shown)
            found.require_known()
            return found.choice.candidate if found.choice else None
        return _on_its_source(request, project, run, shown)


def _on_its_source(
    request: Request, project: Project, run: RunFolder, shown: Progress
) -> Candidate:
    source = plan(request, project=project).source
    return bases.on(source, request, project, Cache.find(), run, shown)


def _completed(
    request: Request, project: Project, run: RunFolder, minutes: float | None, shown: Progress
) -> Request:
    """Choose what a series is put on and tested with, where nobody says it. minutes: None: no test.

    What is wrong with the series is told by the stage that reads it: the run keeps that. Raises
    InfraError where it applies nowhere, and a source could not be had.
    """
    found: Bases | None = None
    try:
        if bases.is_open(request):
            found = bases.find(request, project, Cache.find(), run, shown)
        else:
            candidate = _on_its_source(request, project, run, shown)
    except (UserError, InfraError):
        return request
    if found is not None:
        found.require_known()
        if found.choice is None:
            return request
        candidate = found.choice.candidate
        request = replace(request, source=found.source, base_why=found.choice.why)
    if minutes is None or not tests.is_open(request):
        return request
    chosen = tests.find(candidate, project, minutes)
    if chosen is None:
        return request
    notes = tests.notes(chosen.choice)
    return replace(request, suites=chosen.choice.names, suites_why=notes)


def _new_run(request: Request, name: str, project: Project) -> Opened:
    planned = plan(request, project=project)
    if request.compiler and proc.which(request.compiler) is None:
        raise UserError(
            f"There is no compiler '{request.compiler}' on this host.",
            do="install it, or name another: --compiler NAME",
        )
    lab = labtarget.find(request.target, project) if request.target else None
    Cache.find()  # before anything is made: it can be no place for one
    project.prepare()
    if lab is None:
        run = runfolder.create(project.runs, name or planned.name)
    else:
        with runfolder.scratch() as taken:
            # A machine that does not answer is told of before a run begins.
            wanted = dutconfig.of(lab, project, taken.path)
            run = runfolder.create(project.runs, name or planned.name)
            request = dutconfig.put_into(request, wanted, taken.path, run.path)
        planned = plan(request, project=project)
    run.save("request", request, REQUEST)
    return Opened(project, run, request, planned)


@contextmanager
def progress(arguments: Namespace) -> Iterator[Shown]:
    """Show progress on standard error, as much of it as was asked for."""
    with live(sys.stderr, verbosity=arguments.verbosity) as shown:
        yield shown


@contextmanager
def resumable(run: RunFolder, command: str, workspace: str, shown: Shown) -> Iterator[None]:
    """Show what is known of a run that is ended from outside, and say how to go on with it."""
    try:
        yield
    except Interrupted:
        with suppress(KseriesError, OSError):
            show(document.read(run), run, workspace, shown.notes)
        tell_how_to_go_on(run, command, workspace)
        raise


def tell_how_to_go_on(run: RunFolder, command: str, workspace: str) -> None:
    """Say with which command a run goes on that came to no end."""
    again = f"{program(workspace)} {command} --resume {shlex.quote(run.name)}"
    print(f"the run can be read and continued: {again}", file=sys.stderr)
