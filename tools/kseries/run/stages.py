# SPDX-License-Identifier: GPL-2.0
"""The stages of a run: what each is carried out with, and told in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from kseries.apply.stage import apply
from kseries.build import place as buildplace
from kseries.build.stage import build
from kseries.compiled import changed as compiled
from kseries.compiled import enabling, functions, wishes
from kseries.config import kconfig_ask
from kseries.config.stage import config
from kseries.fetch.stage import fetch
from kseries.install.stage import install
from kseries.lib import atomicfile
from kseries.model import (
    BaseTree,
    InstalledSuites,
    Kernel,
    KernelConfig,
    PatchState,
    Severity,
    Stack,
    Status,
    TestOutcome,
    Tree,
)
from kseries.parse import expected
from kseries.report.words import counted
from kseries.run import crashes, firststep
from kseries.run.context import BASE, INSTALLED, STACK, Left, RunContext
from kseries.stacks.stack import resolve
from kseries.test import coverage
from kseries.test.stage import test
from kseries.verdict import functions as ran
from kseries.verdict import scope

T = TypeVar("T")


@dataclass(frozen=True)
class Stage(Left[T]):
    """A stage: what it leaves, how it is carried out and told in one line."""

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
    *(STACK.name, STACK.adapter),
    lambda w: resolve(w.plan, project=w.project, workdir=w.run.path, progress=w.progress),
    _summarise_series,
)
FETCH: Stage[BaseTree] = Stage(
    *(BASE.name, BASE.adapter),
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
    *(INSTALLED.name, INSTALLED.adapter),
    _install,
    lambda installed: f"{len(installed.programs)} test programs",
)
TEST: Stage[TestOutcome] = Stage("test", TypeAdapter(TestOutcome), _test, _summarise_test)
STAGES: tuple[Stage[Any], ...] = (SERIES, FETCH, APPLY, CONFIG, BUILD, INSTALL, TEST)


def up_to(last: Stage[Any]) -> tuple[Stage[Any], ...]:
    """Give the stages of a run up to one of them."""
    return STAGES[: STAGES.index(last) + 1]
