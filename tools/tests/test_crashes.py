# SPDX-License-Identifier: GPL-2.0
"""From a splat to the patch: the toy kernel built by real make, its lines blamed by real git."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kseries.apply import blame
from kseries.build.stage import build
from kseries.config.stage import config
from kseries.lib.gitrepo import GitError, Repository
from kseries.lib.paths import Cache
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    AppliedPatch,
    BuildPlace,
    EventKind,
    Kernel,
    KernelEvent,
    PatchState,
    Place,
    Series,
    Stack,
    TestOutcome,
    Tree,
)
from kseries.run import crashes
from kseries.verdict import findings

Commit = Callable[[Tree, str, str, str], Tree]

ZCRX, NET = "io_uring/zcrx.c", "net/core.c"


def splat(*functions: str, line: int = 40, during: str = "zcrx/recv: a") -> KernelEvent:
    """Make a complaint of the first function, called by the others."""
    here, *callers = functions
    lines = (
        f"WARNING: CPU: 0 PID: 7 at x.c:1 {here}+0x0/0x10",
        f"RIP: 0010:{here}+0x0/0x10",
        "Call Trace:",
        " <TASK>",
        *(f" {caller}+0x1/0x40" for caller in callers),
        " </TASK>",
    )
    return KernelEvent(EventKind.WARN, f"WARNING: at {here}", here, line, lines, during)


@dataclass
class Bench:
    """A place to build a tree in, and to examine what its kernel said."""

    place: Path

    @property
    def stack(self) -> Stack:
        series = tuple(
            Series(name, name, "", 1, 1, "", (), (), (), "") for name in ("toys", "more")
        )
        source = self.tree.base.source
        return Stack("toy", source, series, "toys", (self.place / "base.config",), ())

    def examine(self, tree: Tree, *events: KernelEvent) -> TestOutcome:
        self.tree = tree
        cache, run = Cache(self.place / "cache"), RunFolder(self.place / "run")
        at = BuildPlace(self.place / "build", self.place / "ccache")
        configured = config(tree, self.stack, at, run, Silent())
        self.kernel: Kernel = build(configured, self.stack, cache, run, Silent(), jobs=2)
        outcome = TestOutcome((), events, {"boots": "1"}, ("a note",))
        return crashes.examine(outcome, self.kernel, self.stack, run)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    place = tmp_path / "place"
    (place / "run").mkdir(parents=True)
    (place / "base.config").write_text(
        "CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_IO_URING=y\nCONFIG_NETDEVSIM=y\n"
        "CONFIG_IO_URING_ZCRX=y\n"
    )
    return Bench(place)


def of_series(tree: Tree, name: str) -> Tree:
    """Give the last patch of a tree to another series."""
    return replace(tree, patches=(*tree.patches[:-1], replace(tree.patches[-1], series=name)))


def test_a_crash_is_blamed_on_the_patch_that_wrote_the_line(
    bench: Bench, toy_tree: Tree, toy_commit: Commit
) -> None:
    tree = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    again = splat("zcrx_poll", "start_kernel", line=90, during="zcrx/recv: b")
    outcome = bench.examine(tree, splat("zcrx_poll", "start_kernel"), again)
    (finding,) = outcome.findings
    assert (finding.count, finding.line, finding.undecoded) == (2, 40, "")
    assert finding.during == ("zcrx/recv: a", "zcrx/recv: b")
    assert finding.stack[0] == "zcrx_poll (io_uring/zcrx.c:6)"
    assert finding.stack[1].startswith("start_kernel (init/main.c:")
    assert finding.suspect is not None
    assert (finding.suspect.series, finding.suspect.index) == ("toys", 1)
    assert finding.suspect.commit == tree.head
    assert finding.suspect.at == "io_uring/zcrx.c:6 in zcrx_poll"
    assert [event.fingerprint for event in outcome.events] == [finding.fingerprint] * 2
    assert (outcome.facts, outcome.notes) == ({"boots": "1"}, ("a note",))


def test_a_fingerprint_outlives_edits_around_it(
    bench: Bench, toy_tree: Tree, toy_commit: Commit
) -> None:
    one = bench.examine(toy_tree, splat("zcrx_poll", "start_kernel")).findings[0]
    moved = toy_commit(toy_tree, ZCRX, "#include", "/* one more line */\n\n#include")
    two = bench.examine(moved, splat("zcrx_poll", "start_kernel")).findings[0]
    assert one.stack[0] == "zcrx_poll (io_uring/zcrx.c:6)"
    assert two.stack[0] == "zcrx_poll (io_uring/zcrx.c:8)"
    assert one.fingerprint == two.fingerprint
    by_names = findings.together([splat("zcrx_poll", "start_kernel")])[1][0]
    assert by_names.fingerprint != one.fingerprint


def test_no_patch_is_named_for_a_line_of_the_base(
    bench: Bench, toy_tree: Tree, toy_commit: Commit
) -> None:
    tree = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    (finding,) = bench.examine(tree, splat("net_poll")).findings
    assert finding.stack[0].startswith("net_poll (net/core.c:")
    assert finding.suspect is None


def test_the_series_under_test_comes_first_then_the_innermost_function(
    bench: Bench, toy_tree: Tree, toy_commit: Commit
) -> None:
    tree = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    tree = of_series(toy_commit(tree, NET, "poll(budget);", "poll(budget + 1);"), "more")
    found = bench.examine(
        tree, splat("net_poll", "zcrx_poll"), splat("net_poll", "start_kernel"),
    ).findings  # fmt: skip
    named = [finding.suspect and (finding.suspect.series, finding.suspect.at) for finding in found]
    assert named == [
        ("toys", "io_uring/zcrx.c:6 in zcrx_poll"),
        ("more", "net/core.c:7 in net_poll"),
    ]


def test_lines_far_out_in_a_stack_are_not_looked_at(
    toy_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = AppliedPatch("toys", 1, "title", "1" * 40, PatchState.APPLIED, "")
    monkeypatch.setattr(
        blame, "author", lambda _tree, file, _line: author if file == ZCRX else None
    )
    traced = findings.Traced.read([splat("zcrx_poll")])
    (call,) = traced.calls()
    for depth, is_named in ((24, True), (25, False)):
        # What was inlined gives a call several lines.
        places = {call: (*[Place(NET, 1)] * (depth - 1), Place(ZCRX, 6))}
        _, ((finding, traces),) = findings.collect(traced, places, "")
        named = crashes._with_suspect(finding, traces, places, toy_tree, "toys")
        assert (named.suspect is not None) == is_named


def test_without_vmlinux_functions_are_told(bench: Bench, toy_tree: Tree) -> None:
    outcome = bench.examine(toy_tree)
    assert outcome.findings == ()
    (bench.kernel.config.place.made / "vmlinux").unlink()
    event = splat("zcrx_poll", "start_kernel")
    outcome = crashes.examine(
        replace(outcome, events=(event,)),
        bench.kernel,
        bench.stack,
        RunFolder(bench.place / "run"),
    )
    (finding,) = outcome.findings
    assert finding.undecoded == "the build folder has no vmlinux"
    assert finding.stack == ("zcrx_poll", "start_kernel")
    assert finding.fingerprint == findings.together([event])[1][0].fingerprint
    assert finding.suspect is None


def test_a_complaint_without_a_stack(bench: Bench, toy_tree: Tree) -> None:
    leak = KernelEvent(EventKind.LEAK, "kmemleak: 3 new suspected", "", 9, (), "shutdown")
    (finding,) = bench.examine(toy_tree, leak).findings
    assert (finding.stack, finding.undecoded, finding.suspect) == ((), "", None)
    # There is nothing to look up, so code of the tree is not run.
    assert not (bench.place / "run/decode.log").exists()


def test_git_that_fails_loses_nothing(
    bench: Bench, toy_tree: Tree, toy_commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> AppliedPatch:
        raise GitError("git cannot be run.", where="here", said="no")

    monkeypatch.setattr(blame, "author", broken)
    tree = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    (finding,) = bench.examine(tree, splat("zcrx_poll")).findings
    assert finding.stack == ("zcrx_poll (io_uring/zcrx.c:6)",)
    assert finding.suspect is None


# ---- blame


def test_blame(toy_tree: Tree, toy_commit: Commit) -> None:
    one = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    two = toy_commit(one, ZCRX, "#include", "\n#include")
    assert blame.author(two, ZCRX, 7) == two.patches[0]  # moved by the second
    assert blame.author(two, ZCRX, 2) == two.patches[1]
    assert blame.author(two, ZCRX, 1) is None
    assert blame.author(toy_tree, ZCRX, 6) is None


@pytest.mark.parametrize(
    ("file", "line"), [("no/such.c", 1), (ZCRX, 9999), (ZCRX, 0), ("--help", 1), (":(glob)*", 1)]
)
def test_blame_of_what_is_not_there(
    toy_tree: Tree, toy_commit: Commit, file: str, line: int
) -> None:
    tree = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    assert blame.author(tree, file, line) is None


def test_blame_knows_only_applied_patches(toy_tree: Tree, toy_commit: Commit) -> None:
    tree = toy_commit(toy_tree, ZCRX, "budget - 1", "budget - 2")
    (patch,) = tree.patches
    in_base = replace(patch, state=PatchState.IN_BASE, commit="")
    assert blame.author(replace(tree, patches=(in_base,)), ZCRX, 6) is None
    assert Repository(tree.base.repo).commit_of(patch.commit) == patch.commit
