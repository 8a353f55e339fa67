# SPDX-License-Identifier: GPL-2.0
"""What a target's console shows of the kernel under test: from its start to the machine's reset."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kseries.machines.console import Watcher

_STAMPED = re.compile(r"\s*(<\d+>)?\[ *\d+\.\d{6}\]")
_BEGINS = re.compile(r"Linux version \d")
_RESETS = re.compile(r"Rebooting in \d+ seconds|reboot: ")


def of_kernel(lines: Sequence[str]) -> list[str]:
    """Give the kernel's own lines of those that came since it was started.

    What the machine shows once it was reset, firmware and its own kernel, is not the kernel's.
    """
    kept: list[str] = []
    for line in lines:
        if not _STAMPED.match(line):
            continue
        if kept and _BEGINS.search(line) and any(_BEGINS.search(each) for each in kept):
            break
        kept.append(line.strip())
        if _RESETS.search(line):
            break
    return kept


def death(lines: Sequence[str]) -> str:
    """Give the line that shows the kernel's death; "" where none does."""
    watcher = Watcher()
    for line in lines:
        watcher.take(line)
    return watcher.death or ""
