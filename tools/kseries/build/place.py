# SPDX-License-Identifier: GPL-2.0
"""Where a kernel is built, and with which compiler cache: keys are made of what is built.

A build folder and a compiler cache are written by the code of the tree, so those who share them
can spoil each other. So both are named by a digest of the sources: the commit of the base and the
content of each patch, in order. Names of stacks, series and folders decide nothing.

    <stack>/linux/                  the worktree: written by us alone, read in the sandbox
    <stack>/build/<key>/made/       O= of make: written in the sandbox alone
    <stack>/build/<key>/state/      what we know of it: written by us alone, read in the sandbox
    <cache>/ccache/<base>/base/    objects of the base, written while nothing else is built
    <cache>/ccache/<base>/<key>/   objects of one series on it

A series is built with the objects of its base, which were compiled without it, and cannot change
them. Where the user vouches for all versions of a stack (`incremental`), they have one key, and so
has a tree as it lies there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from kseries.model import BuildPlace, LocalSource, Stack
from kseries.stacks.variant import cut, needing

WORKTREE = "linux"
BUILDS = "build"
BASE = "base"
TRUSTED = "trusted"
DIGITS = 16
NAME_LENGTH = 60


def worktree(stack_folder: Path) -> Path:
    """Give the worktree of a stack_folder."""
    return stack_folder / WORKTREE


def content(stack: Stack, commit: str) -> str:
    """Give a digest of a stack's sources, 16 hex digits: its base commit, and all its patches."""
    return _digest(commit, *(patch.sha256 for one in stack.series for patch in one.patches))


def find(stack: Stack, commit: str, config: str, stack_folder: Path, ccache: Path) -> BuildPlace:
    """Find the place for a stack; nothing is made.

    commit: of the source. config: the name of its config, for people. stack_folder: where its
    worktree is. ccache: where all compiler caches are kept.
    """
    key = content(stack, commit)
    is_there = any(one.name == stack.under_test for one in stack.series)
    base = content(cut(stack, 0, needing(stack)), commit) if is_there else key
    if stack.incremental and (key != base or not stack.under_test):
        # The clone's folder of worktrees stands for who vouches, here and in what bisects.
        key = _digest("incremental", stack.name, _tree(stack), str(stack_folder.parent))
        base = base if stack.under_test else key
    if stack.trusted:
        # What runs as the user can write anywhere; what is not trusted gets nothing of it.
        key, base = _digest("trusted", stack.name, str(stack_folder.parent)), TRUSTED
    name = f"{config[:NAME_LENGTH]}-{key}"
    # What another compiler made is no step of this build. The compiler cache tells them apart.
    folder = stack_folder / BUILDS / (f"{name}-{stack.compiler}" if stack.compiler else name)
    if stack.trusted or key == base:
        return BuildPlace(folder, ccache / base / BASE, None, stack.compiler)
    return BuildPlace(folder, ccache / base / key, ccache / base / BASE, stack.compiler)


def lacks_base(place: BuildPlace) -> bool:
    """Whether others were built on the same base, and nothing of the base itself is compiled."""
    if place.clean is None or any(place.clean.glob("objects/??")):
        return False
    known = (place.clean.name, place.ccache.name)
    others = place.ccache.parent.glob("[!.]*")
    return any(other.name not in known and other.is_dir() for other in others)


def _tree(stack: Stack) -> str:
    source = stack.source.source
    return str(source.path) if isinstance(source, LocalSource) else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGITS]
