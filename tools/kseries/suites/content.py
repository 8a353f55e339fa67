# SPDX-License-Identifier: GPL-2.0
"""What a suite is made of, in a digest: what its file says, and the files that it puts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from kseries.lib.userpath import user_path
from kseries.suite import Commands, Liburing, Suite

_SUITE: TypeAdapter[Suite] = TypeAdapter(Suite)


def digest(suite: Suite) -> str:
    """Name all that decides what a suite tests on a tree, in 64 hex digits."""
    told = _SUITE.dump_python(suite, mode="json")
    parts = [json.dumps({**told, "folder": ""}, sort_keys=True)]
    for place in _places(suite):
        parts += [part for file in _files(place) for part in (str(file.name), _sha256(file))]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def _places(suite: Suite) -> list[Path]:
    if isinstance(suite.told, Commands):
        return [suite.folder / name for name in suite.told.files]
    if isinstance(suite.told, Liburing):
        return [user_path(suite.told.source, suite.folder)]
    return []


def _files(place: Path) -> Iterator[Path]:
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    yield from (file for file in files if file.is_file())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
