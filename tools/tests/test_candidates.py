# SPDX-License-Identifier: GPL-2.0
"""A series is tried on bases, in real git: how far it applies, and which files it knew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kseries.model import BaseTree, Patch, Series, Tree
from kseries.stacks.candidates import Candidate, tried
from tests.toyproject import git


def series_of(folder: Path, *, base_commit: str = "") -> Series:
    patches = tuple(
        Patch(
            index,
            f"change {index}",
            "A <a@example.org>",
            "",
            file,
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        for index, file in enumerate(sorted(folder.glob("*.patch")), 1)
    )
    return Series(
        *("s", "t", "", 1, len(patches), "", (), (), patches, str(folder)), base_commit=base_commit
    )


@dataclass
class Author:
    """Who writes patches upon the toy kernel."""

    tree: Path
    base: BaseTree
    mails: Path

    def change(self, file: str, old: str, new: str) -> None:
        path = self.tree / file
        text = path.read_text() if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text + new)
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "--quiet", "--message", f"change {file}")

    def posted(self) -> Series:
        """Give what was committed upon the base as a series, and go back to the base."""
        git(self.tree, "format-patch", "--quiet", "-o", str(self.mails), self.base.commit)
        git(self.tree, "reset", "--quiet", "--hard", self.base.commit)
        return series_of(self.mails)

    def other(self) -> BaseTree:
        """Give the commit that stands now as another base."""
        return replace(self.base, commit=git(self.tree, "rev-parse", "HEAD").strip())

    def tried(self, series: Series, base: BaseTree | None = None) -> Candidate:
        return tried(series, base or self.base)


@pytest.fixture
def author(toy_tree: Tree, tmp_path: Path) -> Author:
    return Author(toy_tree.path, toy_tree.base, tmp_path / "mails")


def test_files_that_the_patches_knew(author: Author) -> None:
    author.change("net/core.c", "return budget;", "return budget + 1;")
    author.change("net/core.c", "budget + 1", "budget + 2")  # its own file: it says nothing
    author.change("drivers/netdevsim.c", "budget / 2", "budget / 3")
    author.change("drivers/new.c", "", "int made;\n")
    series = author.posted()
    found = author.tried(series)
    assert (found.applied, found.total, found.why_not) == (4, 4, "")
    assert (found.blobs, found.named) == (2, 2)
    assert found.fits
    assert found.exact


def test_a_base_that_has_moved_on_elsewhere_in_a_file(author: Author) -> None:
    author.change("net/core.c", "return budget;", "return budget + 1;")
    series = author.posted()
    author.change("net/core.c", "// SPDX-License-Identifier: GPL-2.0\n", "// SPDX: other\n")
    found = author.tried(series, author.other())
    assert (found.fits, found.exact) == (True, False)
    assert (found.blobs, found.named) == (0, 1)


def test_the_first_patch_that_does_not_apply_is_named_with_its_place(author: Author) -> None:
    author.change("drivers/netdevsim.c", "budget / 2", "budget / 3")
    author.change("net/core.c", "return budget;", "return budget + 1;")
    author.change("net/core.c", "budget + 1", "budget + 2")
    series = author.posted()
    author.change("net/core.c", "return budget;", "return 7;")
    found = author.tried(series, author.other())
    assert (found.applied, found.fits) == (1, False)
    assert found.why_not.startswith("patch 2, 'change 2': net/core.c:")


def test_what_the_base_has_already_applies(author: Author) -> None:
    author.change("net/core.c", "return budget;", "return budget + 1;")
    author.change("drivers/netdevsim.c", "budget / 2", "budget / 3")
    series = author.posted()
    author.change("net/core.c", "return budget;", "return budget + 1;")
    found = author.tried(series, author.other())
    assert (found.applied, found.in_base, found.fits) == (2, 1, True)
    author.change("drivers/netdevsim.c", "budget / 2", "budget / 3")
    found = author.tried(series, author.other())
    assert (found.applied, found.in_base, found.fits) == (2, 2, False)


def test_a_renamed_file_is_known_by_its_old_name(author: Author) -> None:
    (author.tree / "net/core.c").rename(author.tree / "net/heart.c")
    author.change("net/heart.c", "return budget;", "return budget + 1;")
    author.change("net/heart.c", "budget + 1", "budget + 2")
    found = author.tried(author.posted())
    assert (found.blobs, found.named, found.fits) == (1, 1, True)


def test_the_authors_commit_is_looked_for(author: Author) -> None:
    author.change("net/core.c", "return budget;", "return budget + 1;")
    series = author.posted()
    assert not author.tried(series).has_commit
    assert author.tried(replace(series, base_commit=author.base.commit)).has_commit
    assert not author.tried(replace(series, base_commit="0123456789abcdef")).has_commit


def test_nothing_of_a_try_stays(author: Author) -> None:
    author.change("net/core.c", "return budget;", "return budget + 1;")
    series = author.posted()
    before = git(author.tree, "status", "--porcelain")
    index = (author.tree / ".git/index").read_bytes()
    author.tried(series)
    assert git(author.tree, "status", "--porcelain") == before
    assert (author.tree / ".git/index").read_bytes() == index
