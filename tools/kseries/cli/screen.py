# SPDX-License-Identifier: GPL-2.0
"""Standard output: how wide it is, whether it shows colours, and what is put there."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from kseries.lib.errors import UserError

PROGRAM = "kseries"
REPORT_WIDTH = 100  # of a report that does not go to a terminal


def screen() -> tuple[int, bool]:
    """Give the width of what we print to, in columns, and whether it shows colours.

    NO_COLOR (https://no-color.org), where it is not empty, turns them off.
    """
    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else REPORT_WIDTH
    color = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return width, color


def program(workspace: str = "") -> str:
    """Give the words of a shell that start this kseries from the current folder.

    workspace: the one that was chosen on the command line, which others then are to choose, too.
    """
    own = Path(sys.prefix, "bin", PROGRAM)
    found = shutil.which(PROGRAM)
    is_found = found is not None and Path(found).resolve() == own.resolve()
    words = [PROGRAM if is_found or not own.is_file() else shown(own)]
    return shlex.join([*words, "--workspace", workspace] if workspace else words)


def print_json(value: object) -> None:
    """Print a value of plain types for programs."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def give(text: str, out: Path | None) -> None:
    """Print a text, or write it and say where."""
    from kseries.lib import atomicfile

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


def shown(path: Path) -> str:
    """Give a path as the reader calls it from the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
