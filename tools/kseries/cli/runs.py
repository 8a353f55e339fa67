# SPDX-License-Identifier: GPL-2.0
"""Commands that carry out runs: `run`, one for each stage, `config why`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from kseries import pipeline, runfolder
from kseries.cli.commands import Commands
from kseries.cli.reports import show
from kseries.errors import Interrupted
from kseries.inputs.stack import DEFAULT_STACK, plan
from kseries.model import Request
from kseries.paths import Cache, Project
from kseries.pipeline import STAGE_NAMES, Work
from kseries.progress import Progress
from kseries.report.live import live
from kseries.runfolder import RunFolder
from kseries.stages.config import why
from kseries.suites import SUITES

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)

STAGE_HELP = {
    "series": "read the series of a stack; begins a new run",
    "fetch": "get the kernel source and import it into git",
    "apply": "apply the series, one commit a patch",
    "config": "configure the kernel; `config why SYMBOL` tells why a symbol is what it is",
    "build": "build the kernel",
    "stage": "build the test programs",
    "test": "boot the kernel and run the test programs",
}


def add_commands(commands: Commands) -> None:
    """Add `run` and the stages."""
    run = commands.add_parser("run", help="all stages: give a verdict")
    _add_request_options(run)
    run.add_argument("--until", choices=STAGE_NAMES, default=STAGE_NAMES[-1], metavar="STAGE")
    run.add_argument("--resume", metavar="RUN", help="go on with a run that was ended")
    run.set_defaults(command=_run)
    for name in STAGE_NAMES:
        parser = commands.add_parser(name, help=STAGE_HELP[name])
        if name == STAGE_NAMES[0]:
            _add_request_options(parser)
            parser.set_defaults(command=_run, until=name, resume=None)
            continue
        _add_run_option(parser)
        parser.set_defaults(command=_stage, stage=name)
        if name == "config":
            actions = parser.add_subparsers(metavar="ACTION")
            asked = actions.add_parser("why", help="tell why a Kconfig symbol is what it is")
            asked.add_argument("symbol", metavar="SYMBOL")
            _add_run_option(asked)
            asked.set_defaults(command=_why)


def _add_request_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default="", help=f"name or file (default: {DEFAULT_STACK})")
    parser.add_argument("--source", default="", help="other kernel source: name, file or folder")
    parser.add_argument(
        "--series", default="", help="series to test: name, folder, mbox, message id or link"
    )
    parser.add_argument("--tree", default="", metavar="DIR", help="a kernel tree as it lies there")
    parser.add_argument(
        "--config", action="append", default=[], metavar="NAME", help="add configs/NAME.config"
    )
    parser.add_argument(
        "-k", dest="only", default="", metavar="PATTERN", help="only these programs or cases"
    )
    parser.add_argument(
        "--extended",
        action="store_true",
        help="also the tests that take minutes (with --config debug they always run)",
    )
    parser.add_argument("--archive", default="", metavar="URL", help="public-inbox to ask")
    parser.add_argument(
        "--trusted", action="store_true", help="the series is trusted: build without the sandbox"
    )
    parser.add_argument("--jobs", type=_count, default=0, metavar="N", help="of make")
    parser.add_argument(
        "--machines",
        type=_count,
        default=0,
        metavar="N",
        help="run tests on N machines side by side (default: what there is room for)",
    )


def _add_run_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", default=runfolder.LATEST, metavar="RUN", help="default: latest")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


def _run(arguments: argparse.Namespace) -> int:
    project = Project.find()
    if arguments.resume:
        run = runfolder.find(project.runs, arguments.resume)
        request = run.load("request", REQUEST)
    else:
        request = _request(arguments)
    planned = plan(request, project=project, suites=SUITES)
    if not arguments.resume:
        run = runfolder.create(project.runs, planned.name)
        run.save("request", request, REQUEST)
    names = STAGE_NAMES[: STAGE_NAMES.index(request.until) + 1]
    with live(sys.stderr) as progress:
        work = Work(request, planned, project, Cache.find(), run, progress)
        return _carry_out(work, names)


def _stage(arguments: argparse.Namespace) -> int:
    with live(sys.stderr) as progress:
        return _carry_out(_work(arguments.run, progress), (arguments.stage,))


def _why(arguments: argparse.Namespace) -> int:
    with live(sys.stderr) as progress:
        work = _work(arguments.run, progress)
        text = why(work.outcome(pipeline.APPLY), work.stack, work.cache, arguments.symbol)
    print(text)
    return 0


def _request(arguments: argparse.Namespace) -> Request:
    return Request(
        stack=_place(arguments.stack),
        source=_place(arguments.source),
        series=_place(arguments.series),
        tree=_place(arguments.tree),
        configs=tuple(arguments.config),
        only=arguments.only,
        extended=arguments.extended,
        archive=arguments.archive,
        trusted=arguments.trusted,
        jobs=arguments.jobs,
        machines=arguments.machines,
        until=arguments.until,
        command=("kseries", *sys.argv[1:]),
    )


def _place(given: str) -> str:
    """Make a path independent of the current folder, which a resumed run does not know."""
    looks_like_path = "/" in given or given.endswith((".toml", ".mbox"))
    return str(Path(given).resolve()) if looks_like_path and Path(given).exists() else given


def _work(name: str, progress: Progress) -> Work:
    """Take up a run where its stages left it."""
    project = Project.find()
    run = runfolder.find(project.runs, name)
    request = run.load("request", REQUEST)
    planned = plan(request, project=project, suites=SUITES)
    return Work(request, planned, project, Cache.find(), run, progress)


def _carry_out(work: Work, names: Sequence[str]) -> int:
    try:
        result = pipeline.carry_out(work, names)
    except Interrupted:
        print(f"the run can be read and continued: {_again(work.run)}", file=sys.stderr)
        raise
    show(result, work.run)
    return result.exit_code


def _again(run: RunFolder) -> str:
    return f"kseries run --resume {shlex.quote(run.name)}"
