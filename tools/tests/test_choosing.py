# SPDX-License-Identifier: GPL-2.0
"""Which tests are chosen for changed files: on a small tree in git that lists its tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from kseries.choice import asked, maintainers, words
from kseries.choice.choosing import Choice, Group, choose, grouped, suites_of
from kseries.choice.treefiles import TreeFiles
from kseries.lib.gitrepo import Repository
from kseries.suites.catalogue import Catalogue
from tests.toyproject import git

MAINTAINERS = """\
List of maintainers
===================

Tags: F: is a file.

FLYING
M:\tSomebody <somebody@example.org>
F:\tinclude/linux/fly*
F:\tkernel/fly/
F:\ttools/testing/selftests/fly/

DOWN
F:\tdrivers/
F:\ttools/testing/selftests/birds/

LANDING
F:\tdrivers/down/landing.c
F:\ttools/testing/selftests/ground/landing*.sh
X:\tkernel/fly/wings/

NAMES
N:\t_bird_
F:\ttools/testing/selftests/birds/

THE REST
F:\t*
F:\t*/
F:\ttools/testing/selftests/rest/
"""

TESTS = "tools/testing/selftests"
TREE = {
    "MAINTAINERS": MAINTAINERS,
    f"{TESTS}/Makefile": "TARGETS = fly ground birds rest seat gear\n",
    f"{TESTS}/fly/Makefile": "TEST_PROGS := take_off.sh wings.sh\nTEST_GEN_PROGS := clouds\n",
    f"{TESTS}/fly/clouds.c": "",
    f"{TESTS}/fly/helper.sh": "",
    f"{TESTS}/ground/Makefile": "TEST_PROGS := $(wildcard *.sh)\n",
    f"{TESTS}/ground/landing_hard.sh": "",
    f"{TESTS}/ground/mud.sh": "",
    f"{TESTS}/birds/Makefile": "TEST_PROGS := goose.sh\n",
    f"{TESTS}/rest/Makefile": "TEST_PROGS := rest.sh\n",
    f"{TESTS}/seat/Makefile": "TEST_PROGS := belt.sh\n",
    f"{TESTS}/gear/Makefile": "TEST_GEN_PROGS := $(shell names)\n",
    "arch/alpha/Makefile": "",
    "arch/x86/Makefile": "",
    f"{TESTS}/alpha/Makefile": "TEST_PROGS := alpha.sh\n",
    f"{TESTS}/alpha64/noise/Makefile": "TEST_PROGS := noise.sh\n",
    f"{TESTS}/x86/Makefile": "TEST_PROGS := x86.sh\n",
    f"{TESTS}/x86/engine/Makefile": "TEST_PROGS := engine.sh\n",
    f"{TESTS}/drivers/air/Makefile": "TEST_PROGS := tow.sh\n",
    f"{TESTS}/drivers/air/jet/Makefile": "TEST_PROGS := jet.sh\n",
    "lib/Makefile": "obj-$(CONFIG_LIST_KUNIT_TEST) += list-test.o\n"
    "obj-$(CONFIG_SORT_KUNIT_TEST) += sort_kunit.o\n",
    "sound/wheel/Makefile": "obj-$(CONFIG_WHEEL_KUNIT_TEST) += spokes-test.o\n",
    "sound/hub/tests/Makefile": "obj-$(CONFIG_HUB_KUNIT_TEST) += axle_test.o\n",
}

OURS = """\
kind = "kselftest"
title = "seats"
covers = ["cabin/*"]
targets = ["seat"]
"""


class Choose(Protocol):
    def __call__(self, *paths: str, limit_s: float = 600, has: tuple[str, ...] = ()) -> Choice: ...


@pytest.fixture
def files(tmp_path: Path) -> TreeFiles:
    repo = tmp_path / "repo"
    for name, text in TREE.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    git(repo, "init", "--quiet")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message=x")
    repository = Repository(repo / ".git")
    tree = repository.tree_of("HEAD")
    return TreeFiles(repository, tree, tree)


@pytest.fixture
def chosen(files: TreeFiles, tmp_path: Path) -> Choose:
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "seats.toml").write_text(OURS)

    def for_(*paths: str, limit_s: float = 600, has: tuple[str, ...] = ()) -> Choice:
        return choose(paths, files, Catalogue((folder,)), limit_s=limit_s, has=has)

    return for_


def test_maintainers_say_which_tests_go_with_a_file(chosen: Choose) -> None:
    found = chosen("kernel/fly/wings/flap.c")
    fly = "kselftest/fly"
    # The one whose name shares a word with the file comes first.
    assert found.names == (f"{fly}:wings.sh", f"{fly}:clouds", f"{fly}:take_off.sh")
    assert found.chosen[0].why == "it is named like kernel/fly/wings/flap.c"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        # Tests of another architecture are no programs here, whoever is named like them.
        ("kernel/fly/alpha.c", {"clouds", "take_off.sh", "wings.sh"}),
        ("kernel/fly/noise.c", {"clouds", "take_off.sh", "wings.sh"}),
        ("kernel/noise/alpha32.c", set()),
        ("arch/x86/kernel/engine.c", {"engine.sh"}),
        # A driver in a folder of its own is none of what all drivers of the class share.
        ("drivers/air/balloon.c", {"tow.sh"}),
        ("drivers/air/jet/balloon.c", {"jet.sh"}),
        ("drivers/air/kite/balloon.c", set()),
        ("drivers/air/Kconfig", set()),
        ("drivers/air/jet/Makefile", set()),
    ],
)
def test_what_is_named_like_a_file_or_its_folder(
    chosen: Choose, path: str, names: set[str]
) -> None:
    told = [one for one in chosen(path).names if one != "kselftest/birds:goose.sh"]
    assert {name.partition(":")[2] for name in told} == names


def test_the_nearest_section_comes_first(chosen: Choose) -> None:
    found = chosen("drivers/down/landing.c")
    # Neither another program of that target, nor those of all other files.
    assert found.names == ("kselftest/ground:landing_hard.sh", "kselftest/birds:goose.sh")
    why = "MAINTAINERS lists it beside drivers/down/landing.c"
    assert [one.why for one in found.chosen] == [f"{why} (LANDING)", f"{why} (DOWN)"]


def test_a_section_may_name_files_by_an_expression(chosen: Choose) -> None:
    assert chosen("kernel/a_bird_b.c").names == ("kselftest/birds:goose.sh",)
    assert chosen("kernel/bird.c").names == ()


def test_sections_are_those_of_the_base(files: TreeFiles, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    (repo / "MAINTAINERS").write_text("NEW\nN:\t(a+)+$\nF:\ttools/testing/selftests/fly/\n")
    git(repo, "commit", "--quiet", "--all", "--message=x")
    patched = replace(files, tree=files.repository.tree_of("HEAD"))
    assert patched.sections[0].title == "FLYING"


def test_tests_that_the_series_changes_come_first(chosen: Choose) -> None:
    assert chosen(f"{TESTS}/fly/clouds.c").names[0] == "kselftest/fly:clouds"
    # What others use: all of them, after that whose own source it is.
    assert len(chosen(f"{TESTS}/fly/helper.sh").names) == 3
    both = chosen(f"{TESTS}/fly/.gitignore", f"{TESTS}/fly/Makefile", f"{TESTS}/fly/clouds.c")
    assert [one.why.rpartition("/")[2] for one in both.chosen] == ["clouds.c"] + 2 * ["Makefile"]
    assert both.names[0] == "kselftest/fly:clouds"


def test_what_git_leaves_out_is_no_change_of_a_test(chosen: Choose) -> None:
    why = [one.why for one in chosen(f"{TESTS}/fly/.gitignore").chosen]
    assert not [one for one in why if one.startswith("the series changes")]


def test_suites_of_ours_name_what_they_cover(chosen: Choose) -> None:
    found = chosen("cabin/light.c")
    assert found.names == ("kselftest/seat:belt.sh",)
    assert found.chosen[0].why == "the suite seats covers cabin/light.c"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("lib/list_sort.c", ("kunit/LIST_KUNIT_TEST", "kunit/SORT_KUNIT_TEST")),
        ("include/linux/list.h", ("kunit/LIST_KUNIT_TEST",)),
        ("lib/other.c", ()),
        ("sound/wheel/rim.c", ("kunit/WHEEL_KUNIT_TEST",)),
        ("sound/wheel/rim.txt", ()),
        ("sound/hub/nut.c", ("kunit/HUB_KUNIT_TEST",)),
        ("sound/horn.c", ()),  # the tests of what stands below are about that
        ("sound/gear/box.c", ("kselftest/gear",)),
        ("net/gear/box.c", ()),
        ("net/core/gear.c", ("kselftest/gear",)),
        ("include/gear/box.h", ()),
        ("Makefile", ()),
    ],
)
def test_kunit_tests_beside_the_code(chosen: Choose, path: str, names: tuple[str, ...]) -> None:
    assert chosen(path).names == names


def test_what_takes_too_long_is_left_out(chosen: Choose) -> None:
    found = chosen("kernel/fly/wings/flap.c", limit_s=31)
    assert len(found.names) == 2
    ((name, why),) = found.left_out
    assert (name, why) == ("kselftest/fly:take_off.sh", "it fits, but not into 0.517 minutes")
    # One is always run.
    assert len(chosen("kernel/fly/wings/flap.c", limit_s=1).names) == 1


@pytest.mark.parametrize(
    ("line", "has", "why"),
    [
        ('hardware = "a seat"', (), "it needs a seat"),
        ('host = ["clang", "sh"]', ("sh",), "it needs clang on this host"),
    ],
)
def test_what_cannot_run_here_is_told(
    chosen: Choose, tmp_path: Path, line: str, has: tuple[str, ...], why: str
) -> None:
    (tmp_path / "suites/seats.toml").write_text(f"{OURS}{line}\n")
    found = chosen("cabin/light.c", has=has)
    assert found.names == ()
    assert found.left_out == (("kselftest/seat:belt.sh", why),)
    assert asked.notes(found)[1] == f"tests left out: kselftest/seat (belt.sh): {why}"


def test_notes_put_programs_of_a_target_together(chosen: Choose) -> None:
    told = asked.notes(chosen("kernel/fly/wings/flap.c", "lib/list_sort.c"))
    assert told == (
        "tests chosen for what the series changes: kunit/LIST_KUNIT_TEST; kunit/SORT_KUNIT_TEST;"
        " kselftest/fly (wings.sh, clouds, take_off.sh)",
    )
    assert asked.notes(chosen("README")) == (
        "no suite covers what the series changes: those of the stack are run",
    )


def test_programs_of_a_target_that_are_left_out_for_one_reason_are_told_together(
    chosen: Choose,
) -> None:
    found = replace(
        chosen("README"),
        left_out=(("a:x", "slow"), ("b", "slow"), ("a:y", "slow"), ("a:z", "needs a card")),
    )
    assert grouped(found.left_out) == (
        Group("a", "slow", ("x", "y")),
        Group("b", "slow", ()),
        Group("a", "needs a card", ("z",)),
    )
    assert asked.notes(found)[1] == ("tests left out: a (x, y): slow; b: slow; a (z): needs a card")


def test_names_are_put_together() -> None:
    names = ["kselftest/a:x", "kunit/B", "kselftest/a:y"]
    assert suites_of(names) == {"kselftest/a": ["x", "y"], "kunit/B": []}


@pytest.mark.parametrize(
    ("pattern", "path", "is_it"),
    [
        ("kernel/", "kernel/a/b.c", True),
        ("kernel/", "kernels/b.c", False),
        ("kernel/*", "kernel/a.c", True),
        ("kernel/*", "kernel/a/b.c", False),
        ("*/net/", "drivers/net/a.c", True),
        ("kernel/fly*", "kernel/flying.c", True),
        ("kernel/fly", "kernel/fly/a.c", False),
    ],
)
def test_patterns_of_maintainers(pattern: str, path: str, is_it: bool) -> None:
    assert maintainers.matches(pattern, path) is is_it


def test_an_expression_that_cannot_be_read_names_nothing() -> None:
    (section,) = maintainers.parse("BROKEN\nN:\t(\n")
    assert section.nearness("a") == 0


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("fib_rule_tests.sh", {"fib", "rule"}),
        ("list-test.o", {"list"}),
        ("tcp6.c", {"tcp6"}),
        ("timers", {"timer"}),
    ],
)
def test_words_of_names(name: str, wanted: set[str]) -> None:
    assert words.words(name) - {"o"} == wanted


def test_a_word_that_few_have_says_more() -> None:
    ranks: Mapping[str, float] = words.ranked(
        ["net_a.sh", "net_b.sh", "fib.sh"], frozenset({"net", "fib"})
    )
    assert ranks["fib.sh"] > ranks["net_a.sh"] == ranks["net_b.sh"] > 0
