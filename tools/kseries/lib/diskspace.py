# SPDX-License-Identifier: GPL-2.0
"""Ask for room before the work starts, not in the middle of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import InfraError

MIB = 1 << 20


@dataclass(frozen=True)
class Need:
    """Bytes that will be written below a folder (which need not exist yet), and for what."""

    folder: Path
    size: int
    what: str


def require(needs: Sequence[Need]) -> None:
    """Raise InfraError when a disk has less room than the needs on it come to together."""
    by_disk: dict[int, list[Need]] = {}
    for need in needs:
        by_disk.setdefault(os.stat(_existing(need.folder)).st_dev, []).append(need)  # noqa: PTH116
    for together in by_disk.values():
        folder = _existing(together[0].folder)
        free = shutil.disk_usage(folder).free
        size = sum(need.size for need in together)
        if free < size:
            purposes = ", ".join(f"{_mib(need.size)} for {need.what}" for need in together)
            raise InfraError(
                f"There is not enough room on the disk: {_mib(free)} are free, about"
                f" {_mib(size)} are needed ({purposes}).",
                where=str(folder),
                do="free some space there (`kseries cache clear` drops what can be rebuilt),"
                " or set XDG_CACHE_HOME to a folder on another disk; then try again",
            )


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def _mib(size: int) -> str:
    return f"{max(size, 1) / MIB:,.0f} MiB" if size >= MIB else f"{size / 1024:,.0f} KiB"
