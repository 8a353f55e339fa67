# SPDX-License-Identifier: GPL-2.0
"""How many virtual machines have room on this host side by side."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
AVAILABLE = "MemAvailable:"

MOST = 8


def machines(memory_mib: int) -> int:
    """Give how many machines of that much memory can work at a time, at least one.

    One for each core: tests wait for timers and grace periods much of their time, so that a
    machine with two processors seldom keeps one core busy. All together take no more than half of
    the memory that is free.
    """
    room = _available_mib() // (2 * memory_mib)
    return max(1, min(len(os.sched_getaffinity(0)), room, MOST))


def _available_mib() -> int:
    for line in MEMINFO.read_text().splitlines():
        if line.startswith(AVAILABLE):
            return int(line.split()[1]) // 1024
    return 0
