# SPDX-License-Identifier: GPL-2.0
"""The options that make a request."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kseries.model import Request
from kseries.stacks.stack import DEFAULT_STACK, PLAIN_STACK


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is built."""
    parser.add_argument(
        "--stack",
        default="",
        help=f"name or file (default: {DEFAULT_STACK}; {PLAIN_STACK} for a series or tree)",
    )
    parser.add_argument("--source", default="", help="other kernel source: name, file or folder")
    parser.add_argument(
        "--series", default="", help="series to test: name, folder, mbox, message id or link"
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="the series may be incomplete: test the patches there are",
    )
    parser.add_argument("--tree", default="", metavar="DIR", help="a kernel tree as it lies there")
    parser.add_argument(
        "--config", action="append", default=[], metavar="NAME", help="add configs/NAME.config"
    )
    parser.add_argument(
        "--exact-config",
        action="store_true",
        help="the config as the stack says: do not turn on what compiles the changed files",
    )
    parser.add_argument("--archive", default="", metavar="URL", help="public-inbox to ask")
    parser.add_argument(
        "--trusted", action="store_true", help="the series is trusted: build without the sandbox"
    )
    parser.add_argument(
        "--incremental",
        action="store_true",
        help="all versions of it that are built here come from one hand: build upon the last",
    )
    parser.add_argument("--jobs", type=_count, default=0, metavar="N", help="of make")


def add_test_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is run on it."""
    parser.add_argument(
        "-k",
        dest="only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only these programs or cases; may be given more than once",
    )
    parser.add_argument(
        "--extended",
        action="store_true",
        help="also the tests that take minutes (with --config debug they always run)",
    )
    parser.add_argument(
        "--machines",
        type=_count,
        default=0,
        metavar="N",
        help="run tests on N machines side by side (default: as many as the host can carry)",
    )


def request(arguments: argparse.Namespace) -> Request:
    """Give what was asked for; both kinds of options must be there."""
    return Request(
        stack=_place(arguments.stack),
        source=_place(arguments.source),
        series=_place(arguments.series),
        tree=_place(arguments.tree),
        partial=arguments.partial,
        configs=tuple(arguments.config),
        exact_config=arguments.exact_config,
        only=tuple(arguments.only),
        extended=arguments.extended,
        archive=arguments.archive,
        trusted=arguments.trusted,
        incremental=arguments.incremental,
        jobs=arguments.jobs,
        machines=arguments.machines,
        until=arguments.until,
        baseline=arguments.baseline,
        command=("kseries", *sys.argv[1:]),
    )


def _place(given: str) -> str:
    """Make a path independent of the current folder, which a resumed run does not know."""
    looks_like_path = "/" in given or given.endswith((".toml", ".mbox"))
    return str(Path(given).resolve()) if looks_like_path and Path(given).exists() else given


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count
