# SPDX-License-Identifier: GPL-2.0
"""What the stages of a run share."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

from pydantic import TypeAdapter

from kseries.build import place as buildplace
from kseries.build.stage import require_config
from kseries.hardware import labtarget
from kseries.hardware.machine import LabMachine
from kseries.install import modules
from kseries.kbuild import make as kbuild
from kseries.lib import leases
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.machines import needs
from kseries.machines.base import Target
from kseries.machines.needs import Needs
from kseries.machines.vm import VirtualMachine
from kseries.model import (
    BaseTree,
    BuildPlace,
    InstalledSuites,
    Kernel,
    Request,
    Stack,
)
from kseries.stacks.stack import Plan

T = TypeVar("T")

CHECKERS = "debug"
"""The fragment with all checkers: who waits for them wants to see all tests."""

WISHES = "changed.config"
"""In the run folder: what was added to the config for the files that the series changes."""

SELFTEST = ("selftest",)
"""The session of nox that carries out runs."""


@dataclass(frozen=True)
class Left(Generic[T]):
    """What a stage leaves: its name, and the type of it."""

    name: str
    adapter: TypeAdapter[T]


STACK: Left[Stack] = Left("series", TypeAdapter(Stack))
BASE: Left[BaseTree] = Left("fetch", TypeAdapter(BaseTree))
INSTALLED: Left[InstalledSuites] = Left("install", TypeAdapter(InstalledSuites))


@dataclass
class RunContext:
    """What the stages of one run share, and what they have left so far."""

    request: Request
    plan: Plan
    project: Project
    cache: Cache
    run: RunFolder
    progress: Progress
    outcomes: dict[str, object] = field(default_factory=dict)
    suffix: str = ""  # of a worktree beside the stack's own, for who is going to change it
    whole: Stack | None = None  # of which this is a part that is built where the others are
    held: set[Path] = field(default_factory=set)  # what is kept from being removed
    session: tuple[str, ...] = SELFTEST  # of nox, that repeats it, and its own words
    # Lines that the config of the whole series has so that what it changes is compiled. The base
    # and parts of the series get them, too: the same config is compared.
    wishes: Path = field(default=Path())

    def __post_init__(self) -> None:
        """Keep the lines in the folder of the run itself, whichever variant is built."""
        if self.wishes == Path():
            self.wishes = self.run.path / WISHES

    def outcome(self, of: Left[T]) -> T:
        """Give what a stage left, in this process or in an earlier one.

        Raises UserError for a kernel where another one was configured since.
        """
        if of.name not in self.outcomes:
            left = self.run.load(of.name, of.adapter)
            if isinstance(left, Kernel):
                require_config(left.config)
            self.outcomes[of.name] = left
        return cast(T, self.outcomes[of.name])

    @property
    def stack(self) -> Stack:
        """The stack with its series read."""
        return self.outcome(STACK)

    @property
    def place(self) -> BuildPlace:
        """Where the stack is built, and with which compiler cache."""
        stack = self.whole or self.stack
        commit, config = self.outcome(BASE).commit, kbuild.config_name(stack)
        found = buildplace.find(stack, commit, config, self.stack_folder, self.cache.ccache)
        self.hold(found.folder, found.ccache, *([found.clean] if found.clean else []))
        return found

    def hold(self, *places: Path) -> None:
        """Keep what the run uses from being removed until this process ends."""
        for place in places:
            if place not in self.held:
                leases.use(place)
                self.held.add(place)

    @property
    def stack_folder(self) -> Path:
        """Where the worktree of this stack on this source is kept, and what is built in it."""
        name = f"{self.plan.name}-{self.plan.source.name}"
        return self.project.trees / (f"{name}-{self.suffix}" if self.suffix else name)

    def target(self, folder: RunFolder, number: int) -> AbstractContextManager[Target]:
        """Open a machine that tests run on, with its logs in `folder`; they count from 1."""
        if self.request.target:
            return self.lab_machine(folder, number)
        return self.machine(folder, number)

    def lab_machine(self, folder: RunFolder, number: int) -> LabMachine:
        """Give the lab machine that the request names, as tests get it."""
        return LabMachine(
            labtarget.find(self.request.target, self.project),
            folder,
            self.progress,
            number=number,
            modules=self.outcome(INSTALLED).folder / modules.FOLDER,
            arguments=self.request.append,
        )

    def machine(self, folder: RunFolder, number: int, *, terminal: bool = False) -> VirtualMachine:
        """Give a machine as tests get it, with a port for somebody who types, or without."""
        return VirtualMachine(
            self.project,
            self.cache,
            folder,
            self.progress,
            number=number,
            arguments=self.request.append,
            needs=self.needs,
            terminal=terminal,
        )

    @property
    def needs(self) -> Needs:
        """What the suites want of a machine."""
        return needs.of_suites(self.plan.suites)

    @property
    def extended(self) -> bool:
        """Whether tests that take minutes run, too: when asked for, and with all checkers."""
        checked = any(fragment.stem == CHECKERS for fragment in self.plan.fragments)
        return self.request.extended or checked

    @property
    def machines(self) -> int:
        """How many machines run tests side by side, at most."""
        if self.request.target:
            return 1
        return self.request.machines or VirtualMachine.capacity(self.project, self.needs)
