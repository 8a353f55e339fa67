# SPDX-License-Identifier: GPL-2.0
"""The command line of the bot."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from kseries.cli.parser import Parser
from kseries.lib.errors import KseriesError
from kseries.report.printable import printable_lines
from seriesbot import config
from seriesbot.config import Home
from seriesbot.store import Store


def main(argv: Sequence[str]) -> int:
    """Carry out one command; give its exit code, which is as that of kseries."""
    arguments = _parser().parse(argv)
    try:
        result: int = arguments.run(arguments)
    except KseriesError as error:
        print(f"seriesbot: {printable_lines(str(error))}", file=sys.stderr)
        return error.exit_code
    return result


def _parser() -> Parser:
    parser = Parser(prog="seriesbot", description="The bot on the mailing list.")
    parser.add_argument(
        "--home",
        default=os.environ.get("SERIESBOT_HOME", ""),
        metavar="DIR",
        help="the bot's folder (default: $SERIESBOT_HOME, else ~/.local/state/seriesbot)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    backup = commands.add_parser("backup", help="copy the store into a file, while the bot works")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.set_defaults(run=_backup, parser=backup)
    return parser


def _home(arguments: Namespace) -> Home:
    if arguments.home:
        return Home(Path(arguments.home).expanduser().absolute())
    import platformdirs

    return Home(platformdirs.user_state_path("seriesbot"))


def _backup(arguments: Namespace) -> int:
    home = config.read(_home(arguments)).home
    with Store.opened(home.store) as store:
        store.backup(arguments.file.absolute())
    return 0
