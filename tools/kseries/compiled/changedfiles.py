# SPDX-License-Identifier: GPL-2.0
"""Which files the series under test changes, and with which of its patches: asked of git."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kseries.lib.gitrepo import Repository
from kseries.model import AppliedPatch, PatchState, Stack, Tree
from kseries.series.diffpaths import unquoted
from kseries.series.diffs import NEW

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class Lines:
    """Lines of a file in a commit. numbers: from 1. gone: behind which others were taken out."""

    commit: str
    numbers: set[int]
    gone: set[int] = field(default_factory=set)

    def text(self, repository: Repository, path: str) -> str:
        """Give the whole text of the file."""
        return (repository.file_at(self.commit, path) or b"").decode(errors="replace")


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


def before(tree: Tree, stack: Stack) -> str:
    """Name the commit that the series under test was applied to; "" where none of it was."""
    commits = _commits(tree, stack)
    return f"{commits[0]}^" if commits else ""


def changed_lines(repository: Repository, tree: Tree, stack: Stack) -> dict[str, Lines]:
    """Give path → the lines that the series adds or changes, as they stand after it.

    Of one that is deleted nothing is told.
    """
    commits = _commits(tree, stack)
    if not commits:
        return {}
    words = ("diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff")
    ends = (before(tree, stack), commits[-1])
    # As text: a source may hold what has git take it for binary, or be called so in the tree.
    answer = repository.ask(*words, "--text", "--no-textconv", "--dst-prefix=b/", *ends)
    found: dict[str, Lines] = {}
    path = ""
    left = 0  # lines of the hunk that are still to come: what they begin with says nothing
    for line in answer.stdout.split(b"\n"):
        if left:
            if line[:1] in (b"+", b"-"):
                left -= 1
        elif line.startswith(NEW):
            # Behind a name with a space in it git writes a tab.
            letter, _, name = unquoted(line[len(NEW) :].removesuffix(b"\t")).partition(b"/")
            path = os.fsdecode(name) if letter == b"b" else ""
        elif match := _HUNK.match(line):
            old, first, new = int(match[1] or 1), int(match[2]), int(match[3] or 1)
            left = old + new
            if path:
                lines = found.setdefault(path, Lines(commits[-1], set()))
                lines.numbers.update(range(first, first + new))
                if not new:
                    lines.gone.add(first)
    return found


def _commits(tree: Tree, stack: Stack) -> list[str]:
    return [
        patch.commit
        for patch in tree.patches
        if patch.series == stack.under_test and patch.state is PatchState.APPLIED
    ]


def _files_of(repository: Repository, patch: AppliedPatch, mail: Path | None) -> Iterable[str]:
    if patch.state is PatchState.APPLIED:
        return repository.changed_by(patch.commit)
    if mail is None:
        return ()
    answer = repository.ask("apply", "--numstat", "-z", mail)
    # Each is "added TAB deleted TAB path"; of a mail that hides its diff in an encoding, nothing.
    return [entry.split("\t", 2)[-1] for entry in answer.entries] if answer.ok else ()
