# SPDX-License-Identifier: GPL-2.0
"""What a build did with the files that a series changes, on the toy kernel built by real make."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kseries.build.stage import build
from kseries.compiled import changed as compiled
from kseries.config.fragments import config_values
from kseries.config.stage import config
from kseries.kbuild import make as kbuild
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    BuildPlace,
    ChangedFile,
    FileState,
    KernelConfig,
    Patch,
    PatchState,
    Series,
    Stack,
    Tree,
)

NET = "CONFIG_NET=y\nCONFIG_INET=y\n"
NETDEVSIM = f"{NET}CONFIG_NETDEVSIM=y\n"
Commit = Callable[[Tree, str, str, str], Tree]


@dataclass
class Bench:
    """A tree, patched by the series "toys", and a folder for what is made of it."""

    place: Path
    tree: Tree
    stack: Stack

    def built(self, fragment: str) -> KernelConfig:
        self.stack.fragments[0].write_text(fragment)
        run, cache = RunFolder(self.place / "run"), Cache(self.place / "cache")
        at = BuildPlace(self.place / "build", self.place / "ccache")
        configured = config(self.tree, self.stack, at, run, Silent())
        build(configured, self.stack, cache, run, Silent(), jobs=2)
        return configured

    def told(self, of: KernelConfig, stack: Stack) -> tuple[ChangedFile, ...] | None:
        box = kbuild.sandbox(self.tree.path, of.place, trusted=stack.trusted)
        return compiled.changed(of, stack, box)

    def changed(self, fragment: str) -> dict[str, ChangedFile]:
        found = self.told(self.built(fragment), self.stack)
        assert found is not None
        return {file.path: file for file in found}


@pytest.fixture
def bench(tmp_path: Path, toy_tree: Tree) -> Bench:
    place = tmp_path / "place"
    (place / "run").mkdir(parents=True)
    source = toy_tree.base.source
    stack = Stack("toy", source, (), "toys", (place / "base.config",), (), trusted=True)
    return Bench(place, toy_tree, stack)


def add(tree: Tree, files: dict[str, str]) -> Tree:
    """Add files to the tree, in one more patch of the series "toys"."""
    for name, text in files.items():
        (tree.path / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.path / name).write_text(text)
    git = ["git", "-c", "user.name=Toy", "-c", "user.email=toy@example.org"]
    subprocess.run([*git, "add", "."], cwd=tree.path, check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "add"], cwd=tree.path, check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], cwd=tree.path, check=True, capture_output=True, text=True
    ).stdout.strip()
    last = tree.patches[-1]
    patch = replace(last, index=last.index + 1, title="add", commit=head)
    return replace(tree, head=head, patches=(*tree.patches, patch))


@pytest.fixture
def patched(bench: Bench, toy_commit: Commit) -> Bench:
    """Three patches: to a file that is compiled, to one that needs NETDEVSIM, to both."""
    tree = toy_commit(bench.tree, "net/core.c", "return budget;", "return budget + 1;")
    tree = toy_commit(
        tree, "drivers/netdevsim.c", "int netdevsim", "#error not seen\nint netdevsim"
    )
    bench.tree = toy_commit(tree, "net/core.c", "budget + 1", "budget + 2")
    return bench


def test_a_file_that_the_config_leaves_out(patched: Bench) -> None:
    assert patched.changed(NET) == {
        "drivers/netdevsim.c": ChangedFile(
            "drivers/netdevsim.c",
            (2,),
            FileState.NOT_COMPILED,
            "CONFIG_NETDEVSIM is off",
            ("CONFIG_NETDEVSIM=y",),
        ),
        "net/core.c": ChangedFile("net/core.c", (1, 3), FileState.COMPILED, "net/core.o"),
    }


def test_the_same_where_the_build_had_nothing_to_do(patched: Bench) -> None:
    assert patched.changed(NET) == patched.changed(NET)


def test_an_object_of_an_earlier_config_is_no_evidence(bench: Bench, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "drivers/netdevsim.c", "budget / 2", "budget / 3")
    seen = bench.changed(NETDEVSIM)["drivers/netdevsim.c"]
    assert (seen.state, seen.by) == (FileState.COMPILED, "drivers/netdevsim.o")
    assert bench.changed(NET)["drivers/netdevsim.c"].state is FileState.NOT_COMPILED
    assert (bench.place / "build/made/drivers/.netdevsim.o.cmd").is_file()


def test_what_the_series_takes_out_of_the_build(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(bench.tree, "net/core.c", "int net_poll", "#error not seen\nint net_poll")
    tree = toy_commit(tree, "init/main.c", "net_poll(TOY_BUDGET)", "TOY_BUDGET")
    bench.tree = toy_commit(tree, "Makefile", "init/main.o net/core.o", "init/main.o")
    found = bench.changed(NET)
    assert found["init/main.c"].state is FileState.COMPILED
    core = found["net/core.c"]
    assert (core.state, core.needs) == (FileState.DROPPED, ())
    assert core.by == "no Makefile names it any more"
    again = "init/main.o\nobj-$(CONFIG_NEW) += net/core.o"
    bench.tree = toy_commit(bench.tree, "Makefile", "init/main.o", again)
    core = bench.changed(NET)["net/core.c"]
    assert (core.state, core.by) == (FileState.DROPPED, "CONFIG_NEW is off")
    assert core.needs == ("CONFIG_NEW=y",)


def test_what_was_never_built_is_not_taken_out(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(bench.tree, "net/core.c", "return budget;", "return budget + 1;")
    tree = toy_commit(tree, "drivers/netdevsim.c", "budget / 2", "budget / 3")
    tree = toy_commit(tree, "Makefile", "obj-$(CONFIG_NETDEVSIM)", "obj-$(CONFIG_NEW)")
    bench.tree = add(tree, {"net/new.c": "#error not seen\n"})
    found = bench.changed(NET)
    assert found["drivers/netdevsim.c"].state is FileState.NOT_COMPILED
    assert found["net/new.c"].state is FileState.NOT_COMPILED


def test_headers_count_where_something_that_was_compiled_includes_them(
    bench: Bench, toy_commit: Commit
) -> None:
    bench.tree = toy_commit(bench.tree, "include/linux/toy.h", "\n", "\n/* seen */\n")
    bench.tree = add(
        bench.tree,
        {
            "include/linux/lonely.h": "#error\n",
            "include/uapi/linux/lonely_abi.h": "#error\n",
            "drivers/netdevsim.h": "#error\n",
            "drivers/table.inc": "#error\n",
            "drivers/netdevsim.c": '#include "netdevsim.h"\n#include "table.inc"\n',
        },
    )
    found = bench.changed(NET)
    assert found["include/linux/toy.h"].state is FileState.COMPILED
    assert found["include/linux/toy.h"].by == "included by init/main.o"
    assert found["include/linux/lonely.h"].state is FileState.NOT_COMPILED
    assert found["include/linux/lonely.h"].by == "nothing that was compiled includes it"
    assert found["include/uapi/linux/lonely_abi.h"].state is FileState.NOT_COMPILED
    # What would include it tells what it needs.
    assert found["drivers/netdevsim.h"].needs == ("CONFIG_NETDEVSIM=y",)
    assert found["drivers/table.inc"].needs == ("CONFIG_NETDEVSIM=y",)


def test_a_change_that_conditions_leave_out(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(
        bench.tree, "net/core.c", "return netdevsim_poll(budget);", "#error\n\treturn 0;"
    )
    tree = toy_commit(tree, "init/main.c", "done += zcrx", "done -= zcrx")
    tree = toy_commit(tree, "init/main.c", "return done;", "return done + 1;")
    bench.tree = toy_commit(
        tree,
        "include/linux/toy.h",
        "int net_poll",
        "/* Why. */\n#if 0\n#error\n#endif\n\nint net_poll",
    )
    found = bench.changed(NET)
    core = found["net/core.c"]
    assert core.state is FileState.NOT_COMPILED
    assert core.by == "what is changed in it is left out by conditions on CONFIG_NETDEVSIM"
    assert core.needs == ("CONFIG_NETDEVSIM=y",)
    main = found["init/main.c"]
    assert main.state is FileState.COMPILED
    assert main.by == (
        "init/main.o; 1 of 2 changed lines are left out by conditions on CONFIG_IO_URING_ZCRX"
    )
    header = found["include/linux/toy.h"]
    assert header.state is FileState.NOT_COMPILED
    assert header.by == "what is changed in it is left out by conditions that no config meets"


def test_what_kconfig_and_make_read(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(bench.tree, "net/Kconfig", "TCP/IP", "IP")
    tree = toy_commit(tree, "Makefile", "NAME = Toy", "NAME = Toys")
    bench.tree = add(tree, {"tools/perf/toy.c": "#error\n", "drivers/toy/unknown.c": "#error\n"})
    assert {path: file.state for path, file in bench.changed(NET).items()} == {
        "net/Kconfig": FileState.READ,
        "Makefile": FileState.READ,
        "tools/perf/toy.c": FileState.NOT_BUILT,
        "drivers/toy/unknown.c": FileState.NOT_COMPILED,
    }


def test_deleted_files(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(bench.tree, "net/core.c", "return budget;", "return budget + 1;")
    tree = add(tree, {"net/short.c": "int net_short;\n"})
    (tree.path / "net/short.c").unlink()
    bench.tree = add(tree, {})
    assert bench.changed(NET)["net/short.c"] == ChangedFile(
        "net/short.c", (2, 3), FileState.DELETED
    )


def test_patches_that_the_base_has_already(bench: Bench, toy_commit: Commit) -> None:
    tree = toy_commit(bench.tree, "drivers/netdevsim.c", "budget / 2", "budget / 3")
    tree = toy_commit(tree, "net/core.c", "return budget;", "return budget + 1;")
    words = ("git", "format-patch", "-2", f"--output-directory={bench.place}")
    subprocess.run(words, cwd=tree.path, check=True, capture_output=True)
    mails = sorted(bench.place.glob("*.patch"))
    there = (
        replace(patch, state=PatchState.IN_BASE, commit="", found_as="reverse apply")
        for patch in tree.patches
    )
    bench.tree = replace(tree, patches=tuple(there))
    own = tuple(
        Patch(patch.index, patch.title, "Toy <toy@example.org>", "", mail, "")
        for patch, mail in zip(tree.patches, mails, strict=True)
    )
    toys = Series("toys", "Toys", "", 1, 2, "", (), (), own, "")
    bench.stack = replace(bench.stack, series=(toys,))
    assert {path: file.state for path, file in bench.changed(NET).items()} == {
        "drivers/netdevsim.c": FileState.NOT_COMPILED,
        "net/core.c": FileState.COMPILED,
    }


def test_not_known_without_a_series_under_test(patched: Bench) -> None:
    configured = patched.built(NET)
    assert patched.told(configured, replace(patched.stack, under_test="")) is None
    assert patched.told(configured, replace(patched.stack, whole=False)) is None


def test_other_series_of_the_stack_do_not_count(patched: Bench) -> None:
    assert patched.told(patched.built(NET), replace(patched.stack, under_test="other")) == ()


def test_a_symbol_is_set_by_a_line_of_its_own() -> None:
    text = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_CMDLINE="CONFIG_C=y"\nCONFIG_D=\n'
    assert config_values(text) == {"A": "y", "CMDLINE": '"CONFIG_C=y"', "D": ""}


def test_tests_of_the_tree_count_where_they_were_installed(tmp_path: Path) -> None:
    for name in ("net/ping.sh", "net/reuseport"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    names = ("net/ping.sh", "net/reuseport.c", "net/other.sh", "bpf/other.c")
    files = [
        ChangedFile(f"tools/testing/selftests/{name}", (1,), FileState.NOT_BUILT) for name in names
    ]
    found = compiled.with_tests(
        [*files, ChangedFile("tools/perf/x", (1,), files[0].state)], tmp_path
    )
    assert found is not None
    assert [file.state for file in found] == [FileState.COMPILED] * 2 + [FileState.NOT_BUILT] * 3
    assert [file.by for file in found[:3]] == [
        "the test net/ping.sh",
        "the test net/reuseport",
        "no suite of this run has it",
    ]
    assert compiled.with_tests(None, tmp_path) is None


def test_what_tests_are_built_by_counts_with_them(tmp_path: Path) -> None:
    for name in ("run_kselftest.sh", "drivers/ntsync/ntsync"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    names = ("Makefile", "drivers/ntsync/Makefile", "drivers/ntsync/config", "drivers/Makefile")
    files = [
        ChangedFile(f"tools/testing/selftests/{name}", (1,), FileState.NOT_BUILT)
        for name in (*names, "drivers/ntsync/README", "net/Makefile")
    ]
    found = compiled.with_tests(files, tmp_path)
    assert found is not None
    by = ["the tests of tools/testing/selftests/", *2 * ["the tests of drivers/ntsync"]]
    assert [file.by for file in found] == by + 3 * ["no suite of this run has it"]
    assert [file.state is FileState.COMPILED for file in found] == 3 * [True] + 3 * [False]
