# SPDX-License-Identifier: GPL-2.0
"""Whose fault a broken promise is, on the toy kernel: the series' (1) or the request's (2)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.config.stage import config
from kseries.lib.errors import CheckFailed, KseriesError, UserError
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import BuildPlace, Stack, Tree

Commit = Callable[[Tree, str, str, str], Tree]
NET = ("CONFIG_NET=y", "CONFIG_INET=y")


@pytest.fixture
def blame(tmp_path: Path, toy_tree: Tree) -> Callable[..., KseriesError]:
    def configure(tree: Tree, *lines: str, under_test: str = "toys") -> KseriesError:
        place = tmp_path / "place"
        (place / "run").mkdir(parents=True, exist_ok=True)
        fragment = place / "mine.config"
        fragment.write_text("".join(f"{line}\n" for line in lines))
        stack = Stack("toy", tree.base.source, (), under_test, (fragment,), ())
        run = RunFolder(place / "run")
        with pytest.raises(KseriesError) as error:
            config(tree, stack, BuildPlace(place / "build", place / "ccache"), run, Silent())
        return error.value

    return configure


Blame = Callable[..., KseriesError]


def test_a_symbol_that_is_nowhere_is_the_requests(blame: Blame, toy_tree: Tree) -> None:
    error = blame(toy_tree, *NET, "CONFIG_NETDEVSIN=y", "# CONFIG_IO_URNIG is not set")
    assert isinstance(error, UserError)
    assert "2 promises of 4 not kept, none by a change of the series" in error.what
    mine = error.where.splitlines()[0].split(":")[0]
    assert error.where.splitlines() == [
        f"{mine}:3: CONFIG_NETDEVSIN=y promised, but the tree has no such symbol",
        "  like it: NETDEVSIM",
        "  if a series adds it: does the stack have that series?",
        f"{mine}:4: CONFIG_IO_URNIG=n promised, but the tree has no such symbol",
        "  like it: IO_URING",
        "  if a series adds it: does the stack have that series?",
    ]


@pytest.mark.parametrize("line", ['CONFIG_INET="y"', "CONFIG_INET=1", "CONFIG_NR_CPUS=y"])
def test_a_value_of_another_type_is_the_requests(blame: Blame, toy_tree: Tree, line: str) -> None:
    assert isinstance(blame(toy_tree, "CONFIG_NET=y", line), UserError)


def test_a_fragment_that_says_more_than_it_can_keep(blame: Blame, toy_tree: Tree) -> None:
    error = blame(toy_tree, "# kernels: 6.1 or later", "CONFIG_NET_DEVMEM=y")
    assert isinstance(error, UserError)
    assert "said to hold for kernels 6.1 or later; this is Linux 6.99.0" in error.where


# Each breaks the promises of `lines` by a change of the tree, which kept them before.
@pytest.mark.parametrize(
    ("file", "old", "new", "lines"),
    [
        ("net/Kconfig", "config INET\n", "config INET\n\tdepends on PREEMPT_RT\n", NET),
        ("net/Kconfig", "config INET\n", "config INET4\n", NET),
        ("net/Kconfig", "if NET\n", "if NET && PREEMPT_RT\n", NET),
        ("Kconfig", 'source "net/Kconfig"\n', "", NET),
        ("Kconfig", "range 2 64", "range 2 4", ("CONFIG_NR_CPUS=8",)),
        (
            "net/Kconfig",
            "\tselect PAGE_POOL\n",
            "",
            (*NET, "CONFIG_NETDEVSIM=y", "CONFIG_PAGE_POOL=y"),
        ),
        # By what it depends on, two steps away.
        (
            "net/Kconfig",
            "default y if !PREEMPT_RT",
            "default y if PREEMPT_RT",
            (*NET, "CONFIG_NETDEVSIM=y", "CONFIG_IO_URING=y", "CONFIG_IO_URING_ZCRX=y"),
        ),
        (
            "Kconfig",
            "config PREEMPT_RT\n",
            "config FORCED\n\tdef_bool y\n\tselect PREEMPT_RT\n\nconfig PREEMPT_RT\n",
            ("# CONFIG_PREEMPT_RT is not set",),
        ),
    ],
)  # fmt: skip
def test_what_the_series_breaks_is_its_fault(
    blame: Blame, toy_tree: Tree, toy_commit: Commit, file: str, old: str, new: str, lines: str
) -> None:
    tree = toy_commit(toy_tree, file, old, new)
    assert isinstance(blame(tree, *lines), CheckFailed)
    # The same change by a series that the one under test stands on is not.
    assert isinstance(blame(tree, *lines, under_test="other"), UserError)
    assert isinstance(blame(tree, *lines, under_test=""), UserError)


def test_a_file_that_nothing_takes_in_is_the_series_fault(
    blame: Blame, toy_tree: Tree, toy_commit: Commit
) -> None:
    tree = toy_commit(toy_tree, "net/Kconfig", "config INET\n", "config INET\n\t# one\n")
    deep = tree.path / "net/Kconfig.deep"
    deep.write_text("config DEEP\n\tbool\n")
    subprocess.run(["git", "add", str(deep)], cwd=tree.path, check=True)
    tree = toy_commit(tree, "net/Kconfig", "\t# one\n", "")
    assert isinstance(blame(tree, "CONFIG_DEEP=y"), CheckFailed)


def test_what_a_series_does_elsewhere_is_no_reason(
    blame: Blame, toy_tree: Tree, toy_commit: Commit
) -> None:
    # INET lacks NET, in the very file that the series changes.
    tree = toy_commit(
        toy_tree, "net/Kconfig", "config PAGE_POOL", "config MORE\n\tbool\n\nconfig PAGE_POOL"
    )
    assert isinstance(blame(tree, "CONFIG_INET=y"), UserError)
    # Both at once: the series does not pass, and the rest is told apart.
    tree = toy_commit(tree, "Kconfig", "range 2 64", "range 2 4")
    error = blame(tree, "CONFIG_INET=y", "CONFIG_NR_CPUS=8")
    assert isinstance(error, CheckFailed)
    text = error.where
    assert (
        text.index("NR_CPUS=8") < text.index("not by a change of the series") < text.index("INET=y")
    )


def test_what_computes_values_can_break_any_promise(
    blame: Blame, toy_tree: Tree, toy_commit: Commit
) -> None:
    makefile = toy_tree.path / "Makefile"
    first = makefile.read_text().splitlines()[0]
    tree = toy_commit(toy_tree, "Makefile", first, f"{first}\n# more")
    assert isinstance(blame(tree, "CONFIG_INET=y"), CheckFailed)


def test_of_a_series_that_is_cut_nobody_can_say(toy_tree: Tree, tmp_path: Path) -> None:
    fragment = tmp_path / "mine.config"
    fragment.write_text("CONFIG_INET=y\n")
    stack = Stack("toy", toy_tree.base.source, (), "toys", (fragment,), ())
    with pytest.raises(CheckFailed):
        config(
            toy_tree,
            replace(stack, whole=False),
            BuildPlace(tmp_path / "build", tmp_path / "ccache"),
            RunFolder(tmp_path),
            Silent(),
        )
