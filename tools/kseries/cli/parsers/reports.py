# SPDX-License-Identifier: GPL-2.0
"""Subcommands that show what runs have found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kseries.cli import options
from kseries.cli.parsers.common import add_command
from kseries.names import LATEST
from kseries.report import formats

if TYPE_CHECKING:
    from kseries.cli.parser import Commands


def add(commands: Commands) -> None:
    """Add them."""
    _add_reports(commands)
    _add_b4(commands)
    _add_lists(commands)


def _add_reports(commands: Commands) -> None:
    report = add_command(
        commands,
        "report",
        "reports.report",
        "show the results of a run",
        (
            "kseries report                                the last one",
            "kseries report 20261122T101500-zcrx-v7 --format html",
            "kseries report ~/mail/run/ --format mail      one that somebody sent you",
        ),
    )
    options.add_run_argument(report, "run", nargs="?", default=LATEST)
    options.add_format(report, formats.NAMES)
    compare = add_command(
        commands,
        "compare",
        "reports.compare",
        "say what changed between two runs; exit code 1 for a new failure",
        ("kseries compare 20261121T093000-zcrx-v7       with the last one",),
    )
    options.add_run_argument(compare, "before")
    options.add_run_argument(compare, "after", nargs="?", default=LATEST)
    compare.add_argument(
        "--factor",
        type=options.factor,
        metavar="N",
        help="name tests that take N times as long (default: 2)",
    )
    options.add_json(compare)
    parse = add_command(
        commands,
        "parse",
        "logs.parse",
        "read a saved log of kselftest, KUnit, liburing or TAP",
        (
            "kseries parse console.log.gz",
            "ssh lab dmesg | kseries parse -",
            "kseries parse kunit.log --format junit --out kunit.xml",
        ),
    )
    parse.add_argument("file", metavar="FILE", help="plain or .gz; `-` for standard input")
    options.add_format(parse, formats.NAMES_FOR_LOGS)
    schema = add_command(
        commands, "schema", "schemas.schema", "give the JSON Schema of results.json"
    )
    schema.add_argument(
        "--bench",
        nargs="?",
        const="program",
        choices=("program", "document"),
        help="of what zcrx_bench prints, in place of that; with `document`, of bench.json",
    )
    options.add_out(schema)


def _add_b4(commands: Commands) -> None:
    b4 = add_command(
        commands,
        "b4",
        "b4checks.check",
        "what runs found of a mail on standard input, for check commands of b4",
        (
            "git config b4.review-perpatch-check-cmd 'kseries b4 patch'",
            "git config b4.review-series-check-cmd 'kseries b4 series'",
            "git config b4.prep-perpatch-check-cmd 'kseries b4 prep'",
        ),
    )
    b4.add_argument(
        "kind",
        choices=("patch", "series", "prep"),
        help="what asks: b4 review for each patch or for the series, or b4 prep --check",
    )


def _add_lists(commands: Commands) -> None:
    for name, told in (
        ("runs", "list the runs, newest first"),
        ("stacks", "list the stacks that there are"),
        ("flakes", "list tests that failed, flaky ones first"),
    ):
        options.add_json(add_command(commands, name, f"lists.{name}", told))
