# SPDX-License-Identifier: GPL-2.0
"""Commands that carry out runs: `run`, one for each stage, `config why`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kseries.cli.commands import Commands
from kseries.cli.options import add_stack_options, add_test_options, request
from kseries.cli.reports import show
from kseries.cli.run_context import open_run, resumable, take_up
from kseries.config.stage import why
from kseries.lib import runfolder
from kseries.report.live import live
from kseries.run import baseline, pipeline
from kseries.run.pipeline import RunContext, Stage

STAGE_NAMES = tuple(stage.name for stage in baseline.STAGES)

STAGE_HELP = {
    "series": "read the series of a stack; begins a new run",
    "fetch": "get the kernel source and import it into git",
    "apply": "apply the series, one commit a patch",
    "config": "configure the kernel; `config why SYMBOL` explains the value of a symbol",
    "build": "build the kernel",
    "install": "build and install the test programs",
    "test": "boot the kernel and run the test programs",
    "baseline": "build and test the base without the series, unless it is kept, and compare",
}


NOTHING_TO_ADD = "# The config compiles all that the series changes."


def add_commands(commands: Commands) -> None:
    """Add `run` and the stages."""
    run = commands.add_parser("run", help="all stages: give a verdict")
    add_stack_options(run)
    add_test_options(run)
    run.add_argument("--until", choices=STAGE_NAMES, default=STAGE_NAMES[-1], metavar="STAGE")
    run.add_argument("--resume", metavar="RUN", help="go on with a run that was ended")
    run.add_argument(
        "--baseline",
        action=argparse.BooleanOptionalAction,
        help="build and test the base without the series to compare with"
        " (default: where something failed)",
    )
    run.set_defaults(command=_run)
    for name in STAGE_NAMES:
        parser = commands.add_parser(name, help=STAGE_HELP[name])
        if name == STAGE_NAMES[0]:
            add_stack_options(parser)
            add_test_options(parser)
            parser.set_defaults(command=_run, until=name, resume=None, baseline=None)
            continue
        _add_run_option(parser)
        parser.set_defaults(command=_stage, stage=name)
        if name == "config":
            actions = parser.add_subparsers(metavar="ACTION")
            asked = actions.add_parser("why", help="explain the value of a Kconfig symbol")
            asked.add_argument("symbol", metavar="SYMBOL")
            _add_run_option(asked)
            asked.set_defaults(command=_why)
            asked = actions.add_parser(
                "for", help="print the lines that have compiled what a series changes"
            )
            asked.add_argument("of", metavar="SERIES", help="name, folder, mbox, message id, link")
            add_stack_options(asked)
            add_test_options(asked)
            asked.set_defaults(command=_config_for, until="config", resume=None, baseline=None)


def _add_run_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", default=runfolder.LATEST, metavar="RUN", help="default: latest")


def _run(arguments: argparse.Namespace) -> int:
    opened = take_up(arguments.resume, lambda: request(arguments))
    asked = opened.request
    names = STAGE_NAMES[: STAGE_NAMES.index(asked.until) + 1]
    stages = [
        stage
        for stage in baseline.STAGES
        if stage.name in names and (asked.baseline is not False or stage is not baseline.STAGE)
    ]
    with live(sys.stderr) as progress:
        return _run_stages(opened.work(progress), stages)


def _stage(arguments: argparse.Namespace) -> int:
    stages = [stage for stage in baseline.STAGES if stage.name == arguments.stage]
    opened = open_run(arguments.run)
    if arguments.stage == baseline.STAGE.name:
        opened = replace(opened, request=replace(opened.request, baseline=True))
    with live(sys.stderr) as progress:
        return _run_stages(opened.work(progress), stages)


def _why(arguments: argparse.Namespace) -> int:
    with live(sys.stderr) as progress:
        work = open_run(arguments.run).work(progress)
        text = why(work.outcome(pipeline.APPLY), work.stack, work.place, arguments.symbol)
    print(text)
    return 0


def _config_for(arguments: argparse.Namespace) -> int:
    arguments.series = arguments.of
    opened = take_up(None, lambda: request(arguments))
    stages = pipeline.STAGES[: pipeline.STAGES.index(pipeline.CONFIG) + 1]
    with live(sys.stderr) as progress, resumable(opened.run, "run"):
        work = opened.work(progress)
        result = pipeline.run_stages(work, stages)
    if result.exit_code:
        show(result, work.run)
        return result.exit_code
    print(work.wishes.read_text().strip() or NOTHING_TO_ADD)
    return 0


def _run_stages(work: RunContext, stages: Sequence[Stage[Any]]) -> int:
    with resumable(work.run, "run"):
        result = pipeline.run_stages(work, stages)
    show(result, work.run)
    return result.exit_code
