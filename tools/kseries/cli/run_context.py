# SPDX-License-Identifier: GPL-2.0
"""Runs that a command carries out: begun for a request, or taken up where they were left."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import TypeAdapter

from kseries.lib import runfolder
from kseries.lib.errors import Interrupted
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.model import Request
from kseries.run.pipeline import RunContext
from kseries.stacks.stack import Plan, plan
from kseries.suites import SUITES

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


def open_run(name: str) -> Opened:
    """Take up a run where its stages left it."""
    project = Project.find()
    run = runfolder.own(project.runs, name)
    request = run.load("request", REQUEST)
    return Opened(project, run, request, plan(request, project=project, suites=SUITES))


def take_up(resume: str | None, request: Callable[[], Request], name: str = "") -> Opened:
    """Take up the run that `resume` names, else begin one for a request.

    name: what the new run is called by, else by its stack.
    """
    return open_run(resume) if resume else _new_run(request(), name)


def _new_run(request: Request, name: str) -> Opened:
    project = Project.find()
    planned = plan(request, project=project, suites=SUITES)
    Cache.find()  # before anything is made: it can be no place for one
    project.prepare()
    run = runfolder.create(project.runs, name or planned.name)
    run.save("request", request, REQUEST)
    return Opened(project, run, request, planned)


@contextmanager
def resumable(run: RunFolder, command: str) -> Iterator[None]:
    """Say how to go on with a run that is ended from outside."""
    try:
        yield
    except Interrupted:
        tell_how_to_go_on(run, command)
        raise


def tell_how_to_go_on(run: RunFolder, command: str) -> None:
    """Say with which command a run goes on that came to no end."""
    again = f"kseries {command} --resume {shlex.quote(run.name)}"
    print(f"the run can be read and continued: {again}", file=sys.stderr)
