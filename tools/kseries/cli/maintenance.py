# SPDX-License-Identifier: GPL-2.0
"""Commands that look after the host and the cache: doctor, cache."""

from __future__ import annotations

import datetime
import sys
from argparse import Namespace
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kseries.cli.screen import print_json, program
from kseries.host import cache as cachefolder
from kseries.host import doctor as checks
from kseries.lib import settings
from kseries.lib.paths import Cache, Project
from kseries.report.words import typed

MARK = {
    checks.Health.OK: "[green]ok[/]",
    checks.Health.SLOW: "[yellow]slow[/]",
    checks.Health.OPEN: "[yellow]open[/]",
    checks.Health.MISSING: "[red]missing[/]",
}


def doctor(arguments: Namespace) -> int:
    """Check the host."""
    findings = checks.examine(Project.find(arguments.workspace), Cache.find())
    code = 0 if checks.healthy(findings) else 3
    if arguments.json:
        print_json(
            [
                {"name": f.name, "health": f.health.value, "found": f.found, "fix": f.fix}
                for f in findings
            ]
        )
        return code
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(MARK[finding.health], finding.name, finding.found)
    console = Console(file=sys.stdout)
    console.print(table)
    for finding in findings:
        if finding.fix:
            fix = typed(finding.fix, program(arguments.workspace))
            console.print(f"\n{finding.name}:\n    {fix}", markup=False)
    return code


def show_cache(arguments: Namespace) -> int:
    """List what is kept."""
    project, cache = Project.find(arguments.workspace), Cache.find()
    allowed = {name: size / cachefolder.GIB for name, size in cachefolder.limits().items()}
    found = cachefolder.items(project, cache) + cachefolder.others(project, cache)
    if arguments.json:
        items = [
            {
                "kind": item.kind,
                "name": _printable(item.name),
                "path": _printable(str(item.path)),
                "bytes": item.size,
                "used": _when(item).isoformat(timespec="seconds"),
                "in_use": item.in_use,
            }
            for item in found
        ]
        print_json({"items": items, "limits_gib": allowed})
        return 0
    console = Console(file=sys.stdout)
    for root in (cache.root, project.out):
        here = [item for item in found if item.path.is_relative_to(root)]
        print(_printable(str(root)))
        console.print(_table(here))
        print()
    given = ",".join(f"{name}={gib:g}" for name, gib in allowed.items())
    print(f"limits in GiB, as {settings.variable(settings.LIMITS)} takes them:\n  {given}")
    return 0


def _table(found: Sequence[cachefolder.Item]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "size", "last used", "", "item"):
        table.add_column(heading, justify="right" if heading == "size" else "left")
    for item in found:
        used = _when(item).astimezone()
        mark = "in use" if item.in_use else ""
        name = Text(_printable(item.name), overflow="fold")
        table.add_row(item.kind, megabytes(item.size), f"{used:%Y-%m-%d %H:%M}", mark, name)
    table.add_row("[bold]all[/]", megabytes(sum(item.size for item in found)), "", "", "")
    return table


def clear_cache(arguments: Namespace) -> int:
    """Remove what is kept and not in use."""
    project, cache = Project.find(arguments.workspace), Cache.find()
    done = cachefolder.clear(project, cache, arguments.kinds)
    print(f"{megabytes(done.freed)} set free")
    for item in done.left:
        print(f"kept, as a run uses it: {item.kind} {_printable(item.name)}")
    return 0


def _when(item: cachefolder.Item) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(item.used, tz=datetime.UTC)


def _printable(name: str) -> str:
    """Make visible what a name holds that is not text."""
    text = name.encode(errors="backslashreplace").decode()
    return text if text.isprintable() else repr(text)[1:-1]


def megabytes(size: int) -> str:
    """Give a size in bytes as people read it."""
    return f"{size / 1e6:,.0f} MB"
