# SPDX-License-Identifier: GPL-2.0
"""The command line: every subcommand with its options, and which function carries it out.

Nothing that a subcommand needs is imported here, nor by the modules of `parsers`, so that help,
completion and mistakes are told at once: a handler is named ("runs.run" is `run` of
`kseries.cli.runs`), and imported when chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import kseries
from kseries.cli import options
from kseries.cli.parser import Parser
from kseries.cli.parsers import bench, hardware, reports, runs, search, upkeep

if TYPE_CHECKING:
    from kseries.cli.parser import Commands

DESCRIPTION = "Does a Linux kernel patch series apply, build, boot, work and break nothing?"
EPILOG = """\
examples:
  kseries run                              the default stack, to a verdict
  kseries run --series v3.mbox             a series from a mailbox
  kseries run --tree ~/linux               a tree as it lies there
  kseries report                           the last run again

Each command has a --help of its own. Settings: `kseries config show`.

Exit codes: 0 pass, 1 a test or check failed, 2 usage, 3 infrastructure lost.
"""


def build_parser() -> Parser:
    """Make the parser; each subcommand sets `command` to the handler's name, `parser` to itself."""
    parser = Parser(prog="kseries", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"kseries {kseries.__version__}")
    options.add_common(parser)
    parser.set_defaults(verbosity=0, workspace="")
    commands: Commands = parser.add_subparsers(required=True, metavar="COMMAND")
    runs.add(commands)
    reports.add(commands)
    search.add(commands)
    bench.add(commands)
    hardware.add(commands)
    upkeep.add(commands)
    return parser
