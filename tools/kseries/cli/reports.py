# SPDX-License-Identifier: GPL-2.0
"""Commands that show what there is: `report`, `runs`, `compare`, `flakes`, `parse`, `schema`."""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import kseries
from kseries.bisect import bisect
from kseries.cli.commands import Commands
from kseries.lib import atomicfile, runfolder
from kseries.lib.errors import UserError
from kseries.lib.paths import Cache, Project
from kseries.lib.runfolder import RunFolder
from kseries.model import RunResult, StageState
from kseries.parse import logfile
from kseries.report import bisection, changes, flakelist, formats, runlist, terminal
from kseries.verdict import comparison, document, history, savedlog
from kseries.verdict.bisection import read as read_bisection
from kseries.verdict.runs import listed

REPORT_WIDTH = 100  # of a report that does not go to a terminal


def add_commands(commands: Commands) -> None:
    """Add `report`, `runs`, `compare`, `flakes`, `parse` and `schema`."""
    report = commands.add_parser("report", help="show the results of a run")
    report.add_argument("run", nargs="?", default=runfolder.LATEST, metavar="RUN")
    _add_format_options(report, formats.NAMES)
    report.set_defaults(command=_report)
    runs = commands.add_parser("runs", help="list the runs, newest first")
    runs.set_defaults(command=_runs)
    compare = commands.add_parser("compare", help="say what changed between two runs")
    compare.add_argument("before", metavar="RUN")
    compare.add_argument("after", nargs="?", default=runfolder.LATEST, metavar="RUN")
    compare.add_argument(
        "--factor",
        type=_factor,
        default=comparison.FACTOR,
        metavar="N",
        help="name tests that take N times as long (default: %(default)g)",
    )
    compare.set_defaults(command=_compare)
    flakes = commands.add_parser("flakes", help="list tests that failed, flaky ones first")
    flakes.set_defaults(command=_flakes)
    parse = commands.add_parser(
        "parse", help="read a saved log of kselftest, KUnit, liburing or TAP"
    )
    parse.add_argument("file", metavar="FILE", help="plain or .gz; `-` for standard input")
    _add_format_options(parse, formats.NAMES_FOR_LOGS)
    parse.set_defaults(command=_parse)
    schema = commands.add_parser("schema", help="give the JSON Schema of results.json")
    schema.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")
    schema.set_defaults(command=_schema)


def _add_format_options(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    parser.add_argument("--format", choices=names, default=formats.TERMINAL)
    parser.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")


def _factor(text: str) -> float:
    factor = float(text)
    if not factor > 1:
        raise argparse.ArgumentTypeError("must be more than 1")
    return factor


def _report(arguments: argparse.Namespace) -> int:
    runs = Project.find().runs
    run = runfolder.find(runs, arguments.run)
    result = document.read(run)
    out = arguments.out
    if arguments.format == formats.TERMINAL and out is None:
        width, color = screen()
        sys.stdout.write(_text(result, run, width, color=color))
        return result.exit_code
    if arguments.format == formats.HTML and out is None:
        if not runfolder.is_own(runs, run):
            raise UserError(
                "Nothing is written into a run that is not one of this project's.",
                where=str(run.path),
                do="name a file for the page: --out FILE",
            )
        out = run.path / "report.html"
    if arguments.format == formats.TERMINAL:
        text = _text(result, run, REPORT_WIDTH, color=False)
    else:
        text = formats.RENDER[arguments.format](result)
    _give(text, out)
    return result.exit_code


def _runs(_arguments: argparse.Namespace) -> int:
    width, color = screen()
    text = runlist.render(listed(Project.find().runs), width=width, color=color)
    sys.stdout.write(text)
    return 0


def _flakes(_arguments: argparse.Namespace) -> int:
    width, color = screen()
    sys.stdout.write(flakelist.render(history.read(Cache.find().history), width=width, color=color))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    runs = Project.find().runs
    before, after = (
        document.read(runfolder.find(runs, name)) for name in (arguments.before, arguments.after)
    )
    found = comparison.compare(before, after, factor=arguments.factor)
    width, color = screen()
    sys.stdout.write(changes.render(found, width=width, color=color))
    return found.exit_code


def _parse(arguments: argparse.Namespace) -> int:
    name = "standard input" if arguments.file == logfile.STDIN else Path(arguments.file).name
    begun = time.monotonic()
    with logfile.open_blocks(arguments.file) as blocks:
        log = savedlog.read(blocks, name)
    result = savedlog.result(
        log,
        name,
        started=_written(arguments.file),
        seconds=round(time.monotonic() - begun, 3),
        version=kseries.__version__,
    )
    if arguments.format == formats.TERMINAL:
        width, color = screen() if arguments.out is None else (REPORT_WIDTH, False)
        text = terminal.render(result, width=width, color=color)
    else:
        text = formats.RENDER[arguments.format](result)
    _give(text, arguments.out)
    return result.exit_code


def _schema(arguments: argparse.Namespace) -> int:
    _give(document.schema(), arguments.out)
    return 0


def _written(file: str) -> str:
    """Tell when a log was written; now, where it just comes in."""
    at = time.time() if file == logfile.STDIN else Path(file).stat().st_mtime
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="seconds")


def _give(text: str, out: Path | None) -> None:
    """Print a report, or write it and say where."""
    if out is None:
        sys.stdout.write(text)
        return
    if out.is_dir():
        raise UserError("The report is a file.", where=str(out), do="name a file: --out FILE")
    if out.exists() and not out.is_file():
        out.write_text(text)  # a device or a pipe is written to, never replaced
        return
    atomicfile.write_text(out.resolve(), text)
    print(shown(out))


def show(result: RunResult, run: RunFolder) -> None:
    """Print the report of a run; keep it beside the document it was made from."""
    atomicfile.write_text(run.path / "report.txt", _text(result, run, REPORT_WIDTH, color=False))
    width, color = screen()
    sys.stdout.write(_text(result, run, width, color=color))


def _text(result: RunResult, run: RunFolder, width: int, *, color: bool) -> str:
    """Give the report of a run for people; of a bisection, what it found."""
    folder = shown(run.path)
    states = [stage.state for stage in result.stages if stage.name == bisect.NAME]
    ended = StageState.DONE in states or StageState.FAILED in states
    # What an earlier attempt found is not what this one did.
    if ended and run.has(bisect.NAME):
        found = read_bisection(run)
        return bisection.render(found, result, width=width, color=color, folder=folder)
    return terminal.render(result, width=width, color=color, folder=folder)


def shown(path: Path) -> str:
    """Give a path as the reader calls it from the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def screen() -> tuple[int, bool]:
    """Give the width of what we print to, in columns, and whether it shows colours."""
    color = sys.stdout.isatty()
    return (shutil.get_terminal_size().columns if color else REPORT_WIDTH), color
