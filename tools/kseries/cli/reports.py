# SPDX-License-Identifier: GPL-2.0
"""Commands that show results: `report`, `compare`; and the report of a run that ended."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Collection
from dataclasses import replace

from kseries.cli.screen import REPORT_WIDTH, give, print_json, program, screen, shown
from kseries.lib import atomicfile, runfolder
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.runfolder import RunFolder
from kseries.model import RunResult, StageState
from kseries.names import BISECT
from kseries.report import formats
from kseries.verdict import document

TEXT = "report.txt"
PAGE = "report.html"


def report(arguments: Namespace) -> int:
    """Show a run in one of the formats."""
    workspace = arguments.workspace
    runs = Project.find(workspace).runs
    run = runfolder.find(runs, arguments.run)
    result = document.read(run)
    out = arguments.out
    if arguments.format == formats.TERMINAL and out is None:
        width, color = screen()
        sys.stdout.write(_text(result, run, width, workspace, color=color))
        return result.exit_code
    if arguments.format == formats.HTML and out is None:
        if not runfolder.is_own(runs, run):
            raise UserError(
                "Nothing is written into a run that is not one of this project's.",
                where=str(run.path),
                do="name a file for the page: --out FILE",
            )
        out = run.path / PAGE
    if arguments.format == formats.TERMINAL:
        text = _text(result, run, REPORT_WIDTH, workspace, color=False)
    else:
        text = formats.RENDER[arguments.format](result)
    give(text, out)
    return result.exit_code


def compare(arguments: Namespace) -> int:
    """Tell what changed from one run to another."""
    from kseries.report import changes
    from kseries.verdict import comparison

    runs = Project.find(arguments.workspace).runs
    before, after = (
        document.read(runfolder.find(runs, name)) for name in (arguments.before, arguments.after)
    )
    found = comparison.compare(before, after, factor=arguments.factor or comparison.FACTOR)
    if arguments.json:
        print_json(changes.for_programs(found))
    else:
        width, color = screen()
        sys.stdout.write(changes.render(found, width=width, color=color))
    return found.exit_code


def show(
    result: RunResult, run: RunFolder, workspace: str = "", noted: Collection[str] = ()
) -> None:
    """Print the report of a run; keep it, and the page, beside the document they are made from.

    workspace: as it was chosen on the command line. noted: what was said while it ran; who saw
    that on the same terminal is not told again.
    """
    atomicfile.write_text(run.path / TEXT, _text(result, run, REPORT_WIDTH, workspace, color=False))
    atomicfile.write_text(run.path / PAGE, formats.RENDER[formats.HTML](result))
    width, color = screen()
    if sys.stdout.isatty() and sys.stderr.isatty():
        result = replace(result, notes=tuple(n for n in result.notes if n not in noted))
    sys.stdout.write(_text(result, run, width, workspace, color=color))


def _text(result: RunResult, run: RunFolder, width: int, workspace: str, *, color: bool) -> str:
    """Give the report of a run for people; of a bisection, what it found."""
    place = {"folder": shown(run.path), "program": program(workspace)}
    states = [stage.state for stage in result.stages if stage.name == BISECT]
    ended = StageState.DONE in states or StageState.FAILED in states
    # What an earlier attempt found is not what this one did.
    if ended and run.has(BISECT):
        from kseries.report import bisection
        from kseries.verdict.bisection import read

        return bisection.render(read(run), result, width=width, color=color, **place)
    from kseries.report import terminal

    return terminal.render(result, width=width, color=color, **place)
