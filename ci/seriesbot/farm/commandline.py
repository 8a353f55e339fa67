# SPDX-License-Identifier: GPL-2.0
"""The commands `seriesbot buildbot …`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kseries.cli.parser import Parser
from seriesbot.farm import setting_up, starting
from seriesbot.farm.folders import MasterFile

if TYPE_CHECKING:
    from kseries.cli.parser import Commands

FIELDS = ("www", "listen", "url", "db")


def add(parser: Parser) -> None:
    """Add the commands below `seriesbot buildbot`. Each gives lines to be printed, or stays."""
    commands: Commands = parser.add_subparsers(required=True, metavar="COMMAND")
    usual = MasterFile()
    master = commands.add_parser("master", help="make a master's folder, or change it")
    master.add_argument("folder", type=_folder, metavar="DIR")
    master.add_argument(
        *("--worker", "-w"),
        action="append",
        default=[],
        metavar="NAME",
        help="let a worker of this name come; makes a file for it with its password",
    )
    master.add_argument("--www", metavar="HOST:PORT", help=f"of its web page ({usual.www})")
    master.add_argument("--listen", metavar="HOST:PORT", help=f"for workers ({usual.listen})")
    master.add_argument("--url", metavar="URL", help="where others see the web page")
    master.add_argument("--db", metavar="URL", help="postgresql+psycopg2://…; default: SQLite")
    master.set_defaults(lines=_master, parser=master)
    worker = commands.add_parser("worker", help="make a worker's folder")
    worker.add_argument("folder", type=_folder, metavar="DIR")
    worker.add_argument("--master", required=True, metavar="HOST:PORT", help="where it listens")
    worker.add_argument(
        "--login", required=True, type=Path, metavar="FILE", help="that the master made for it"
    )
    worker.set_defaults(lines=_worker, parser=worker)
    start = commands.add_parser("start", help="be the master or worker of a folder, until ended")
    start.add_argument("folder", type=_folder, metavar="DIR")
    start.set_defaults(lines=_start, parser=start)


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _master(arguments: Namespace) -> Iterator[str]:
    told = {name: getattr(arguments, name) for name in FIELDS}
    return setting_up.master(arguments.folder, told, arguments.worker)


def _worker(arguments: Namespace) -> Iterator[str]:
    return setting_up.worker(arguments.folder, arguments.master, arguments.login)


def _start(arguments: Namespace) -> Iterator[str]:
    starting.start(arguments.folder)
