# SPDX-License-Identifier: GPL-2.0
"""The subcommand `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kseries.cli import options
from kseries.cli.parser import Parser
from kseries.cli.parsers.common import NO_TESTS, add_command
from kseries.names import REBUILDS

if TYPE_CHECKING:
    from kseries.cli.parser import Commands


def add(commands: Commands) -> None:
    """Add it."""
    parser = add_command(
        commands,
        "bench",
        "bench.bench",
        "what it costs to receive: zero copy against other ways, in instructions of a guest",
        (
            "kseries bench                       all receivers, 60, 32 and 4 KiB; minutes",
            "kseries bench zcrx late             only what has these in its name",
            "kseries bench --run latest --full   on the kernel of a run",
            "kseries bench --each-patch          what does each patch add to other paths?",
            "kseries bench --show latest         the report again",
            "kseries bench --history getpid      one figure of all runs that are kept",
            "kseries bench --program DIR --compare debian-6.12..v3.mbox",
            "                                    what does a series cost a program of yours?",
            "kseries bench --target lab1         throughput and CPU use over a lab machine's NIC",
        ),
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only what has all of these in its name"
    )
    parser.add_argument("--full", action="store_true", help="everything there is to compare")
    parser.add_argument(
        "--each-patch",
        action="store_true",
        help="measure paths that were there before the series (epoll, io_uring, TCP requests, UDP),"
        " on the base and after each of its patches; builds a kernel for each",
    )
    parser.add_argument(
        "--rebuilds",
        type=options.count,
        default=REBUILDS,
        metavar="N",
        help="with --each-patch and --program: kernels that are built anew with nothing changed, to"
        " learn how much figures differ by themselves (default: %(default)s)",
    )
    parser.add_argument(
        "--program",
        default="",
        metavar="DIR",
        help="measure a program of yours in place of receivers: a folder with C sources or a"
        " Makefile, marked by kseries_bench.h",
    )
    parser.add_argument(
        "--compare",
        default="",
        metavar="BASE..SERIES",
        help="with --program: on which two kernels, each a stack, source or series;"
        " ..SERIES: with and without the series",
    )
    parser.add_argument("--list", action="store_true", help="only say what would be measured")
    options.add_run_argument(parser, "--run", default="", help="measure the kernel of that run")
    options.add_resume(parser, "measure what is missing of a session that was ended")
    options.add_run_argument(parser, "--show", default="", help="the report of that run again")
    parser.add_argument(
        "--history",
        action="store_true",
        help="the figures of all runs that are kept, over their time; NAME: only those",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="with --history: as a page with charts, there"
    )
    parser.add_argument(
        "--deadline",
        type=options.seconds,
        default=120.0,
        metavar="S",
        help="of one measurement, on this host's clock (default: %(default)g)",
    )
    _add_bench_target(parser)
    options.add_stack(parser)
    options.add_machines(parser)
    options.add_json(parser)
    parser.set_defaults(until="install", **NO_TESTS)


def _add_bench_target(parser: Parser) -> None:
    options.add_on(
        parser,
        "measure on this lab machine (docs/hardware.md), its peer sending, in place of counting"
        " instructions",
    )
    parser.add_argument(
        "--seconds",
        type=options.count,
        default=10,
        metavar="N",
        help="with --target: of one measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--repeat",
        type=options.count,
        default=5,
        metavar="N",
        help="with --target: measure each so often, in turns (default: %(default)s)",
    )
    parser.add_argument(
        "--mtu",
        type=options.count,
        default=0,
        metavar="N",
        help="with --target: of both ports (default: 4 KiB of payload and its headers)",
    )
