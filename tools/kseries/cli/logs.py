# SPDX-License-Identifier: GPL-2.0
"""The command `parse`: a saved log, read as the tests of a run are."""

from __future__ import annotations

import datetime
import time
from argparse import Namespace
from pathlib import Path

import kseries
from kseries.cli.screen import REPORT_WIDTH, give, screen
from kseries.parse import logfile
from kseries.report import formats, terminal
from kseries.verdict import savedlog


def parse(arguments: Namespace) -> int:
    """Read a log and show what it says."""
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
    give(text, arguments.out)
    return result.exit_code


def _written(file: str) -> str:
    """Tell when a log was written; now, where it just comes in."""
    at = time.time() if file == logfile.STDIN else Path(file).stat().st_mtime
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="seconds")
