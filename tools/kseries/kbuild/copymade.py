# SPDX-License-Identifier: GPL-2.0
"""Copy a build folder so that make finds it newer than the tree, and so has nothing to do.

make compares times. A worktree that was just checked out is newer than all that was built of it
elsewhere, so what is copied gets times of now, in the order that they had.

Both folders belong to code in the sandbox, which is where this runs:
`python -m kseries.kbuild.copymade FROM TO`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

# Between two times that were apart: more than a file system's clock may round to.
APART_NS = 10_000


def copy(made: Path, to: Path) -> None:
    """Copy the plain files, links and folders of `made` to the folder `to`, which is there."""
    begun = time.time_ns()
    files: list[Path] = []
    for folder, folders, names in os.walk(made):
        place = to / Path(folder).relative_to(made)
        place.mkdir(exist_ok=True)
        for name in [*names, *folders]:
            source = Path(folder, name)
            if source.is_symlink():
                (place / name).unlink(missing_ok=True)
                (place / name).symlink_to(source.readlink())
            elif source.is_file():
                shutil.copyfile(source, place / name)
                (place / name).chmod(source.stat().st_mode & 0o777)
                files.append(source)
    times = {file: file.stat().st_mtime_ns for file in files}
    places = {each: rank for rank, each in enumerate(sorted(set(times.values())))}
    for file, changed in times.items():
        now = begun + places[changed] * APART_NS
        os.utime(to / file.relative_to(made), ns=(now, now))


if __name__ == "__main__":
    copy(Path(sys.argv[1]), Path(sys.argv[2]))
