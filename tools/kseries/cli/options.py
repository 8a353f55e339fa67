# SPDX-License-Identifier: GPL-2.0
"""Options that several subcommands share. Nothing else is imported for them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kseries.cli import complete
from kseries.cli.parser import Parser
from kseries.names import DEFAULT_STACK, LATEST, MINUTES, PLAIN_STACK


def add_common(parser: Parser) -> None:
    """Add what every command takes, before the subcommand or behind it."""
    absent: Any = argparse.SUPPRESS  # what is given before a subcommand stays
    parser.add_argument(
        *("-v", "--verbose"),
        dest="verbosity",
        action="store_const",
        const=1,
        default=absent,
        help="say each step in a line of its own, and where an error comes from",
    )
    parser.add_argument(
        *("-q", "--quiet"),
        dest="verbosity",
        action="store_const",
        const=-1,
        default=absent,
        help="say nothing before the result",
    )
    parser.add_argument(
        "--workspace",
        default=absent,
        metavar="DIR",
        help="keep runs, trees and builds in DIR/.kseries",
    )


def add_json(parser: Parser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def add_out(parser: Parser) -> None:
    """Add `--out`."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")


def add_format(parser: Parser, names: Sequence[str]) -> None:
    """Add `--format` and `--out`. names: of formats, the usual one first."""
    parser.add_argument(
        "--format",
        choices=names,
        default=names[0],
        metavar="FORMAT",
        help=f"one of {', '.join(names)} (default: {names[0]})",
    )
    add_out(parser)


def add_run_argument(parser: Parser, name: str, **settings: Any) -> None:  # noqa: ANN401
    """Add a run as an argument."""
    complete.by(parser.add_argument(name, metavar="RUN", **settings), complete.runs)


def add_run(parser: Parser) -> None:
    """Add `--run`."""
    add_run_argument(parser, "--run", default=LATEST, help=f"default: {LATEST}")


def add_resume(parser: Parser, told: str) -> None:
    """Add `--resume`."""
    add_run_argument(parser, "--resume", help=told)


def add_target(parser: Parser) -> None:
    """Add a lab machine as an argument."""
    target = parser.add_argument("target", metavar="TARGET", help="name or file of a lab machine")
    complete.by(target, complete.targets)


def add_settings(parser: Parser) -> None:
    """Add the options of what is built that are also settings (`kseries.lib.settings`)."""
    stack = parser.add_argument(
        "--stack",
        default="",
        help=f"name or file (default: {DEFAULT_STACK}; {PLAIN_STACK} for a series or tree)",
    )
    complete.by(stack, complete.stacks)
    parser.add_argument("--archive", default="", metavar="URL", help="public-inbox to ask")
    parser.add_argument(
        "--compiler", default="", metavar="NAME", help="gcc (default), another, as gcc-14 or clang"
    )
    parser.add_argument("--jobs", type=count, default=0, metavar="N", help="of make")


def add_machines(parser: Parser) -> None:
    """Add `--machines`."""
    parser.add_argument(
        "--machines",
        type=count,
        default=0,
        metavar="N",
        help="run tests on N machines side by side (default: as many as the host can carry)",
    )


def add_stack(parser: Parser) -> None:
    """Add the options that say what is built."""
    parser.add_argument("--source", default="", help="other kernel source: name, file or folder")
    series = parser.add_argument(
        "--series", default="", help="series to test: name, folder, mbox, message id or link"
    )
    complete.by(series, complete.series)
    before = parser.add_argument(
        "--before",
        action="append",
        default=[],
        metavar="SERIES",
        help="put another series below it, as a prerequisite",
    )
    complete.by(before, complete.series)
    parser.add_argument(
        "--partial",
        action="store_true",
        help="the series may be incomplete: test the patches there are",
    )
    parser.add_argument("--tree", default="", metavar="DIR", help="a kernel tree as it lies there")
    config = parser.add_argument(
        "--config", action="append", default=[], metavar="NAME", help="add configs/NAME.config"
    )
    complete.by(config, complete.configs)
    parser.add_argument(
        "--exact-config",
        action="store_true",
        help="the config as the stack says: do not turn on what compiles the changed files",
    )
    add_settings(parser)
    parser.add_argument(
        "--trusted", action="store_true", help="the series is trusted: build without the sandbox"
    )
    parser.add_argument(
        "--incremental",
        action="store_true",
        help="all versions of it that are built here come from one hand: build upon the last",
    )


def add_tests(parser: Parser) -> None:
    """Add the options that say what is run on it."""
    parser.add_argument(
        "-k",
        dest="only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only these programs or cases; may be given more than once",
    )
    suite = parser.add_argument(
        "--suite",
        action="append",
        default=[],
        metavar="NAME",
        help="the tests of this suite, in place of the stack's or those chosen: a name, a file,"
        " kselftest/TARGET[:PROGRAM] or kunit/SYMBOL; may be given more than once",
    )
    complete.by(suite, complete.suites)
    parser.add_argument(
        "--minutes",
        type=factor,
        default=MINUTES,
        metavar="N",
        help="what tests chosen for a series may take, by a rough estimate (default: %(default)g)",
    )
    parser.add_argument(
        "--extended",
        action="store_true",
        help="also the tests that take minutes (with --config debug they always run)",
    )
    parser.add_argument(
        "--no-reruns",
        dest="reruns",
        action="store_false",
        help="do not run again what fails, to see whether it always does",
    )
    parser.add_argument(
        "--each-patch",
        action=argparse.BooleanOptionalAction,
        help="compile the series up to each of its patches: does one that bisects find a tree"
        " that builds? (default: where it takes no longer than the tests)",
    )
    add_append(parser)
    add_machines(parser)
    add_on(parser)


RUN_ON = "run tests on this lab machine (docs/hardware.md) in place of virtual ones"


def add_on(parser: Parser, told: str = RUN_ON) -> None:
    """Add `--target`. told: what it does."""
    target = parser.add_argument("--target", default="", metavar="NAME", help=told)
    complete.by(target, complete.targets)


def add_of_series(parser: Parser) -> None:
    """Add a series as an argument, and the options of a run of it."""
    parser.add_argument("of", metavar="SERIES", help="name, folder, mbox, message id or link")
    add_stack(parser)
    add_tests(parser)


def add_append(parser: Parser) -> None:
    """Add `--append`."""
    parser.add_argument(
        "--append", default="", metavar="WORDS", help="more for the kernel's command line"
    )


def add_guest(parser: Parser) -> None:
    """Add the options of a machine that is booted to try something on."""
    add_run(parser)
    parser.add_argument(
        "--put",
        action="append",
        default=[],
        metavar="FILE",
        help="copy a file or folder of this host to /put in the guest; may be repeated",
    )
    parser.add_argument(
        "--share",
        default="",
        metavar="DIR",
        help="have DIR as /shared in the guest, and what is there at the end in DIR again",
    )
    parser.add_argument(
        "--nics", action="store_true", help="make two linked interfaces, one in a namespace"
    )
    add_append(parser)


def count(text: str) -> int:
    """Read a number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def seconds(text: str) -> float:
    """Read a time in seconds."""
    number = float(text)
    if not 0 < number <= 86_400:
        raise argparse.ArgumentTypeError("must be more than 0, and a day at most")
    return number


def factor(text: str) -> float:
    """Read a number above 1."""
    number = float(text)
    if not number > 1:
        raise argparse.ArgumentTypeError("must be more than 1")
    return number
