# SPDX-License-Identifier: GPL-2.0
"""Remember what became of a patch on top of what stands before it.

Patches are applied to trees, so the outcome follows from the base commit and the patch files so
far: a stack whose first patches are unchanged starts from their last commit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.lib import atomicfile
from kseries.lib.gitrepo import Repository
from kseries.model import PatchState

# Part of each key: raised when the same patches would give other commits.
FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """What became of a patch.

    head: the commit that the next patch stands on. notes: what a reader must know about it.
    """

    head: str
    state: PatchState
    patch_id: str = ""
    found_as: str = ""
    notes: tuple[str, ...] = ()


_ADAPTER = TypeAdapter(Outcome)


def start_key(base: str) -> str:
    """Give the key of a bare base commit."""
    return _hash(f"{FORMAT} {base}")


def next_key(key: str, sha256: str) -> str:
    """Give the key of a patch that stands on what has the given key."""
    return _hash(f"{key} {sha256}")


def recall(repository: Repository, key: str) -> Outcome | None:
    """Give the outcome that was written down; None where there is none."""
    try:
        return _ADAPTER.validate_json(_file(repository, key).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def remember(repository: Repository, key: str, outcome: Outcome) -> None:
    """Write down an outcome, durably: its commits come before it."""
    atomicfile.write_bytes(_file(repository, key), _ADAPTER.dump_json(outcome) + b"\n")


def _file(repository: Repository, key: str) -> Path:
    return repository.path / "kseries-applied" / f"{key}.json"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
