# SPDX-License-Identifier: GPL-2.0
"""Show and clear what clones share. Everything in it can be made again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries import publish
from kseries.errors import UserError
from kseries.locks import locked
from kseries.paths import Cache
from kseries.progress import Progress

KINDS = {
    "downloads": "source packages and tarballs as they came",
    "git": "kernel sources imported into git",
    "ccache": "compiler caches, one a stack",
    "libraries": "libraries that tests are linked with",
    "rootfs": "root file systems of guests",
    "baselines": "what tests do without the series",
    "host": "what was found out about this host",
}


@dataclass(frozen=True)
class Item:
    """One thing in the cache. size: bytes on disk; used: time of last change, Unix seconds."""

    kind: str
    name: str
    path: Path
    size: int
    used: float


def items(cache: Cache) -> tuple[Item, ...]:
    """List what is there, by kind and name."""
    found = []
    for kind in KINDS:
        folder = cache.root / kind
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        found += [
            Item(kind, entry.name, entry, _size(entry), entry.lstat().st_mtime)
            for entry in entries
            if not entry.name.endswith(".lock")
        ]
    return tuple(found)


def clear(cache: Cache, kinds: Sequence[str], progress: Progress) -> int:
    """Remove all items of these kinds (none: of every kind); give the bytes set free.

    Waits for whoever uses an item. Raises UserError for a kind that does not exist.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UserError(
            f"There is nothing called {', '.join(unknown)} in the cache.",
            where=str(cache.root),
            do=f"choose from: {', '.join(KINDS)}",
        )
    freed = 0
    for item in items(cache):
        if not kinds or item.kind in kinds:
            with locked(item.path, progress):
                publish.remove_tree(item.path)
            freed += item.size
    return freed


def _size(path: Path) -> int:
    """Bytes on disk of a file or folder; files that vanish meanwhile count nothing."""
    total = 0
    places = [path]
    while places:
        place = places.pop()
        try:
            total += place.lstat().st_blocks * 512
            if place.is_dir() and not place.is_symlink():
                places += [Path(entry.path) for entry in os.scandir(place)]
        except FileNotFoundError:
            continue
    return total
