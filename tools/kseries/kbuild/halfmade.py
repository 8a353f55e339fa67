# SPDX-License-Identifier: GPL-2.0
"""A build folder of the kernel's make: what a killed build may have left, how much is made.

kbuild writes `.X.cmd` after it has made X. When make is killed between the two, X may be cut off
and yet look newer than all it depends on: the next make would link it.

The folder belongs to code in the sandbox, which is where it is fixed: as a program
(`python -m kseries.kbuild.halfmade FOLDER`), this prints how many files it took away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# Programs below tools/ are linked without a .cmd. Those written this shortly before the newest
# file of all may have been in the writing when the build was killed. Everything else without a
# .cmd is made beside its place and renamed (filechk, Kconfig).
TOOLS = Path("tools")
LAST_MOMENT_NS = 3_000_000_000


def fix(build: Path) -> int:
    """Take away what a killed build may have left half-written; give how many files.

    Taking away too much is safe, as make makes it again.
    """
    suspects: list[Path] = []
    loose: dict[Path, int] = {}
    newest = 0
    for folder, times in _folders(build):
        newest = max([newest, *times.values()])
        for name, changed in times.items():
            path = folder / name
            if name.startswith(".") and name.endswith((".d", ".cmd")):
                suspects += _half_made(folder, name, times)
            elif f".{name}.cmd" not in times and path.is_relative_to(build / TOOLS):
                loose[path] = changed
    suspects += [path for path, changed in loose.items() if changed >= newest - LAST_MOMENT_NS]
    for path in set(suspects):
        path.unlink(missing_ok=True)
    return len(set(suspects))


def _half_made(folder: Path, name: str, times: Mapping[str, int]) -> list[Path]:
    """Judge a target by its .cmd file, or by the list of dependencies that should be gone."""
    if name.endswith(".d"):
        stem = name[1:-2]
        return [folder / other for other in (name, stem, f".{stem}.cmd") if other in times]
    target = name[1:-4]
    if times.get(target, 0) > times[name]:
        return [folder / target]
    return []


def _folders(build: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """Give each folder with its plain files and their times in nanoseconds; links are left out."""
    stack = [build]
    while stack:
        folder = stack.pop()
        times = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    times[entry.name] = entry.stat(follow_symlinks=False).st_mtime_ns
        yield folder, times


if __name__ == "__main__":
    print(fix(Path(sys.argv[1])))  # noqa: T201
