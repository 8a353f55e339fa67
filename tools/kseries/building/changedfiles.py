# SPDX-License-Identifier: GPL-2.0
"""Which files the series under test changes, and with which of its patches: asked of git."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kseries.gitrepo import Repository
from kseries.model import AppliedPatch, PatchState, Stack, Tree


def changed_files(repository: Repository, tree: Tree, stack: Stack) -> dict[str, tuple[int, ...]]:
    """Give path → indexes of the patches that change it, sorted by path.

    A patch that the base has already counts too: what it changes is in the tree.
    """
    mails = {
        (series.name, patch.index): patch.file
        for series in stack.series
        for patch in series.patches
    }
    found: dict[str, list[int]] = {}
    for patch in tree.patches:
        if patch.series == stack.under_test:
            for path in _files_of(repository, patch, mails.get((patch.series, patch.index))):
                found.setdefault(path, []).append(patch.index)
    return {path: tuple(found[path]) for path in sorted(found)}


def _files_of(repository: Repository, patch: AppliedPatch, mail: Path | None) -> Iterable[str]:
    if patch.state is PatchState.APPLIED:
        words = ("diff-tree", "-r", "-z", "--no-commit-id", "--no-renames", "--name-only")
        return repository.entries(*words, patch.commit)
    if mail is None:
        return ()
    answer = repository.ask("apply", "--numstat", "-z", mail)
    # Each is "added TAB deleted TAB path"; of a mail that hides its diff in an encoding, nothing.
    return [entry.split("\t", 2)[-1] for entry in answer.entries] if answer.ok else ()
