# SPDX-License-Identifier: GPL-2.0
"""Which patch of a stack wrote a line of the tree, by `git blame` of what is above the base."""

from __future__ import annotations

from kseries.lib.gitrepo import Repository
from kseries.model import AppliedPatch, PatchState, Tree


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
