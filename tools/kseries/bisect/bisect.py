# SPDX-License-Identifier: GPL-2.0
"""Find the first patch of the series at which a test, or the kernel log, goes wrong.

One worktree is moved from step to step, so that make rebuilds what the patches between touch.
What a step showed is kept at once: a search that was ended goes on with what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kseries.bisect import predicate, strategy
from kseries.bisect.strategy import Concluded
from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import Baseline, Stack, Tree
from kseries.names import BISECT
from kseries.report.bisection import sentence
from kseries.run import baseline, stages, variants
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.run.variants import Variant
from kseries.stacks.variant import lacking, under_test
from kseries.suites.planning import plan_suites
from kseries.test import plan
from kseries.test.stage import test
from kseries.verdict.bisection import (
    BISECTION,
    SOUGHT,
    STEP,
    STEPS,
    Bisection,
    BisectStep,
    KeptAnswer,
    Seen,
    Sought,
    Trial,
)

NAME = BISECT
ERROR = "error.txt"


def stage(sought: Sought) -> Stage[Bisection]:
    """Give the stage that searches; it comes after `series` and `fetch`.

    It leaves bisect.json also where it fails: when there is no first bad patch, or none for sure.
    """
    return Stage(NAME, BISECTION, lambda work: _search(work, sought), sentence)


def _search(work: RunContext, sought: Sought) -> Bisection:
    if not work.stack.under_test:
        raise UserError(
            "The stack has no series under test, so there is nothing to search.",
            do="name a series (--series), or a stack with one",
        )
    atomicfile.remove_tree(work.run.path / f"{NAME}.json")
    found = _Bisect(work, sought).search()
    work.run.save(NAME, found, BISECTION)
    if found.conclusion.exit_code:
        raise CheckFailed(sentence(found), where=str(work.run.path / STEPS))
    return found


class _Bisect:
    def __init__(self, work: RunContext, sought: Sought) -> None:
        self._work = work
        self._stack = work.stack
        self._series = under_test(work.stack)
        self._total = len(self._series.patches)
        self._sought = sought
        self._steps = _kept(work.run.path / STEPS)
        self._at: tuple[int, Variant] | None = None  # what the worktree holds

    def search(self) -> Bisection:
        """Go from step to step until it is clear. Raises InfraError and CheckFailed."""
        move = strategy.next_move(self._total, self._steps)
        while not isinstance(move, Concluded):
            self._advance(move)
            move = strategy.next_move(self._total, self._steps)
        steps = tuple(step for _, step in sorted(self._steps.items()))
        whole = self._folder(self._total).load(stages.APPLY.name, stages.APPLY.adapter)
        own = {p.index: p.commit for p in whole.patches if p.series == self._series.name}
        return Bisection(
            sought=self._sought,
            series=self._series.name,
            conclusion=move.conclusion,
            first=move.first,
            last=move.last,
            patches=self._series.patches,
            commits=tuple(own.get(patch.index, "") for patch in self._series.patches),
            steps=steps,
            answers=strategy.answers(self._total, steps),
            tree=str(whole.path),
        )

    def _advance(self, patches: int) -> None:
        """Make a step, and run what is sought once where it is there."""
        known = self._steps.get(patches)
        if not patches and known is None and self._take_baseline():
            return
        if self._at is None or self._at[0] != patches:
            made = self._make(patches)
            if known is not None:
                trials = known.trials or made.trials
                made = replace(made, trials=trials, baseline=known.baseline)
            self._keep(made)
        if self._at is None:
            return
        step = self._steps[patches]
        trial = self._try(patches, len(step.trials) + 1, self._at[1])
        self._keep(replace(step, trials=(*step.trials, trial)))
        self._work.progress.note(f"{self._label(patches)}: {trial.seen} ({trial.what})")

    def _take_baseline(self) -> bool:
        """Take the answer of the base from a kept baseline; tell whether one is sure of it."""
        base = self._baseline()
        told = predicate.on_base(self._sought, base) if base else None
        if base is None or told is None:
            return False
        folder = self._folder(0)
        folder.save(baseline.NAME, base, baseline.BASELINE)
        file = f"{self._place(folder)}/{baseline.NAME}.json"
        answer = KeptAnswer(*told, run=base.run, made=base.made, file=file)
        out = lacking(self._stack, base)
        notes = tuple(f"{name} is left out" for name in out if name != self._series.name)
        self._keep(BisectStep(0, base.head, left_out=out, notes=notes, baseline=answer))
        self._work.progress.note(
            f"{self._label(0)}: {answer.seen} ({answer.what}, in the baseline that {base.run} made)"
        )
        return True

    def _baseline(self) -> Baseline | None:
        """Find the kept baseline that tells of what is sought, by what the whole series showed."""
        trials = self._steps[self._total].trials
        runs = [RunFolder(self._work.run.path / trial.folder) for trial in trials]
        outcomes = [run.load(stages.TEST.name, stages.TEST.adapter) for run in runs]
        if self._sought.log:
            events = [event for outcome in outcomes for event in outcome.events]
            lines = (line for run in runs for file in run.consoles for line in _lines(file))
            if not predicate.is_complaint(self._sought, events, lines):
                return None
        work = variants.beside(self._work, self._folder(self._total), self._work.plan, NAME)
        work.outcomes[stages.TEST.name] = outcomes[0]
        return next((b for b in baseline.kept(work) if predicate.is_told(self._sought, b)), None)

    def _make(self, patches: int) -> BisectStep:
        """Build the series up to a patch; afterwards `_at` tells whether there is what to run."""
        self._at = None
        self._work.progress.update(f"{self._label(patches)}: building")
        folder = self._folder(patches)
        began = time.monotonic()
        work = variants.beside(self._work, folder, self._work.plan, NAME)
        # All steps are built in one place: make rebuilds what the patches between them touch.
        work = replace(work, whole=self._stack)
        try:
            variant = variants.make(work, self._stack, patches, self._is_there)
        except CheckFailed as error:
            atomicfile.write_text(folder.path / ERROR, f"{error}\n")
            if patches == self._total:
                raise
            self._work.progress.note(f"{self._label(patches)}: {error.what}")
            return BisectStep(patches, "", untestable=error.what, seconds=_since(began))
        step = BisectStep(
            patches,
            variant.work.outcome(stages.APPLY).head,
            left_out=variant.left_out,
            notes=variant.notes,
            seconds=_since(began),
        )
        if variant.built:
            self._at = patches, variant
            return step
        absent = Trial(Seen.ABSENT, predicate.NOT_THERE, self._place(folder))
        self._work.progress.note(f"{self._label(patches)}: {absent.what}")
        return replace(step, trials=(absent,))

    def _is_there(self, tree: Tree, stack: Stack) -> bool:
        """Whether a tree has what is sought; what was asked for is first found in the whole."""
        programs = plan_suites(tree.path, stack.suites, "lib.mk").programs
        if not self._sought.log and not self._sought.program:
            self._sought = predicate.find_test(self._sought, programs)
            self._work.run.save("sought", self._sought, SOUGHT)
        return bool(predicate.chosen(self._sought, programs))

    def _try(self, patches: int, number: int, variant: Variant) -> Trial:
        """Run what is sought in a fresh machine."""
        self._work.progress.update(f"{self._label(patches)}: run {number}")
        folder = RunFolder(self._folder(patches).path / f"run-{number}")
        atomicfile.remove_tree(folder.path)  # of a search that was killed
        folder.path.mkdir()
        installed = variant.work.outcome(stages.INSTALL)
        case = self._sought.case
        programs = tuple(
            plan.narrowed(program, [case]) if case in program.cases and program.case_option
            else program
            for program in predicate.chosen(self._sought, installed.programs)
        )  # fmt: skip
        began = time.monotonic()
        outcome = test(
            replace(installed, programs=programs),
            variant.work.outcome(stages.BUILD),
            variant.work.target,
            folder,
            self._work.progress,
            extended=bool(self._sought.program),
        )
        folder.save(stages.TEST.name, outcome, stages.TEST.adapter)
        lines = [line for file in folder.consoles for line in _lines(file)]
        seen, what = predicate.seen(self._sought, outcome, lines)
        return Trial(seen, what, self._place(folder), _since(began))

    def _keep(self, step: BisectStep) -> None:
        self._steps[step.patches] = step
        self._folder(step.patches).save("step", step, STEP)

    def _folder(self, patches: int) -> RunFolder:
        return RunFolder(self._work.run.path / STEPS / str(patches))

    def _place(self, folder: RunFolder) -> str:
        return str(folder.path.relative_to(self._work.run.path))

    def _label(self, patches: int) -> str:
        return f"patch {patches} of {self._total}" if patches else "the base"


def _kept(steps: Path) -> dict[int, BisectStep]:
    """Read the steps that an earlier search of this run made."""
    files: Mapping[int, Path] = {int(file.parent.name): file for file in steps.glob("*/step.json")}
    return {patches: STEP.validate_json(file.read_bytes()) for patches, file in files.items()}


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").split("\n")


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
