# SPDX-License-Identifier: GPL-2.0
"""Which lines a series changes, asked of git."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kseries.compiled.changedfiles import Lines, before, changed_files, changed_lines
from kseries.lib.gitrepo import Repository
from kseries.model import PatchState, Stack, Tree

Commit = Callable[[Tree, str, str, str], Tree]
CORE = "net/core.c"
OLD = "return budget;"


def numbers(tree: Tree, name: str, *texts: str) -> set[int]:
    lines = (tree.path / name).read_bytes().split(b"\n")
    return {at for at, line in enumerate(lines, 1) if any(t.encode() in line for t in texts)}


@pytest.fixture
def stack(toy_tree: Tree) -> Stack:
    return Stack("toy", toy_tree.base.source, (), "toys", (), ())


def told(tree: Tree, stack: Stack) -> dict[str, Lines]:
    return changed_lines(Repository(tree.base.repo), tree, stack)


def test_lines_of_all_patches_as_they_stand_at_the_end(
    toy_tree: Tree, toy_commit: Commit, stack: Stack
) -> None:
    tree = toy_commit(toy_tree, CORE, OLD, "int one;\n\treturn budget;")
    tree = toy_commit(tree, "init/main.c", "return done;", "--- a;\n+++ b;\n@@ -1 +1 @@\nreturn 1;")
    tree = toy_commit(tree, CORE, "#include", "int first;\n#include")
    found = told(tree, stack)
    assert found == {
        CORE: Lines(tree.head, numbers(tree, CORE, "int one;", "int first;")),
        "init/main.c": Lines(
            tree.head, numbers(tree, "init/main.c", "--- a;", "+++ b;", "@@ -1", "return 1;")
        ),
    }
    assert before(tree, stack) == f"{tree.patches[0].commit}^"
    assert changed_files(Repository(tree.base.repo), tree, stack) == {
        "init/main.c": (2,), CORE: (1, 3)
    }  # fmt: skip


def test_a_source_that_git_takes_for_binary_has_lines_too(
    toy_tree: Tree, toy_commit: Commit, stack: Stack
) -> None:
    tree = toy_commit(toy_tree, CORE, OLD, "/* \0 */\n\treturn 7;")
    assert told(tree, stack) == {CORE: Lines(tree.head, numbers(tree, CORE, "\0", "return 7;"))}


def test_what_was_not_applied_has_no_lines(
    toy_tree: Tree, toy_commit: Commit, stack: Stack
) -> None:
    tree = toy_commit(toy_tree, CORE, OLD, "return 7;")
    other = replace(stack, under_test="other")
    assert (told(tree, other), before(tree, other)) == ({}, "")
    there = replace(tree, patches=(replace(tree.patches[0], state=PatchState.IN_BASE),))
    assert (told(there, stack), before(there, stack)) == ({}, "")


def test_lines_that_are_only_taken_out_have_no_number(
    toy_tree: Tree, toy_commit: Commit, stack: Stack
) -> None:
    text = (toy_tree.path / CORE).read_text().split("\n")
    tree = toy_commit(toy_tree, CORE, f"\t{OLD}\n", "")
    (lines,) = changed_lines(Repository(tree.base.repo), tree, stack).values()
    # The line before the one that went.
    assert (lines.numbers, lines.gone) == (set(), {text.index(f"\t{OLD}")})
