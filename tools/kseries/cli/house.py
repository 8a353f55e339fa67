# SPDX-License-Identifier: GPL-2.0
"""Commands that look after the host and the cache: doctor, cache."""

from __future__ import annotations

import argparse
import datetime
import sys

from rich.console import Console
from rich.table import Table

from kseries import cachefolder, doctor
from kseries.cli.commands import Commands
from kseries.paths import Cache, Project
from kseries.progress import Silent

MARK = {
    doctor.Health.OK: "[green]ok[/]",
    doctor.Health.SLOW: "[yellow]slow[/]",
    doctor.Health.LACK: "[red]lack[/]",
}


def add_commands(commands: Commands) -> None:
    """Add `doctor` and `cache`."""
    parser = commands.add_parser("doctor", help="check this host; print what mends each lack")
    parser.set_defaults(command=_doctor)
    cache = commands.add_parser("cache", help="show or clear what clones share")
    actions = cache.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("show", help="list it with sizes").set_defaults(command=_show)
    clear = actions.add_parser("clear", help="remove it; all of it can be made again")
    clear.add_argument(
        "kinds", nargs="*", metavar="KIND", help=f"one of: {', '.join(cachefolder.KINDS)}"
    )
    clear.set_defaults(command=_clear)


def _doctor(_arguments: argparse.Namespace) -> int:
    findings = doctor.examine(Project.find(), Cache.find())
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(MARK[finding.health], finding.name, finding.found)
    console = Console(file=sys.stdout)
    console.print(table)
    for finding in findings:
        if finding.mend:
            console.print(f"\n{finding.name}: {finding.found}\n    {finding.mend}", markup=False)
    return 0 if doctor.healthy(findings) else 3


def _show(_arguments: argparse.Namespace) -> int:
    cache = Cache.find()
    found = cachefolder.items(cache)
    table = Table(title=str(cache.root), title_justify="left", box=None, pad_edge=False)
    for heading in ("kind", "size", "changed", "item"):
        table.add_column(heading, justify="right" if heading == "size" else "left")
    for item in found:
        changed = datetime.datetime.fromtimestamp(item.used, tz=datetime.UTC).astimezone()
        table.add_row(item.kind, megabytes(item.size), f"{changed:%Y-%m-%d %H:%M}", item.name)
    table.add_row("[bold]all[/]", megabytes(sum(item.size for item in found)), "", "")
    Console(file=sys.stdout).print(table)
    return 0


def _clear(arguments: argparse.Namespace) -> int:
    cache = Cache.find()
    freed = cachefolder.clear(cache, arguments.kinds, Silent())
    print(f"{megabytes(freed)} set free in {cache.root}")
    return 0


def megabytes(size: int) -> str:
    """Give a size in bytes as people read it."""
    return f"{size / 1e6:,.0f} MB"
