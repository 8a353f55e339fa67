# SPDX-License-Identifier: GPL-2.0
"""Who shares a build folder and a compiler cache: those who build the same, and nobody else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from kseries.build import place as buildplace
from kseries.model import BuildPlace, LocalSource, NamedSource, Patch, Series, Stack
from kseries.stacks.variant import cut, needing

STACK_FOLDER, CCACHE, COMMIT = Path("/stack"), Path("/ccache"), "c" * 40


def series(name: str, *texts: str, requires: tuple[str, ...] = ()) -> Series:
    patches = tuple(
        Patch(at, text, "", "", Path(text), hashlib.sha256(text.encode()).hexdigest())
        for at, text in enumerate(texts, 1)
    )
    return Series(name, "", "", 1, len(texts), "", requires, (), patches, "")


def stack(*parts: Series, under_test: str = "s", name: str = "st") -> Stack:
    source = NamedSource("toy", LocalSource("local", Path("/toy")))
    return Stack(name, source, parts, under_test, (Path("base.config"),), ())


def find(of: Stack, commit: str = COMMIT) -> BuildPlace:
    return buildplace.find(of, commit, "base", STACK_FOLDER, CCACHE)


def test_names_decide_nothing() -> None:
    good = find(stack(series("s", "good")))
    other = find(stack(series("s", "bad")))
    assert good.folder != other.folder
    assert good.ccache != other.ccache
    renamed = find(stack(series("t", "good"), under_test="t", name="another"))
    assert renamed == good


def test_every_patch_their_order_and_the_base_decide() -> None:
    below, both = series("below", "b"), series("s", "one", "two")
    places = [
        find(stack(below, both)),
        find(stack(below, series("s", "two", "one"))),
        find(stack(series("below", "c"), both)),
        find(stack(both, below)),
        find(stack(below, both), commit="d" * 40),
        find(stack(below, series("s", "one"))),
    ]
    assert len({place.folder for place in places}) == len(places)
    assert len({place.ccache for place in places}) == len(places)


def test_a_series_reads_the_objects_of_its_base_and_keeps_its_own() -> None:
    whole = stack(series("below", "b"), series("s", "one"), series("top", "t", requires=("s",)))
    base = cut(whole, 0, needing(whole))
    assert find(base).clean is None
    assert find(whole).clean == find(base).ccache
    assert find(whole).ccache != find(base).ccache
    assert find(whole).folder != find(base).folder
    # On another base are other objects.
    other = find(stack(series("s", "one")))
    assert other.clean not in (find(whole).clean, None)


def test_versions_that_the_user_vouches_for_are_built_in_one_place() -> None:
    one, two = (replace(stack(series("s", text)), incremental=True) for text in ("one", "two"))
    assert find(one) == find(two)
    assert find(one).clean == find(replace(one, incremental=False)).clean
    assert find(one).ccache != find(replace(one, incremental=False)).ccache
    # The base has nothing of them, so that it excuses nothing which they left.
    base = cut(one, 0)
    assert find(base).ccache == find(replace(base, incremental=False)).ccache
    elsewhere = buildplace.find(one, COMMIT, "base", Path("/another/clone/stack"), CCACHE)
    assert elsewhere.ccache != find(one).ccache
    # A bisection has a worktree of its own, and the same hands at work.
    beside = buildplace.find(one, COMMIT, "base", STACK_FOLDER.with_name("stack-bisect"), CCACHE)
    assert beside.ccache == find(one).ccache
    assert beside.folder != find(one).folder


def test_a_tree_that_the_user_edits_is_built_in_one_place() -> None:
    tree = stack(series("below", "b"), under_test="")
    assert find(tree) != find(tree, commit="d" * 40)
    edited = replace(tree, incremental=True)
    assert find(edited) == find(edited, commit="d" * 40)
    assert find(edited).clean is None
    assert find(edited).ccache not in (find(tree).ccache, find(tree, commit="d" * 40).ccache)
    source = NamedSource("toy", LocalSource("local", Path("/other/toy")))
    assert find(replace(edited, source=source)).folder != find(edited).folder


def test_it_is_said_when_the_base_is_worth_to_be_compiled(tmp_path: Path) -> None:
    def at(text: str) -> BuildPlace:
        whole = stack(series("below", "b"), series("s", text))
        return buildplace.find(whole, COMMIT, "base", tmp_path, tmp_path / "ccache")

    one, two = at("one"), at("two")
    one.ccache.mkdir(parents=True)
    assert not buildplace.lacks_base(one)  # the first
    assert buildplace.lacks_base(two)
    assert two.clean is not None
    (two.clean / "objects").mkdir(parents=True)
    (two.ccache.parent / ".x.lease").touch()
    assert buildplace.lacks_base(two)
    (two.clean / "objects" / "0a").mkdir()
    assert not buildplace.lacks_base(two)


def test_what_runs_as_the_user_shares_nothing_with_the_sandbox() -> None:
    plain = stack(series("s", "one"))
    trusted = find(replace(plain, trusted=True))
    assert trusted.clean is None
    assert trusted.folder != find(plain).folder
    assert trusted.ccache not in (find(plain).ccache, find(plain).clean)
