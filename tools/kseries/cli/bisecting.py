# SPDX-License-Identifier: GPL-2.0
"""The command `bisect`: with which patch of the series does a test go wrong?"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from kseries.bisect import bisect as search
from kseries.bisect import predicate
from kseries.cli.reports import show
from kseries.cli.request import request, with_settings
from kseries.cli.run_context import REQUEST, Opened, progress, resumable, take_up, tell_how_to_go_on
from kseries.lib import runfolder
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.model import Request
from kseries.names import BISECT, LATEST
from kseries.run import pipeline, stages
from kseries.verdict import document
from kseries.verdict.bisection import SOUGHT, Sought


def bisect(arguments: Namespace) -> int:
    """Search for the patch."""
    if not arguments.resume and bool(arguments.test) == bool(arguments.log):
        raise UserError(
            "A search needs a test, or a line of the kernel log, and not both.",
            do="`kseries bisect TEST`, or `kseries bisect --log PATTERN`",
        )
    source = None if arguments.resume else _source(arguments)
    opened = take_up(arguments, lambda: _request(arguments, source), BISECT)
    sought = _sought(arguments, opened, source)
    words = ("--log", sought.log) if sought.log else (str(sought),)
    place = arguments.workspace
    with progress(arguments) as shown, resumable(opened.run, "bisect", place, shown):
        work = replace(opened.work(shown), suffix=search.NAME, session=("bisect", *words))
        chosen = (stages.SERIES, stages.FETCH, search.stage(sought))
        result = pipeline.run_stages(work, chosen)
    show(result, opened.run, place, shown.notes)
    if result.exit_code == InfraError.exit_code:
        tell_how_to_go_on(opened.run, "bisect", place)
    return result.exit_code


def _source(arguments: Namespace) -> RunFolder | None:
    """Find the run that is asked about; None where the options say what to search."""
    runs = Project.find(arguments.workspace).runs
    if arguments.run:
        return runfolder.own(runs, arguments.run)
    # On which machine to search says nothing of what to search.
    if replace(request(arguments), until="", command=(), target="") != Request():
        return None
    there = (runs / LATEST / "request.json").is_file()
    return runfolder.own(runs, LATEST) if there else None


def _request(arguments: Namespace, source: RunFolder | None) -> Request:
    """Ask for the stack of the run, with all of its tests."""
    own = request(arguments)
    if source is None:
        return with_settings(own)
    asked = source.load("request", REQUEST)
    return replace(
        asked,
        only=(),
        extended=False,
        baseline=None,
        target=own.target or asked.target,
        until=own.until,
        command=own.command,
    )


def _sought(arguments: Namespace, opened: Opened, source: RunFolder | None) -> Sought:
    """Give what is sought: kept by a search that was ended, or as it is asked for now."""
    if arguments.resume:
        return opened.run.load("sought", SOUGHT)
    sought = Sought(test=arguments.test, log=arguments.log)
    if sought.log and source is not None and source.results.is_file():
        sought = predicate.find_line(sought, document.read(source))
    opened.run.save("sought", sought, SOUGHT)
    return sought
