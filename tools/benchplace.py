# SPDX-License-Identifier: GPL-2.0
"""A project and a cache of their own to measure in; for the bench_*.py beside this file."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.paths import Cache, Project
from kseries.lib.runfolder import RunFolder
from kseries.model import RunResult
from kseries.names import LATEST
from kseries.verdict import document

LIMIT_S = 4 * 3600.0


@dataclass(frozen=True)
class Place:
    """Where it is measured: the project's own files with an empty out/."""

    project: Project
    cache: Cache

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that kseries is started with."""
        return {
            "KSERIES_ROOT": str(self.project.root),
            "KSERIES_WORKSPACE": "",
            "XDG_CACHE_HOME": str(self.cache.root.parent),
        }

    @property
    def latest(self) -> RunFolder:
        """Give the last run."""
        return RunFolder((self.project.runs / LATEST).resolve())

    @property
    def result(self) -> RunResult:
        """Give the document of the last run."""
        return document.read(self.latest)

    def kseries(self, *words: str) -> float:
        """Carry out a command; give its wall time in seconds. Raises InfraError where it fails."""
        started = time.monotonic()
        proc.run(
            [sys.executable, "-m", "kseries", *words],
            cwd=self.project.root,
            deadline=Deadline.after(LIMIT_S),
            env=self.environment,
            on_line=_show,
        )
        return time.monotonic() - started


def _show(line: str) -> None:
    sys.stderr.write(f"  {line}\n")


@contextmanager
def place(*taken: str) -> Iterator[Place]:
    """Give a place that is removed at the end. taken: folders of the user's cache to copy."""
    real, mine = Project.find(), Cache.find()
    real.out.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=real.out))
    try:
        made = Place(Project(folder / "project"), Cache(folder / "cache" / "kseries"))
        made.project.root.mkdir()
        for name in ("kernel", "patches", "configs", "tools"):
            (made.project.root / name).symlink_to(real.root / name)
        for name in taken:
            if (mine.root / name).is_dir():
                shutil.copytree(mine.root / name, made.cache.root / name, symlinks=True)
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
