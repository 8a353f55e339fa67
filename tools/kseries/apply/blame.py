# SPDX-License-Identifier: GPL-2.0
"""Which patch of a stack wrote a line of the tree, by `git blame` of what is above the base."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kseries.lib.gitrepo import Repository
from kseries.model import AppliedPatch, PatchState, Tree

_PORCELAIN = re.compile(rb"^([0-9a-f]{40}) \d+ (\d+)", re.MULTILINE)


def files(tree: Tree, series: str) -> Sequence[str]:
    """Name the files of the tree's head that the patches of a series change."""
    repository = Repository(tree.base.repo)
    found: dict[str, None] = {}
    for patch in _of_series(tree, series).values():
        found.update(dict.fromkeys(repository.changed_by(patch.commit)))
    return sorted(found)


def lines(tree: Tree, file: str, series: str) -> frozenset[int]:
    """Give the numbers of the lines of a file of the head that a series has written, from 1."""
    patches = _of_series(tree, series)
    answer = Repository(tree.base.repo).ask(
        "blame", "--porcelain", f"{tree.base.commit}..{tree.head}", "--", file
    )
    found = _PORCELAIN.findall(answer.stdout) if answer.ok else ()
    return frozenset(int(number) for commit, number in found if commit.decode() in patches)


def _of_series(tree: Tree, series: str) -> dict[str, AppliedPatch]:
    """Give the patches of a series that were applied, by their commits."""
    return {
        patch.commit: patch
        for patch in tree.patches
        if patch.series == series and patch.state is PatchState.APPLIED and patch.commit
    }


def author(tree: Tree, file: str, line: int) -> AppliedPatch | None:
    """Give the patch that a line of the tree's head is from, None where it is the base's.

    file: relative to the tree. A file that the head does not have, such as a generated one, has
    no author.
    """
    patches = {p.commit: p for p in tree.patches if p.state is PatchState.APPLIED and p.commit}
    if not patches:
        return None
    answer = Repository(tree.base.repo).ask(
        "blame", "--porcelain", "-L", f"{line},{line}", f"{tree.base.commit}..{tree.head}",
        "--", file,
    )  # fmt: skip
    return patches.get(answer.text.partition(" ")[0]) if answer.ok else None
