# SPDX-License-Identifier: GPL-2.0
"""What all programs of one sandbox may take together, of memory and of disk.

The limits of setrlimit(2) hold for each process: a thousand of them, each within its own, can
still take all there is. So the sandbox is looked at while it runs, once a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kseries.lib import proc
from kseries.lib.errors import CheckFailed
from kseries.lib.proc import Child
from kseries.lib.untrusted import GIB, NotThere, Untrusted

# A whole kernel with DWARF, BTF and KASAN takes 6 GiB of disk, and a compiler cache of it as much.
DISK_LIMIT = 20 * GIB
MEMORY_SHARE = 0.75
# Files of all folders are counted only when the disk has lost so much since they were last.
LOOK_AGAIN = DISK_LIMIT // 8
MOST_FILES = 2_000_000
DISK_EVERY_S = 1.0


class Guard:
    """Looks after a sandbox; call it again and again while that runs.

    folders: what it can write. memory: bytes that its processes may have resident, pages that they
    share counted for each. disk: bytes that may lie in the folders. Raises CheckFailed.
    """

    def __init__(self, folders: Sequence[Path], *, memory: int = 0, disk: int = DISK_LIMIT) -> None:
        self._folders = folders
        self._memory = memory or round(MEMORY_SHARE * proc.PAGE * os.sysconf("SC_PHYS_PAGES"))
        self._disk = disk
        self._free = _free(folders)
        self._looked = time.monotonic()

    def __call__(self, child: Child) -> None:
        """Look once."""
        used = sum(process.resident for process in proc.descendants(child.pid))
        if used > self._memory:
            raise _too_much("memory", used, self._memory)
        if time.monotonic() - self._looked >= DISK_EVERY_S:
            self.look_at_disk()

    def look_at_disk(self) -> None:
        """Count what lies in the folders, where the disk has lost enough for it to be too much."""
        self._looked = time.monotonic()
        free = _free(self._folders)
        if self._free - free < min(LOOK_AGAIN, self._disk):
            return
        self._free = free
        used = sum(_size(folder) for folder in self._folders)
        if used > self._disk:
            raise _too_much("disk", used, self._disk)


def _too_much(what: str, used: int, limit: int) -> CheckFailed:
    return CheckFailed(
        f"The code of the tree took more {what} than it may: {used / GIB:.1f} GiB.",
        where=f"limit: {limit / GIB:.1f} GiB for all that runs in the sandbox together",
        do="look at what the series does in Makefiles, Kconfig, scripts and tests",
    )


def _free(folders: Sequence[Path]) -> int:
    """Give the free bytes of the disks of folders; one that somebody removed counts as full."""
    found = 0
    for folder in folders:
        with suppress(FileNotFoundError):
            disk = os.statvfs(folder)
            found += disk.f_bavail * disk.f_frsize
    return found


def _size(folder: Path) -> int:
    """Give the bytes on disk below a folder; one that is gone has none. Raises NotPlain."""
    try:
        return sum(file.blocks * 512 for file in Untrusted(folder).files(count=MOST_FILES))
    except NotThere:
        return 0
