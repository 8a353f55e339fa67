# SPDX-License-Identifier: GPL-2.0
"""Fixtures shared by tests: a kernel tree in small that real make configures and builds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import AppliedPatch, BaseTree, LocalSource, NamedSource, PatchState, Tree

TOY = Path(__file__).parent / "data" / "toy-kernel"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Toy", "-c", "user.email=toy@example.org")
    argv = ["git", *identity, *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def toy_kernel(tmp_path: Path) -> Path:
    """A git repository with the toy kernel in its one commit."""
    tree = tmp_path / "toy"
    shutil.copytree(TOY, tree)
    # Its Kconfig is evaluated by kconfiglib's programs, which this Python has.
    (tree / "scripts/kconfig/python.mk").write_text(f"PYTHON3 := {sys.executable}\n")
    git(tree, "init", "--quiet", "--initial-branch=main")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message=toy")
    return tree


@pytest.fixture
def toy_tree(toy_kernel: Path) -> Tree:
    """The toy kernel as the stage apply leaves a tree without patches."""
    head = git(toy_kernel, "rev-parse", "HEAD").strip()
    source = NamedSource("toy", LocalSource("local", toy_kernel))
    base = BaseTree(source, toy_kernel / ".git", head, "6.99.0", "toy")
    return Tree(path=toy_kernel, base=base, head=head, patches=())


@pytest.fixture
def toy_commit() -> Callable[[Tree, str, str, str], Tree]:
    """Change one file of a tree (old text, new text) as one more patch of the series "toys"."""

    def commit(tree: Tree, file: str, old: str, new: str) -> Tree:
        path = tree.path / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        title = f"change {file}"
        git(tree.path, "commit", "--quiet", "--all", f"--message={title}")
        head = git(tree.path, "rev-parse", "HEAD").strip()
        index = len(tree.patches) + 1
        patch = AppliedPatch("toys", index, title, "0" * 40, PatchState.APPLIED, head)
        return replace(tree, head=head, patches=(*tree.patches, patch))

    return commit
