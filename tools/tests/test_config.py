# SPDX-License-Identifier: GPL-2.0
"""Stage config on the toy kernel: real make, real Kconfig, really sandboxed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kseries.config import fragments, kconfig_ask
from kseries.config import stage as config_stage
from kseries.config.stage import config, why
from kseries.kbuild.failure import BuildFailed
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import BuildPlace, KernelConfig, Stack, Tree

BASE = ("CONFIG_NET=y", "CONFIG_INET=y", "CONFIG_IO_URING=y", "CONFIG_NR_CPUS=4")
ZCRX = ("CONFIG_NETDEVSIM=y", "CONFIG_IO_URING_ZCRX=y")
Commit = Callable[[Tree, str, str, str], Tree]


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class Bench:
    """A folder with fragments, cache and run, and a tree to configure."""

    place: Path
    tree: Tree
    progress: Notes = field(default_factory=Notes)

    def fragment(self, name: str, lines: Sequence[str]) -> Path:
        file = self.place / f"{name}.config"
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def stack(self, *files: Path, trusted: bool = False) -> Stack:
        return Stack("toy", self.tree.base.source, (), "toys", files, (), trusted)

    def configure(self, *files: Path, trusted: bool = False) -> KernelConfig:
        run = RunFolder(self.place / "run")
        stack = self.stack(*files, trusted=trusted)
        return config(self.tree, stack, self.at(*files), run, self.progress)

    def at(self, *files: Path) -> BuildPlace:
        name = "+".join(file.stem for file in files)
        return BuildPlace(self.place / "build" / name, self.place / "ccache")


@pytest.fixture
def bench(tmp_path: Path, toy_tree: Tree) -> Bench:
    place = tmp_path / "place"
    (place / "run").mkdir(parents=True)
    return Bench(place, toy_tree)


@pytest.fixture
def base(bench: Bench) -> Path:
    return bench.fragment("base", BASE)


# ---------------------------------------------------------------- the stage


def test_configures_and_keeps_promises(bench: Bench, base: Path) -> None:
    made = bench.configure(base, bench.fragment("zcrx", ZCRX))
    assert made.name == "base+zcrx"
    text = (made.place.state / "config").read_text()
    lines = text.splitlines()
    assert {*BASE, *ZCRX, "CONFIG_PAGE_POOL=y", "CONFIG_CC_IS_GCC=y"} <= set(lines)
    assert made.enabled == sum(line.endswith("=y") for line in lines) == 8
    assert bench.progress.notes == []


def test_a_whole_configuration_is_begun_with(bench: Bench, base: Path, toy_commit: Commit) -> None:
    last = '\tbool "Debug information"\n'
    more = "".join(f'config {name}\n\tbool "x"\n\tdefault y\n' for name in ("PRINTK", "OLD"))
    bench.tree = toy_commit(bench.tree, "Kconfig", last, f"{last}\n{more}")
    lines = ("# a whole .config: of lab1", "CONFIG_NETDEVSIM=y", "CONFIG_INET=y", "CONFIG_GONE=y")
    own = bench.fragment("lab1", [*lines, "CONFIG_NR_CPUS=64", "# CONFIG_OLD is not set"])
    made = bench.configure(own, base)
    assert made.name == "lab1+base"
    found = set((made.place.state / "config").read_text().splitlines())
    assert {*BASE, "CONFIG_NETDEVSIM=y", "# CONFIG_OLD is not set"} <= found
    assert "CONFIG_PRINTK=y" in found, "what nothing names has its default"
    assert made.added == ()
    assert bench.progress.notes == ["lab1: 1 of the 2 options that are on there are kept"]
    promised = bench.fragment("more", ["CONFIG_OLD=y", "# CONFIG_NETDEVSIM is not set"])
    made = bench.configure(promised, own, base)
    found = set((made.place.state / "config").read_text().splitlines())
    assert {"CONFIG_OLD=y", "# CONFIG_NETDEVSIM is not set"} <= found


def test_wishes_go_before_a_whole_configuration(bench: Bench, base: Path) -> None:
    own = bench.fragment("lab1", ["# a whole .config", "# CONFIG_DEBUG_INFO is not set"])
    wishes = bench.fragment("changed", ["CONFIG_DEBUG_INFO=y"])
    stack, run = bench.stack(base, own), RunFolder(bench.place / "run")
    made = config(bench.tree, stack, bench.at(base, own), run, bench.progress, wishes=wishes)
    assert made.added == ("CONFIG_DEBUG_INFO=y",)


def test_unchanged_input_starts_no_make_and_leaves_config_alone(bench: Bench, base: Path) -> None:
    made = bench.configure(base)
    file = made.place.state / "config"
    before = file.stat().st_mtime_ns
    log = bench.place / "run" / "config.log"
    size = log.stat().st_size
    assert bench.configure(base) == made
    assert log.stat().st_size == size, "make was started"
    # Another comment: made again, the same .config comes out, make must not see a change.
    bench.fragment("base", [*BASE, "# nothing new", "# CONFIG_PREEMPT_RT is not set"])
    assert bench.configure(base) == made
    assert log.stat().st_size > size
    assert file.stat().st_mtime_ns == before


def test_changed_kconfig_is_seen(bench: Bench, base: Path, toy_commit: Commit) -> None:
    bench.configure(base)
    bench.tree = toy_commit(
        bench.tree, "net/Kconfig", "bool\n\tdefault y if", "bool\n\tdefault n if"
    )
    with pytest.raises(CheckFailed, match="1 promise of 5 not kept"):
        bench.configure(bench.fragment("base", [*BASE, "CONFIG_NET_RX_BUSY_POLL=y"]))


def test_uncommitted_change_is_seen(bench: Bench, base: Path) -> None:
    made = bench.configure(base)
    kconfig = bench.tree.path / "net" / "Kconfig"
    kconfig.write_text(kconfig.read_text().replace("default y if !PREEMPT_RT", "default n"))
    assert bench.configure(base).sha256 != made.sha256


def test_config_that_cannot_be_met(bench: Bench, base: Path) -> None:
    zcrx = bench.fragment("zcrx", [*ZCRX, "CONFIG_PREEMPT_RT=y", "CONFIG_NR_CPUS=100"])
    with pytest.raises(UserError, match="2 promises of 7 not kept, none by a change") as error:
        bench.configure(base, zcrx)
    assert error.value.where.splitlines() == [
        f"{zcrx}:4: CONFIG_NR_CPUS=100 promised, 8 found",
        "  NR_CPUS = 8 (can be set: CONFIG_NR_CPUS=…)",
        '    int, "Maximum number of CPUs", defined at Kconfig:10',
        "    range 2 64",
        f"{zcrx}:2: CONFIG_IO_URING_ZCRX=y promised, n found",
        "  IO_URING_ZCRX = n (needs NET_RX_BUSY_POLL)",
        "    bool, no prompt, defined at io_uring/Kconfig:5",
        "    depends on IO_URING [=y] && PAGE_POOL [=y] && INET [=y] && NET_RX_BUSY_POLL [=n]",
        "    default y",
        "    NET_RX_BUSY_POLL = n (needs !PREEMPT_RT)",
        "      bool, no prompt, defined at net/Kconfig:10",
        "      depends on NET [=y]",
        "      default y if !PREEMPT_RT [=y]",
        "      PREEMPT_RT = y (set in the config)",
        '        bool, "Fully Preemptible Kernel (Real-Time)", defined at Kconfig:7',
    ]
    assert "kseries config why" in error.value.do
    assert not (bench.tree.path / "out-base+zcrx" / ".config").exists()
    # The next, better one goes through.
    bench.configure(base, bench.fragment("zcrx", ZCRX))


def test_a_symbol_that_the_tree_has_not_is_passed_over_where_the_series_is_cut(
    bench: Bench, base: Path
) -> None:
    more = bench.fragment("more", ["CONFIG_IO_URING_ZCRY=y"])
    part = replace(bench.stack(base, more), whole=False)
    run = RunFolder(bench.place / "run")
    config(bench.tree, part, bench.at(base, more), run, bench.progress)
    told = "not in this tree, which has not the whole series: IO_URING_ZCRY"
    assert bench.progress.notes == [told]
    # The same fragments with the whole series are no better for it.
    with pytest.raises(UserError, match="1 promise"):
        bench.configure(base, more)
    # A symbol that is there and cannot be had is still a promise; the cut may be why.
    bench.fragment("more", ["CONFIG_IO_URING_ZCRX=y"])
    with pytest.raises(CheckFailed, match="1 promise"):
        config(bench.tree, part, bench.at(base, more), run, bench.progress)


def test_broken_kconfig(bench: Bench, base: Path, toy_commit: Commit) -> None:
    bench.tree = toy_commit(bench.tree, "net/Kconfig", "menuconfig NET", "menuconfigg NET")
    with pytest.raises(BuildFailed, match="net/Kconfig:2") as error:
        bench.configure(base)
    assert 'patch: toys 1 "change net/Kconfig"' in error.value.where
    assert str(bench.place / "run" / "config.log") in error.value.where


def test_kconfig_runs_code_in_the_sandbox_only(
    bench: Bench, base: Path, toy_commit: Commit
) -> None:
    spoiled = bench.place / "spoiled"
    spoiled.touch()
    spoiled.chmod(0o666)
    spoil = f"$(shell,echo x >> {spoiled}; cat {base} >/dev/null 2>&1 && echo y || echo n)"
    bench.tree = toy_commit(
        bench.tree, "net/Kconfig", "default y if !PREEMPT_RT", f"default {spoil}"
    )
    text = (bench.configure(base).place.state / "config").read_text()
    assert "# CONFIG_NET_RX_BUSY_POLL is not set" not in text
    assert "CONFIG_NET_RX_BUSY_POLL=y" not in text
    assert spoiled.read_text() == ""
    # Trusted, the same code does what it wants.
    assert bench.configure(base, trusted=True)
    assert spoiled.read_text() != ""


def test_killed_before_the_end_starts_anew(bench: Bench, base: Path) -> None:
    made = bench.configure(base)
    (made.place.state / "config").write_text("CONFIG_SPOILED=y\n")
    assert bench.configure(base) == made
    (made.place.state / "config").unlink()
    assert bench.configure(base) == made
    (made.place.state / "config.json").unlink()
    assert bench.configure(base) == made


def test_tree_that_moved_on(bench: Bench, base: Path, toy_commit: Commit) -> None:
    toy_commit(bench.tree, "net/Kconfig", "Networking", "Networked")
    with pytest.raises(UserError, match="changed since the stack was applied"):
        bench.configure(base)


def test_what_the_sandbox_says_of_promises_is_not_believed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bench.fragment("own", ["CONFIG_NET=y", "CONFIG_INET=y"])
    promises = fragments.read([file], "6.12").promises
    monkeypatch.setattr(kconfig_ask, "ask", lambda *_, **__: ([], []))
    box: Any = SimpleNamespace(inside_state=Path("/state"))
    text = "CONFIG_NET=y\n# CONFIG_INET is not set\n"
    broken = config_stage._broken_promises(box, promises, text, Silent(), whole=True)
    assert [(told.symbol, told.found) for told in broken] == [("INET", "n")]


# ---------------------------------------------------------------- why


def test_why(bench: Bench, base: Path) -> None:
    made = bench.configure(base)
    stack = bench.stack(base)
    assert why(made.tree, stack, made.place, "config_page_pool").splitlines() == [
        "PAGE_POOL = n (cannot be set, only selected)",
        "  bool, no prompt, defined at net/Kconfig:14",
        "  depends on NET [=y]",
        "  selected by NETDEVSIM = n (can be set: CONFIG_NETDEVSIM=y)",
    ]
    with pytest.raises(UserError, match="no symbol PAGE_POLL") as error:
        why(made.tree, stack, made.place, "PAGE_POLL")
    assert error.value.do == "like it: PAGE_POOL"
    other = bench.fragment("other", ["CONFIG_NET=y"])
    place = bench.at(base, other)
    with pytest.raises(UserError, match="The tree is not configured") as error:
        why(made.tree, bench.stack(base, other), place, "PAGE_POOL")
    assert error.value.where == str(place.folder)
    assert "kseries config" in error.value.do
    # The compiler cache may have been cleared since.
    shutil.rmtree(made.place.ccache)
    assert why(made.tree, stack, made.place, "NET").startswith("NET = y")
