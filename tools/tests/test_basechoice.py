# SPDX-License-Identifier: GPL-2.0
"""Which base a series is put on, and the reason that is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import BaseTree, LocalSource, NamedSource, Series
from kseries.stacks.basechoice import choose
from kseries.stacks.candidates import Candidate

SERIES = Series("s", "t", "", 1, 3, "", (), (), (), "x", base_commit="c" * 12)


def candidate(
    name: str,
    version: str,
    *,
    applied: int = 3,
    in_base: int = 0,
    blobs: int = 1,
    named: int = 4,
    commit: str = "a" * 40,
    has_commit: bool = False,
) -> Candidate:
    source = NamedSource(name, LocalSource("local", Path("/t")))
    base = BaseTree(source, Path("/r"), commit, version, name)
    why = "" if applied == 3 else f"patch {applied + 1}, 'x': net/core.c:7"
    return Candidate(base, applied, in_base, 3, blobs, named, why, has_commit)


OLD = candidate("debian-6.1", "6.1.130")
MIDDLE = candidate("debian-6.12", "6.12.117")
NEW = candidate("debian-7.3", "7.3.2")


def test_the_authors_commit_comes_before_all_else() -> None:
    own = candidate("mine", "6.10.0", blobs=0, commit="c" * 40, has_commit=True)
    exact = candidate("debian-6.12", "6.12.117", blobs=4)
    found = choose(SERIES, [NEW, exact, own])
    assert found is not None
    assert found.candidate == own
    assert found.why == f"it is the commit that its author names ({'c' * 12})"
    # In its history is not enough: what is tested there is another tree.
    elsewhere = candidate("mine", "6.10.0", blobs=0, has_commit=True)
    again = choose(SERIES, [NEW, exact, elsewhere])
    assert again is not None
    assert again.candidate == exact


def test_a_tree_in_which_all_files_are_as_known() -> None:
    exact = candidate("debian-6.12", "6.12.117", blobs=4)
    found = choose(replace(SERIES, trees=("debian-7.3",)), [OLD, NEW, exact])
    assert found is not None
    assert (found.candidate, found.fits) == (exact, True)
    assert found.why == "all 4 files that its patches name are as they knew them"
    one = choose(SERIES, [candidate("x", "6.1", blobs=1, named=1)])
    assert one is not None
    assert one.why.startswith("the one file that")


def test_patches_that_name_no_file_know_none() -> None:
    nothing = candidate("debian-6.1", "6.1.130", blobs=0, named=0)
    found = choose(SERIES, [nothing, candidate("debian-7.3", "7.3.2", blobs=0, named=0)])
    assert found is not None
    assert found.candidate.base.version == "7.3.2"
    assert found.why == "it is the newest on which all of it applies"


@pytest.mark.parametrize(("tree", "name"), [("6.12", "debian-6.12"), ("debian-6.1", "debian-6.1")])
def test_the_tree_that_the_subject_names(tree: str, name: str) -> None:
    found = choose(replace(SERIES, trees=("nowhere", tree)), [OLD, MIDDLE, NEW])
    assert found is not None
    assert found.candidate.base.source.name == name
    assert found.why == f"its subject names {tree}"


def test_a_version_is_no_prefix_of_another() -> None:
    found = choose(replace(SERIES, trees=("6.1",)), [OLD, MIDDLE])
    assert found is not None
    assert found.candidate == OLD


def test_else_where_most_files_are_as_known_and_then_the_newest() -> None:
    found = choose(SERIES, [MIDDLE, NEW, OLD])
    assert found is not None
    assert found.candidate == NEW
    most = candidate("debian-6.12", "6.12.117", blobs=3)
    found = choose(SERIES, [NEW, most, OLD])
    assert found is not None
    assert found.candidate == most
    assert found.why == "3 of 4 files are as its patches knew them, more than elsewhere"


def test_where_it_applies_nowhere_most_of_it_decides() -> None:
    bad = [candidate("a", "7.3", applied=0), candidate("b", "6.12", applied=2)]
    found = choose(SERIES, bad)
    assert found is not None
    assert (found.candidate.base.source.name, found.fits) == ("b", False)
    assert found.why == "it applies nowhere, and here 2 of 3 patches do"
    assert choose(SERIES, []) is None


def test_6_12_is_newer_than_6_9() -> None:
    found = choose(SERIES, [candidate("a", "6.9.1"), candidate("b", "6.12.3")])
    assert found is not None
    assert found.candidate.base.version == "6.12.3"


def test_a_base_that_has_a_part_of_it_already_is_a_later_one() -> None:
    later = candidate("debian-7.3", "7.3.2", in_base=1, blobs=3)
    found = choose(replace(SERIES, trees=("debian-7.3",)), [later, MIDDLE])
    assert found is not None
    assert found.candidate == MIDDLE
    assert found.why == "elsewhere a part of it is in the base already"
    whole = candidate("debian-7.3", "7.3.2", in_base=3, blobs=4)
    assert not whole.fits
    found = choose(SERIES, [whole])
    assert found is not None
    assert (found.fits, found.why) == (False, "all of it is in the base already")
