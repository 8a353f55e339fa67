# SPDX-License-Identifier: GPL-2.0
"""A run: the stages in order, each recorded, the result document written at every step.

Each stage leaves its outcome in the run folder, and does next to nothing when all that it
depends on is unchanged. So a single stage can be started on what the earlier ones left, and a
killed run is continued by walking through all of them again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter

from kseries.apply.stage import apply
from kseries.build import place as buildplace
from kseries.build.stage import build, require_config
from kseries.compiled import changed as compiled
from kseries.compiled import enabling, functions, wishes
from kseries.config import kconfig_ask
from kseries.config.stage import config
from kseries.fetch.stage import fetch
from kseries.hardware import labtarget
from kseries.hardware.machine import LabMachine
from kseries.host import cache as cachefolder
from kseries.install import modules
from kseries.install.stage import install
from kseries.kbuild import make as kbuild
from kseries.lib import atomicfile, leases
from kseries.lib.errors import InfraError, Interrupted, KseriesError, UserError
from kseries.lib.locks import locked
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
    KernelConfig,
    PatchState,
    Provenance,
    Request,
    RunResult,
    Scope,
    Severity,
    Stack,
    StageState,
    Status,
    TestOutcome,
    Tree,
)
from kseries.names import RUN_STAGES
from kseries.parse import expected
from kseries.report.words import counted
from kseries.run import crashes, firststep, provenance
from kseries.run.record import STATE_OF, Record
from kseries.stacks.stack import Plan, resolve
from kseries.test import coverage
from kseries.test.stage import test
from kseries.verdict import functions as ran
from kseries.verdict import history, scope

T = TypeVar("T")

CHECKERS = "debug"
"""The fragment with all checkers: who waits for them wants to see all tests."""


WISHES = "changed.config"
"""In the run folder: what was added to the config for the files that the series changes."""

SCRIPT = "reproduce.sh"
"""In the run folder: it repeats the run."""

SELFTEST = ("selftest",)
"""The session of nox that carries out runs."""


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

    def outcome(self, of: Stage[T]) -> T:
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
        return self.outcome(SERIES)

    @property
    def place(self) -> BuildPlace:
        """Where the stack is built, and with which compiler cache."""
        stack = self.whole or self.stack
        commit, config = self.outcome(FETCH).commit, kbuild.config_name(stack)
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
            return self._lab_machine(folder, number)
        return self.machine(folder, number)

    def _lab_machine(self, folder: RunFolder, number: int) -> LabMachine:
        return LabMachine(
            labtarget.find(self.request.target, self.project),
            folder,
            self.progress,
            number=number,
            modules=self.outcome(INSTALL).folder / modules.FOLDER,
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


@dataclass(frozen=True)
class Stage(Generic[T]):
    """A stage: its name, the type it leaves, how it is carried out and told in one line."""

    name: str
    adapter: TypeAdapter[T]
    carry_out: Callable[[RunContext], T]
    summary: Callable[[T], str]


def _summarise_series(stack: Stack) -> str:
    counts = [f"{series.name} ({counted(len(series.patches), 'patch')})" for series in stack.series]
    return " + ".join([stack.source.name, *counts])


def _summarise_apply(tree: Tree) -> str:
    applied = sum(patch.state is PatchState.APPLIED for patch in tree.patches)
    in_base = sum(patch.state is PatchState.IN_BASE for patch in tree.patches)
    return f"{counted(applied, 'patch')} applied" + (
        f", {in_base} already in the base" if in_base else ""
    )


def _summarise_build(kernel: Kernel) -> str:
    warnings = sum(item.severity is Severity.WARNING for item in kernel.diagnostics)
    made = f"{kernel.objects} objects" if kernel.objects else "nothing to do"
    return f"{kernel.release}, {made}, {warnings} warnings"


def _summarise_test(outcome: TestOutcome) -> str:
    good = sum(program.status is Status.PASS for program in outcome.programs)
    return f"{good} of {len(outcome.programs)} programs pass"


def _config(w: RunContext) -> KernelConfig:
    """Configure the tree, so that what the series changes is compiled where that can be.

    What the tests want beyond fragments is added likewise.
    """
    tree, stack, place, file = w.outcome(APPLY), w.stack, w.place, w.wishes

    def configured(wishes: Path | None = None) -> KernelConfig:
        return config(tree, stack, place, w.run, w.progress, wishes=wishes)

    if w.request.exact_config or not (stack.under_test or wishes.are_wanted(tree, stack)):
        return configured()
    if stack.whole:
        key = wishes.key(tree, stack)
        text = wishes.kept(place, key)
        if text is None:
            box = kconfig_ask.sandbox(tree.path, place, trusted=stack.trusted)
            first = configured()
            found = wishes.of(first, stack, box) if stack.under_test else wishes.Found((), ())
            found = wishes.together(found, wishes.of_suites(first, stack, box))
            text = wishes.fragment(found)
            wishes.keep(place, key, text)
        atomicfile.write_text(file, text)
    wished = file.is_file() and wishes.are_in(file.read_text())
    return configured(file if wished else None)


def _build(w: RunContext) -> Kernel:
    config = w.outcome(CONFIG)
    if buildplace.lacks_base(config.place):
        w.progress.note(
            "nothing of this base is compiled: one run with --baseline does it, and series on it"
            " then compile what they change"
        )
    kernel = build(config, w.stack, w.cache, w.run, w.progress, jobs=w.request.jobs or None)
    box = kconfig_ask.sandbox(config.tree.path, config.place, trusted=w.stack.trusted)
    changed = compiled.changed(config, w.stack, box)
    changed = enabling.completed(changed, box)
    found = functions.changed(config, w.stack, box, changed) if changed else ()
    return replace(kernel, changed=changed, functions=found)


def _install(w: RunContext) -> InstalledSuites:
    kernel = w.outcome(BUILD)
    installed = install(kernel, w.stack, w.cache, w.run, w.progress)
    return replace(installed, changed=compiled.with_tests(kernel.changed, installed.folder))


def _test(w: RunContext) -> TestOutcome:
    kernel = w.outcome(BUILD)
    installed = w.outcome(INSTALL)
    outcome = test(
        installed, kernel, w.target, w.run, w.progress,
        only=w.request.only, extended=w.extended, machines=w.machines, reruns=w.request.reruns,
        functions=tuple(one.symbol for one in kernel.functions if one.symbol),
        spare=bool(w.request.target),
    )  # fmt: skip
    if outcome.events:
        w.progress.update("reading what the kernel said")
    chosen, planned = scope.counts(installed.programs, outcome.programs)
    notes = (*outcome.notes, *expected.passing(outcome.programs))
    seen = ran.seen(kernel.functions, coverage.ran(w.run))
    outcome = replace(outcome, chosen=chosen, planned=planned, notes=notes, functions=seen)
    examined = crashes.examine(outcome, kernel, w.stack, w.run)
    if not w.request.target:
        return examined
    first = firststep.note(examined, w.outcome(APPLY), w.stack.under_test, w.run.name)
    return replace(examined, notes=(*examined.notes, *first))


SERIES: Stage[Stack] = Stage(
    "series",
    TypeAdapter(Stack),
    lambda w: resolve(w.plan, project=w.project, workdir=w.run.path, progress=w.progress),
    _summarise_series,
)
FETCH: Stage[BaseTree] = Stage(
    "fetch",
    TypeAdapter(BaseTree),
    lambda w: fetch(w.stack.source, w.cache, w.project.out, w.run, w.progress),
    lambda base: f"Linux {base.version} ({base.origin})",
)
APPLY: Stage[Tree] = Stage(
    "apply",
    TypeAdapter(Tree),
    lambda w: apply(
        w.outcome(FETCH), w.stack, buildplace.worktree(w.stack_folder), w.run, w.progress
    ),
    _summarise_apply,
)
CONFIG: Stage[KernelConfig] = Stage(
    "config",
    TypeAdapter(KernelConfig),
    _config,
    lambda config: f"{config.name}, {config.enabled} options on",
)
BUILD: Stage[Kernel] = Stage(
    "build",
    TypeAdapter(Kernel),
    _build,
    _summarise_build,
)
INSTALL: Stage[InstalledSuites] = Stage(
    "install",
    TypeAdapter(InstalledSuites),
    _install,
    lambda installed: f"{len(installed.programs)} test programs",
)
TEST: Stage[TestOutcome] = Stage("test", TypeAdapter(TestOutcome), _test, _summarise_test)
STAGES: tuple[Stage[Any], ...] = (SERIES, FETCH, APPLY, CONFIG, BUILD, INSTALL, TEST)


def run_stages(work: RunContext, stages: Sequence[Stage[Any]] = STAGES) -> RunResult:
    """Carry out stages up to the one that fails; give the result document.

    It is written when a stage begins and when it ends, so that a run killed at any moment can
    be read. What stages after these left in an earlier attempt is dropped. Raises Interrupted and
    KeyboardInterrupt after writing it.
    """
    names = [item.name for item in stages]
    facts = provenance.gather(_asked(work, names), work.project)
    _write_script(work, facts, names)
    chosen = tuple(one.name for one in work.plan.suites) if work.request.suites_why else ()
    asked = Scope(only=work.request.only, extended=work.extended, chosen_suites=chosen)
    _hold(work)
    cachefolder.make_room(work.project, work.cache, work.progress)
    with locked(work.stack_folder, work.progress):
        earlier = _earlier(work, names)
        record = Record(work.run, work.plan, names, facts, scope=asked, earlier=earlier)
        _drop_later(work, names)
        for item in stages:
            if not _attempt(item, work, record):
                break
            if item is SERIES:
                _write_script(work, facts, names)
    if TEST in stages and TEST.name in work.outcomes:
        record.note(*_remember(work, record.write()))
    return record.write()


def _hold(work: RunContext) -> None:
    """Keep what the run has, or will make, from being removed."""
    work.hold(work.run.path, work.stack_folder)
    with suppress(UserError):  # of another version: the stage that needs it says so
        if work.run.has(FETCH.name):
            work.hold(work.outcome(FETCH).repo)
        if work.run.has(CONFIG.name):
            place = work.outcome(CONFIG).place
            work.hold(place.folder, place.ccache)


def _earlier(work: RunContext, names: Sequence[str]) -> dict[str, object]:
    """Give what the stages before these left."""
    before = itertools.takewhile(lambda item: item.name not in names, STAGES)
    return {item.name: work.outcome(item) for item in before if work.run.has(item.name)}


def _drop_later(work: RunContext, names: Sequence[str]) -> None:
    """Drop what the first of these stages and all after it left: it was made of something else."""
    if names[0] in RUN_STAGES:
        for name in RUN_STAGES[RUN_STAGES.index(names[0]) :]:
            atomicfile.remove_tree(work.run.path / f"{name}.json")


def _asked(work: RunContext, names: Sequence[str]) -> Request:
    """Give the request as it is carried out: a run goes up to the last of these stages."""
    last = [name for name in names if name in RUN_STAGES][-1:]
    return replace(work.request, until=last[0] if last and work.session == SELFTEST else "")


def _write_script(work: RunContext, facts: Provenance, names: Sequence[str]) -> None:
    """Write the script that repeats the run, from the series as it was read once that is so."""
    asked, ours = work.request.series, work.project.patches
    from_outside = bool(asked) and ("/" in asked or not (ours / asked).is_dir())
    kept = work.plan.under_test if from_outside and SERIES.name in work.outcomes else ""
    script = work.run.path / SCRIPT
    request = _asked(work, names)
    provenance.write_script(script, work.run.name, work.session, request, facts, series=kept)


def _remember(work: RunContext, result: RunResult) -> Sequence[str]:
    """Put what the tests did into their history; tell which are known to be flaky.

    A history that cannot be used takes nothing from the run.
    """
    try:
        known = history.about(work.cache.history, result.programs)
        history.add(work.cache.history, result)
    except InfraError as error:
        return (error.what,)
    return known


def through(work: RunContext, stages: Sequence[Stage[Any]]) -> None:
    """Carry out stages without a record of them, for what is a part of another stage's work.

    The caller holds the lock of the worktree. Raises what a stage raises.
    """
    for item in stages:
        keep(item, work, item.carry_out(work))


def keep(item: Stage[T], work: RunContext, outcome: T) -> None:
    """Keep what a stage leaves, for those after it and for who goes on later."""
    if isinstance(outcome, BaseTree):
        work.hold(outcome.repo)
    work.outcomes[item.name] = outcome
    work.run.save(item.name, outcome, item.adapter)


def _attempt(item: Stage[Any], work: RunContext, record: Record) -> bool:
    """Carry out one stage; tell whether the next one may follow."""
    record.begin(item.name)
    try:
        work.progress.stage(item.name)
        outcome = item.carry_out(work)
    except KseriesError as error:
        record.add(error)
        record.end(item.name, STATE_OF[error.exit_code], error.what, str(error))
        work.progress.finish(error.what, good=False)
        return False
    except (Interrupted, KeyboardInterrupt) as signal:
        record.end(item.name, StageState.INTERRUPTED, str(signal) or "interrupted")
        raise
    keep(item, work, outcome)
    record.add(outcome)
    summary = item.summary(outcome)
    record.end(item.name, StageState.DONE, summary)
    work.progress.finish(summary)
    return True
