# SPDX-License-Identifier: GPL-2.0
"""Subcommands that run a series, or stages of a run, and that try things on what was built."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kseries.cli import options
from kseries.cli.parser import Parser
from kseries.cli.parsers.common import add_command
from kseries.names import RUN_STAGES

if TYPE_CHECKING:
    from kseries.cli.parser import Commands

STAGE_HELP = {
    "series": "read the series of a stack; begins a new run",
    "fetch": "get the kernel source and import it into git",
    "apply": "apply the series, one commit a patch",
    "config": "configure the kernel; `config why SYMBOL` explains the value of a symbol,"
    " `config show` the settings of kseries",
    "build": "build the kernel",
    "install": "build and install the test programs",
    "test": "boot the kernel and run the test programs",
    "baseline": "build and test the base without the series, unless it is kept, and compare",
}


def add(commands: Commands) -> None:
    """Add them."""
    _add_runs(commands)
    _add_loop(commands)
    _add_base(commands)
    _add_suites(commands)


def _add_runs(commands: Commands) -> None:
    run = add_command(
        commands,
        "run",
        "runs.run",
        "all stages: give a verdict",
        (
            "kseries run --series ~/patches/my-series/     a folder of patches",
            "kseries run --series v3.mbox --config debug   with KASAN, lockdep, kmemleak, ...",
            "kseries run --tree ~/linux --until build      does what lies there build?",
            "kseries run -k ping -k stats                  only tests with one of these in names",
            "kseries run --resume latest                   go on with a run that was ended",
        ),
    )
    options.add_stack(run)
    options.add_tests(run)
    run.add_argument(
        "--until",
        choices=RUN_STAGES,
        default=RUN_STAGES[-1],
        metavar="STAGE",
        help=f"the last stage to carry out: {', '.join(RUN_STAGES)}",
    )
    options.add_resume(run, "go on with a run that was ended")
    run.add_argument(
        "--baseline",
        action=argparse.BooleanOptionalAction,
        help="build and test the base without the series to compare with"
        " (default: where something failed)",
    )
    for name in RUN_STAGES:
        is_first = name == RUN_STAGES[0]
        parser = add_command(
            commands, name, "runs.run" if is_first else "runs.stage", STAGE_HELP[name]
        )
        if is_first:
            options.add_stack(parser)
            options.add_tests(parser)
            parser.set_defaults(until=name, resume=None, baseline=None)
            continue
        options.add_run(parser)
        parser.set_defaults(stage=name)
        if name == "config":
            _add_config_actions(parser)
        if name == "test":
            options.add_on(parser)


def _add_suites(commands: Commands) -> None:
    suites = add_command(
        commands,
        "suites",
        "suites.suites",
        "list the suites of tests; `suites for SERIES` tells what is chosen for a series",
        ("kseries suites", "kseries suites for v3.mbox", "kseries suites for v3.mbox --minutes 30"),
    )
    options.add_json(suites)
    actions: Commands = suites.add_subparsers(metavar="ACTION")
    asked = add_command(
        actions,
        "for",
        "suites.suites_for",
        "tell which tests a run would choose for a series, and why",
        ("kseries suites for v3.mbox",),
    )
    options.add_of_series(asked)
    options.add_json(asked)
    asked.set_defaults(until=RUN_STAGES[-1], baseline=None)


def _add_loop(commands: Commands) -> None:
    execute = add_command(
        commands,
        "exec",
        "loop.execute",
        "run a program on a built kernel; its exit code, or 1 where the kernel complains",
        (
            "kseries exec -- uname -a",
            "kseries exec --nics -- ./my-receiver -p 9999     a program of this host",
            "kseries exec --put data -- sh -c 'ls /put'",
        ),
    )
    options.add_guest(execute)
    execute.add_argument(
        "--timeout",
        type=options.seconds,
        default=300.0,
        metavar="S",
        help="end it after so many seconds, with exit code 124 (default: %(default)g)",
    )
    execute.add_argument("words", nargs="+", metavar="CMD", help="the program and its arguments")
    shell = add_command(
        commands,
        "shell",
        "loop.shell",
        "a shell on a built kernel, with the tests of the run in /kselftest",
        ("kseries shell", "kseries shell --nics --share ~/try --append 'loglevel=8'"),
    )
    options.add_guest(shell)


def _add_base(commands: Commands) -> None:
    base = add_command(
        commands,
        "base",
        "bases.base",
        "say on which source a series applies, and which one a run takes",
        ("kseries base v3.mbox", "kseries base v3.mbox --all    also sources to be downloaded"),
    )
    options.add_of_series(base)
    base.add_argument(
        "--all", action="store_true", help="also sources that have to be downloaded first"
    )
    options.add_json(base)
    base.set_defaults(until="series", resume=None, baseline=None)


def _add_config_actions(parser: Parser) -> None:
    actions: Commands = parser.add_subparsers(metavar="ACTION")
    why = add_command(
        actions,
        "why",
        "runs.why",
        "explain the value of a Kconfig symbol",
        ("kseries config why IO_URING_ZCRX", "kseries config why PAGE_POOL --run 20261122T101500"),
    )
    why.add_argument("symbol", metavar="SYMBOL")
    options.add_run(why)
    asked = add_command(
        actions,
        "for",
        "runs.config_for",
        "print the lines that have compiled what a series changes",
        ("kseries config for v3.mbox > configs/v3.config",),
    )
    options.add_of_series(asked)
    asked.set_defaults(until="config", resume=None, baseline=None)
    show = add_command(
        actions,
        "show",
        "showsettings.show",
        "tell the settings of kseries, and where each comes from",
        ("kseries config show", "kseries config show --jobs 4 --json"),
    )
    options.add_settings(show)
    options.add_machines(show)
    options.add_json(show)
