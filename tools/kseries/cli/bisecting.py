# SPDX-License-Identifier: GPL-2.0
"""The command `bisect`: with which patch of the series does a test go wrong?"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from kseries.bisect import bisect, predicate
from kseries.cli.commands import Commands
from kseries.cli.options import add_stack_options, request
from kseries.cli.reports import show
from kseries.cli.run_context import REQUEST, Opened, resumable, take_up, tell_how_to_go_on
from kseries.lib import runfolder
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.model import Request
from kseries.report.live import live
from kseries.run import baseline, pipeline
from kseries.verdict import document
from kseries.verdict.bisection import SOUGHT, Sought

LAST = baseline.STAGES[-1].name


def add_commands(commands: Commands) -> None:
    """Add `bisect`."""
    parser = commands.add_parser(
        "bisect", help="find the first patch of the series at which a test goes wrong"
    )
    parser.add_argument(
        "test", nargs="?", default="", metavar="TEST", help='"suite/program: case", or a part of it'
    )
    parser.add_argument(
        "--log", default="", metavar="PATTERN", help="a line of the kernel log, in place of a test"
    )
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="the run that showed it (default: latest); its stack is searched",
    )
    parser.add_argument("--resume", metavar="RUN", help="go on with a search that was ended")
    add_stack_options(parser)
    tests = {"only": [], "extended": False, "machines": 0, "baseline": None}
    parser.set_defaults(command=_bisect, until=LAST, **tests)


def _bisect(arguments: argparse.Namespace) -> int:
    if not arguments.resume and bool(arguments.test) == bool(arguments.log):
        raise UserError(
            "A search needs a test, or a line of the kernel log, and not both.",
            do="kseries bisect TEST, or kseries bisect --log PATTERN",
        )
    source = None if arguments.resume else _source(arguments)
    opened = take_up(arguments.resume, lambda: _request(arguments, source), bisect.NAME)
    sought = _sought(arguments, opened, source)
    words = ("--log", sought.log) if sought.log else (str(sought),)
    with live(sys.stderr) as progress, resumable(opened.run, "bisect"):
        work = replace(opened.work(progress), suffix=bisect.NAME, session=("bisect", *words))
        stages = (pipeline.SERIES, pipeline.FETCH, bisect.stage(sought))
        result = pipeline.run_stages(work, stages)
    show(result, opened.run)
    if result.exit_code == InfraError.exit_code:
        tell_how_to_go_on(opened.run, "bisect")
    return result.exit_code


def _source(arguments: argparse.Namespace) -> RunFolder | None:
    """Find the run that is asked about; None where the options say what to search."""
    if arguments.run:
        return runfolder.own(Project.find().runs, arguments.run)
    if replace(request(arguments), until="", command=()) != Request():
        return None
    runs = Project.find().runs
    there = (runs / runfolder.LATEST / "request.json").is_file()
    return runfolder.own(runs, runfolder.LATEST) if there else None


def _request(arguments: argparse.Namespace, source: RunFolder | None) -> Request:
    """Ask for the stack of the run, with all of its tests."""
    own = request(arguments)
    if source is None:
        return own
    asked = source.load("request", REQUEST)
    return replace(
        asked, only=(), extended=False, baseline=None, until=own.until, command=own.command
    )


def _sought(arguments: argparse.Namespace, opened: Opened, source: RunFolder | None) -> Sought:
    """Give what is sought: kept by a search that was ended, or as it is asked for now."""
    if arguments.resume:
        return opened.run.load("sought", SOUGHT)
    sought = Sought(test=arguments.test, log=arguments.log)
    if sought.log and source is not None and source.results.is_file():
        sought = predicate.find_line(sought, document.read(source))
    opened.run.save("sought", sought, SOUGHT)
    return sought
