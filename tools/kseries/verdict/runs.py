# SPDX-License-Identifier: GPL-2.0
"""The runs that there are, those that cannot be read included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import RunResult
from kseries.verdict import document


@dataclass(frozen=True)
class ListedRun:
    """A run folder. result: None where it cannot be read, and `problem` says why."""

    name: str
    result: RunResult | None
    problem: str = ""


def listed(runs: Path) -> tuple[ListedRun, ...]:
    """Give the runs of a folder, newest first. Names begin with the time, so they tell."""
    if not runs.is_dir():
        return ()
    folders = (path for path in runs.iterdir() if _is_run(path))
    return tuple(_read(path) for path in sorted(folders, reverse=True))


def _is_run(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def _read(path: Path) -> ListedRun:
    try:
        return ListedRun(path.name, document.read(RunFolder(path)))
    except UserError as error:
        # What there is to do is told when the run itself is asked for.
        return ListedRun(path.name, None, f"{error.what} {error.where}".strip())
    except OSError as error:
        return ListedRun(path.name, None, f"{error.strerror}: {error.filename}")
