# SPDX-License-Identifier: GPL-2.0
"""Subcommands that search for a fault, or see whether tests find one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kseries.cli import options
from kseries.cli.parsers.common import NO_TESTS, add_command
from kseries.names import BISECT, RUN_STAGES

if TYPE_CHECKING:
    from kseries.cli.parser import Commands


def add(commands: Commands) -> None:
    """Add them."""
    _add_kselftest(commands)
    _add_mutants(commands)
    _add_bisect(commands)


def _add_kselftest(commands: Commands) -> None:
    kselftest = add_command(commands, "kselftest", "", "the generated tests of zero copy receive")
    actions: Commands = kselftest.add_subparsers(required=True, metavar="ACTION")
    render = add_command(
        actions,
        "render",
        "kselftests.render",
        "write them as a folder, or as a kernel patch",
        (
            "kseries kselftest render --out /tmp/zcrx",
            "kseries kselftest render --as-patch zcrx.patch --tree ~/linux",
        ),
    )
    render.add_argument("--dialect", default="", help="of the user API: v7 (default), mainline")
    render.add_argument(
        "--level", type=int, default=0, metavar="N", help="last patch of the series that is there"
    )
    where = render.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="a folder that is not there yet")
    where.add_argument("--as-patch", type=Path, metavar="FILE", help="a patch for --tree")
    render.add_argument("--tree", type=Path, metavar="DIR", help="the tree that the patch is for")


def _add_mutants(commands: Commands) -> None:
    mutants = add_command(
        commands,
        "mutants",
        "mutants.mutants",
        "do the tests notice each deliberate fault of the series?",
        (
            "kseries mutants --list",
            "kseries mutants refill lifetime",
            "kseries mutants --one-kernel                        all, without a build for each",
            "kseries mutants --generated --sample 50 --seed 7    made by machine",
        ),
    )
    mutants.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="those with this in their names; of generated ones in file:line, function, operator",
    )
    mutants.add_argument("--list", action="store_true", help="only say which there are")
    mutants.add_argument("--page", type=Path, metavar="FILE", help="write what killed which")
    mutants.add_argument(
        "--one-kernel",
        action="store_true",
        help="have those by hand in one kernel, each behind a switch, where one can be",
    )
    mutants.add_argument(
        "--generated",
        action="store_true",
        help="mutants made by machine, on the lines of the series, in place of those by hand",
    )
    mutants.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="of the generated ones, chosen by chance; 0: all (default: 300, or the run's)",
    )
    mutants.add_argument(
        "--seed", type=int, metavar="N", help="of the sample (default: 16, or the run's)"
    )
    mutants.add_argument(
        "--again", action="store_true", help="with --resume: also the generated ones that survived"
    )
    mutants.add_argument(
        "--killed-in",
        metavar="RUN",
        help="do not try those again that were killed in that run, by other cases",
    )
    mutants.add_argument(
        "--budget",
        type=float,
        metavar="S",
        help="seconds of cases for one behind a switch, the likeliest first"
        " (default: 60, by hand 600)",
    )
    mutants.add_argument(
        "--config", action="append", default=[], metavar="NAME", help="add configs/NAME.config"
    )
    mutants.add_argument("--extended", action="store_true", help="also tests that take minutes")
    options.add_machines(mutants)
    options.add_resume(mutants, "go on with a check that was ended")
    options.add_json(mutants)


def _add_bisect(commands: Commands) -> None:
    parser = add_command(
        commands,
        BISECT,
        "bisecting.bisect",
        "find the first patch of the series at which a test goes wrong",
        (
            "kseries bisect zcrx_recv                      the last run showed it",
            "kseries bisect --log 'WARNING.*io_zcrx' --series v3.mbox",
            "kseries bisect iou-zcrx --target lab1         on a lab machine, booted for each run",
        ),
    )
    parser.add_argument(
        "test", nargs="?", default="", metavar="TEST", help='"suite/program: case", or a part of it'
    )
    parser.add_argument(
        "--log", default="", metavar="PATTERN", help="a line of the kernel log, in place of a test"
    )
    options.add_run_argument(
        parser, "--run", help="the run that showed it (default: latest); its stack is searched"
    )
    options.add_resume(parser, "go on with a search that was ended")
    options.add_on(
        parser,
        "search on this lab machine (docs/hardware.md; default: the one that the run was on)",
    )
    options.add_stack(parser)
    parser.set_defaults(until=RUN_STAGES[-1], machines=0, **NO_TESTS)
