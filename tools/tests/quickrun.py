# SPDX-License-Identifier: GPL-2.0
"""Runs of which nothing is applied or built: what patches do to a test is a function of them.

Whole runs on the toy kernel take seconds each. Here the stages that take them leave what a test
says, and tests run for real, as scripts on this host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kseries.apply.conflict import PatchConflict
from kseries.build import place as buildplace
from kseries.kbuild import make as kbuild
from kseries.lib.errors import CheckFailed
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    AppliedPatch,
    BaseTree,
    InstalledSuites,
    Kernel,
    KernelConfig,
    LocalSource,
    NamedSource,
    Patch,
    PatchState,
    Request,
    Series,
    Stack,
    TestProgram,
    Tree,
)
from kseries.run import baseline, pipeline, stages
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.series.archive import ArchiveConfig
from kseries.stacks.stack import Plan
from kseries.suite import SELFTESTS, Kselftest, Program, Suite
from tests.hosttarget import HostTarget

SOURCE = NamedSource("toy", LocalSource("local", Path("/toy")))
NAMES = ("ping", "pong")
DEMO = Suite(
    "demo",
    Kselftest(
        title="demo",
        kind="kselftest",
        targets=("demo",),
        programs=tuple(Program(name, "demo") for name in NAMES),
    ),
)
SAYS = "#!/bin/sh\necho TAP version 13\n"
GOOD = f"{SAYS}echo ok 1 a\necho ok 2 b\necho 1..2\n"
BAD = f"{SAYS}echo not ok 1 a\necho ok 2 b\necho 1..2\nexit 1\n"
WARNS = f"""{GOOD}cat >>$KMSG <<'END'
[    9.000000] ------------[ cut here ]------------
[    9.000001] WARNING: CPU: 0 PID: 7 at net/core.c:12 net_poll+0x1/0x2
[    9.000002] ---[ end trace 0000000000000000 ]---
END
"""

Says = Callable[[frozenset[str]], dict[str, str]]
"""Programs → scripts, of a tree with patches of these titles.

Raises PatchConflict where they do not apply, and CheckFailed where that does not build.
"""


def series(name: str, *titles: str, requires: tuple[str, ...] = ()) -> Series:
    patches = tuple(
        Patch(number, title, "", "", Path(), f"{number:064}")
        for number, title in enumerate(titles, 1)
    )
    return Series(name, name, "", 1, len(patches), "", requires, (), patches, "")


def conflict(name: str) -> PatchConflict:
    """Give the error of a series that does not apply."""
    states = (("prep", PatchState.APPLIED), (name, PatchState.CONFLICT))
    patches = tuple(AppliedPatch(one, 1, "t", "", state) for one, state in states)
    return PatchConflict("it does not apply", where="", do="", patches=patches)


class Heard(Silent):
    """Keeps what is noted, and what is going on."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.updates: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        self.updates.append(text)


