# SPDX-License-Identifier: GPL-2.0
"""Commands that look after the host and the cache: doctor, cache."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kseries.cli.commands import Commands
from kseries.host import cache as cachefolder
from kseries.host import doctor
from kseries.lib.paths import Cache, Project

MARK = {
    doctor.Health.OK: "[green]ok[/]",
    doctor.Health.SLOW: "[yellow]slow[/]",
    doctor.Health.OPEN: "[yellow]open[/]",
    doctor.Health.MISSING: "[red]missing[/]",
}


def add_commands(commands: Commands) -> None:
    """Add `doctor` and `cache`."""
    parser = commands.add_parser(
        "doctor", help="check this host; print the command that fixes each problem"
    )
    parser.set_defaults(command=_doctor)
    cache = commands.add_parser("cache", help="show or clear what runs share")
    actions = cache.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("show", help="list it with sizes").set_defaults(command=_show)
    clear = actions.add_parser("clear", help="remove what no run uses; all but runs can be rebuilt")
    clear.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help=f"default: all that clones share; or of: {', '.join(cachefolder.BY_NAME)}",
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
        if finding.fix:
            console.print(f"\n{finding.name}: {finding.found}\n    {finding.fix}", markup=False)
    return 0 if doctor.healthy(findings) else 3


def _show(_arguments: argparse.Namespace) -> int:
    project, cache = Project.find(), Cache.find()
    allowed = (f"{name}={size / cachefolder.GIB:g}" for name, size in cachefolder.limits().items())
    found = cachefolder.items(project, cache) + cachefolder.others(project, cache)
    console = Console(file=sys.stdout)
    for root in (cache.root, project.out):
        here = [item for item in found if item.path.is_relative_to(root)]
        print(_printable(str(root)))
        console.print(_table(here))
        print()
    print(f"limits in GiB, as {cachefolder.LIMITS} takes them:\n  {','.join(allowed)}")
    return 0


def _table(found: Sequence[cachefolder.Item]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "size", "last used", "", "item"):
        table.add_column(heading, justify="right" if heading == "size" else "left")
    for item in found:
        used = datetime.datetime.fromtimestamp(item.used, tz=datetime.UTC).astimezone()
        mark = "in use" if item.in_use else ""
        name = Text(_printable(item.name), overflow="fold")
        table.add_row(item.kind, megabytes(item.size), f"{used:%Y-%m-%d %H:%M}", mark, name)
    table.add_row("[bold]all[/]", megabytes(sum(item.size for item in found)), "", "", "")
    return table


def _clear(arguments: argparse.Namespace) -> int:
    project, cache = Project.find(), Cache.find()
    done = cachefolder.clear(project, cache, arguments.kinds)
    print(f"{megabytes(done.freed)} set free")
    for item in done.left:
        print(f"kept, as a run uses it: {item.kind} {_printable(item.name)}")
    return 0


def _printable(name: str) -> str:
    """Make visible what a name holds that is not text."""
    text = name.encode(errors="backslashreplace").decode()
    return text if text.isprintable() else repr(text)[1:-1]


def megabytes(size: int) -> str:
    """Give a size in bytes as people read it."""
    return f"{size / 1e6:,.0f} MB"
