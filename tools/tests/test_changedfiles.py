# SPDX-License-Identifier: GPL-2.0
"""Which lines a series changes, asked of git."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.compiled.changedfiles import Lines, before, changed_files, changed_lines
from kseries.lib.gitrepo import Repository
from kseries.model import AppliedPatch, Patch, PatchState, Series, Stack, Tree
from tests.toyproject import git

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


def committed(tree: Tree, files: dict[str, bytes]) -> Tree:
    """Commit files as one more patch of the series "toys"."""
    for name, data in files.items():
        (tree.path / name).write_bytes(data)
    git(tree.path, "add", ".")
    git(tree.path, "commit", "--quiet", "--message=change")
    head = git(tree.path, "rev-parse", "HEAD").strip()
    index = len(tree.patches) + 1
    patch = AppliedPatch("toys", index, "change", "", PatchState.APPLIED, head)
    return replace(tree, head=head, patches=(*tree.patches, patch))


def test_what_a_source_says_hides_no_lines(toy_tree: Tree, stack: Stack) -> None:
    # In a diff these look like the head of another file, like a hunk, and like no text at all.
    odd = "a @@ -1,99 +1,99 @@.c"
    before = {"a.c": b"one\ntwo\n3\n4\n5\n6\nseven\n", odd: b"one\n", "z.c": b"1\n"}
    tree = committed(toy_tree, before)
    tree = replace(tree, patches=())
    after = {"a.c": b"++ b/x.c\ntwo\n3\n4\n5\n6\n7 \xff\n", odd: b"1\n", "z.c": b"one\n"}
    tree = committed(tree, after)
    found = told(tree, stack)
    assert {name: lines.numbers for name, lines in found.items()} == {
        "a.c": {1, 7}, odd: {1}, "z.c": {1}
    }  # fmt: skip
    repository = Repository(tree.base.repo)
    assert found["a.c"].text(repository, "a.c") == after["a.c"].decode(errors="replace")
    assert found["a.c"].text(repository, "none.c") == ""


@pytest.mark.parametrize(
    "name", ['quo"te.c', "back\\slash.c", "tab\tin.c", "new\nline.c", "grün.c", "\udcff.c", '"q"']
)
def test_a_name_that_git_quotes_has_lines(toy_tree: Tree, stack: Stack, name: str) -> None:
    tree = committed(toy_tree, {name: b"one\ntwo\n"})
    assert told(tree, stack) == {name: Lines(tree.head, {1, 2})}
    assert list(changed_files(Repository(tree.base.repo), tree, stack)) == [name]


def test_a_patch_that_is_in_the_base_changes_what_its_mail_says(
    toy_tree: Tree, stack: Stack, tmp_path: Path
) -> None:
    tree = committed(toy_tree, {"tab\tin\tname.c": b"one\n", "b.c": b"two\n"})
    (patch,) = tree.patches
    mail = tmp_path / "1.patch"
    mail.write_text(git(tree.path, "format-patch", "-1", "--stdout"))
    there = replace(tree, patches=(replace(patch, state=PatchState.IN_BASE, commit=""),))
    mails = (Patch(1, "change", "", "", mail, ""),)
    of = replace(stack, series=(Series("toys", "", "", 1, 1, "", (), (), mails, ""),))
    repository = Repository(tree.base.repo)
    expected = {"b.c": (1,), "tab\tin\tname.c": (1,)}
    assert changed_files(repository, there, of) == expected
    # Of one that hides its diff nothing is known, nor of one without a mail.
    mail.write_text("Content-Transfer-Encoding: base64\n\nb25l\n")
    assert changed_files(repository, there, of) == {}
    assert changed_files(repository, there, stack) == {}


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