@dataclass
class QuickRun:
    """Runs of a stack.

    says: what its tests do. made: titles of the patches in each kernel that was built. places:
    where they were.
    """

    root: Path
    stack: Stack
    says: Says
    cases: tuple[str, ...] = ("a", "b")  # that its programs plan
    case_option: str = "-r"  # of its programs
    extended: tuple[str, ...] = ()  # programs that take minutes
    boots: tuple[str, ...] = ()  # of each machine: why its kernel dies
    heard: Heard = field(default_factory=Heard)
    made: list[frozenset[str]] = field(default_factory=list)
    places: set[Path] = field(default_factory=set)
    machines: list[HostTarget] = field(default_factory=list)

    def work(self, name: str = "run", **asked: Any) -> RunContext:
        """Give a run whose series and source are read. name: of its folder."""
        project = Project(self.root / "project")
        for folder in (project.trees, project.configs / "targets", self.root / name):
            folder.mkdir(parents=True, exist_ok=True)
        planned = Plan("st", SOURCE, (), self.stack.under_test, (), (DEMO,), trusted=True,
                       incremental=False, archive=ArchiveConfig())  # fmt: skip
        work = RunContext(
            Request(machines=1, reruns=False, **asked),
            planned,
            project,
            Cache(self.root / "cache"),
            RunFolder(self.root / name),
            self.heard,
        )
        work.outcomes["series"] = self.stack
        work.outcomes["fetch"] = BaseTree(SOURCE, self.root / "repo", "0" * 40, "6.12", "toy")
        return work

    def through(self, work: RunContext, stages: Sequence[Stage[Any]]) -> None:
        """Stand in for `pipeline.through`."""
        own = {"apply": self._apply, "config": self._config, "build": self._build,
               "install": self._install}  # fmt: skip
        for stage in stages:
            pipeline.keep(stage, work, own.get(stage.name, stage.carry_out)(work))

    def target(self, folder: RunFolder, number: int) -> HostTarget:
        root = self.root / f"machine-{len(self.machines)}"
        self.machines.append(HostTarget(root, folder.console(number), self.boots))
        return self.machines[-1]

    def _titles(self, work: RunContext) -> frozenset[str]:
        return frozenset(patch.title for one in work.stack.series for patch in one.patches)

    def _apply(self, work: RunContext) -> Tree:
        patches = [(one.name, patch) for one in work.stack.series for patch in one.patches]
        path = buildplace.worktree(work.stack_folder)
        tests = path / SELFTESTS / "demo"
        tests.mkdir(parents=True, exist_ok=True)
        for file in tests.iterdir():
            file.unlink()
        try:
            names = list(self.says(self._titles(work)))
        except PatchConflict:
            raise
        except CheckFailed:
            names = list(NAMES)
        for name in names:
            (tests / name).touch()
        applied = tuple(
            AppliedPatch(name, p.index, p.title, "", PatchState.APPLIED, f"commit-{p.title}")
            for name, p in patches
        )
        head = applied[-1].commit if applied else "0" * 40
        return Tree(path, work.outcome(stages.FETCH), head, applied)

    def _config(self, work: RunContext) -> KernelConfig:
        place, text = work.place, "-".join(sorted(self._titles(work)))
        place.state.mkdir(parents=True, exist_ok=True)
        (place.state / kbuild.CONFIG).write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return KernelConfig(work.outcome(stages.APPLY), place, "base", digest, 0)

    def _build(self, work: RunContext) -> Kernel:
        self.made.append(self._titles(work))
        self.places.add(work.outcome(stages.CONFIG).place.folder)
        self.says(self._titles(work))
        image = self.root / "image"
        image.write_text("-".join(sorted(self._titles(work))))
        return Kernel(work.outcome(stages.CONFIG), image, "6.12", "gcc", 1, 0.0, Path())

    def _install(self, work: RunContext) -> InstalledSuites:
        folder = work.run.path / "installed"
        (folder / "demo").mkdir(parents=True, exist_ok=True)
        says = self.says(self._titles(work))
        for name, script in says.items():
            (folder / "demo" / name).write_text(script)
            (folder / "demo" / name).chmod(0o755)
        return InstalledSuites(folder, tuple(map(self._program, says)))

    def _program(self, name: str) -> TestProgram:
        option, minutes = self.case_option, name in self.extended
        planned = TestProgram("demo", name, (f"./{name}",), "demo", 20.0, self.cases)
        return replace(planned, case_option=option, extended=minutes)


def set_up_quick(place: Path, monkeypatch: pytest.MonkeyPatch) -> QuickRun:
    """Give a run of one series, whose tests are good."""
    stack = Stack("st", SOURCE, (series("toys", "1", "2", "3", "4"),), "toys", (), (DEMO,))
    run = QuickRun(place, stack, lambda _: {"ping": GOOD, "pong": GOOD})
    monkeypatch.setattr(pipeline, "through", run.through)
    # To read the whole toolkit for each key takes longer than a run.
    for name in ("TOOLKIT", "GENERATOR"):
        (place / name).mkdir()
        monkeypatch.setattr(baseline, name, place / name)
    monkeypatch.setattr(RunContext, "target", lambda _work, *of: run.target(*of))
    return run
