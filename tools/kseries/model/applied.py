# SPDX-License-Identifier: GPL-2.0
"""A tree with patches applied."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kseries.model.source import BaseTree


class PatchState(StrEnum):
    """What became of a patch."""

    APPLIED = "applied"
    IN_BASE = "already in base"
    CONFLICT = "does not apply"


@dataclass(frozen=True)
class AppliedPatch:
    """A patch and what became of it."""

    series: str
    index: int
    title: str
    patch_id: str  # `git patch-id --stable`
    state: PatchState
    commit: str = ""  # made for it; "" unless applied
    found_as: str = ""  # for IN_BASE: the commit, or "reverse apply"
    sha256: str = ""  # of its file


@dataclass(frozen=True)
class Tree:
    """A worktree with the stack's patches, one commit each."""

    path: Path
    base: BaseTree
    head: str
    patches: tuple[AppliedPatch, ...]
