# SPDX-License-Identifier: GPL-2.0
"""What does each patch add to paths that were there before? A kernel for each, measured at once.

One worktree goes from kernel to kernel, so that make rebuilds what the patches between touch:

1. the whole series, from a copy of what the run has built;
2. that again and again with nothing changed on any path, which tells how counts wander;
3. the series without its last patch, without the last two, and so on, down to the base: what a
   patch touches is compiled once on that way, and what is known grows from kernel to kernel.

What stands on top of the series goes below it, so that the base has the same device. A session can
be ended at any time: what was measured is kept, and what follows from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kseries.apply.conflict import PatchConflict
from kseries.bench import cost, plan, rebuild, runner, significance
from kseries.bench.cost import BUILT, Built, Cost, LostPath, PathCost
from kseries.bench.model import Lost, Measurement, Setup
from kseries.build import place as buildplace
from kseries.build import stage as building
from kseries.fetch.stage import fetch
from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.runfolder import RunFolder
from kseries.model import BaseTree, Kernel, Series, Stack, Tree
from kseries.names import REBUILDS
from kseries.report.words import counted
from kseries.run import pipeline, stages, variants
from kseries.run.context import RunContext
from kseries.run.onepatch import of_one_patch, reader
from kseries.stacks.variant import above, beneath, cut, under_test

NAME = "cost"  # of the worktree, and of the folder in the run
BUILT_FILE = "built"


@dataclass(frozen=True)
class Asked:
    """What a session measures. setups: paths, one seed each; deadline_s: of a measurement.

    each: after each patch, not only without the series and with all of it.
    """

    setups: tuple[Setup, ...] = ()
    each: bool = True
    seeds: tuple[int, ...] = plan.SEEDS
    rebuilds: int = REBUILDS
    deadline_s: float = 120.0
    machines: int = 1


@dataclass(frozen=True)
class Step:
    """A kernel that is to be made. name: of its folder."""

    kind: cost.Kind
    patch: int
    name: str
    title: str
    number: int = 0  # of a rebuild


class Measuring(Protocol):
    """Measures all paths on a kernel. key: of all that decides, but for the kernel's sources."""

    key: str
    paths: tuple[str, ...]

    def __call__(self, folder: RunFolder, kernel: Kernel) -> tuple[PathCost | LostPath, ...]:
        """Give what came of each path. folder: for what each left. Raises InfraError."""


class InGuests:
    """Measures in guests, all paths of a seed in one, by the program that the run installed."""

    def __init__(self, work: RunContext, asked: Asked) -> None:
        """work: of the whole stack, installed. Raises UserError where it has no such program."""
        self._asked = asked
        self._installed = work.outcome(stages.INSTALL)
        self._progress = work.progress
        program = runner.program_of(self._installed.folder)
        self.paths = tuple(plan.path_name(setup) for setup in asked.setups)
        words = [" ".join(plan.command(setup)) + setup.cpu for setup in asked.setups]
        parts = (hashlib.sha256(program).hexdigest(), *words, *map(str, asked.seeds))
        self.key = "\0".join(parts)

    def __call__(self, folder: RunFolder, kernel: Kernel) -> tuple[PathCost | LostPath, ...]:
        """Boot a guest for each seed."""
        asked, place = self._asked, folder.path / "paths"
        shared = runner.prepare(kernel, self._installed)
        measuring = runner.Runner(shared, place, self._progress, asked.deadline_s, go_on=True)
        groups = [tuple(replace(one, seed=seed) for one in asked.setups) for seed in asked.seeds]
        done = measuring.run_together(groups, asked.machines)
        return tuple(
            _put_together(plan.path_name(setup), done[place :: len(asked.setups)])
            for place, setup in enumerate(asked.setups)
        )


def session(
    work: RunContext,
    asked: Asked,
    tell: Callable[[Cost], None],
    measure: Measuring | None = None,
    base: Stack | None = None,
) -> Cost:
    """Measure all; `tell` gets what is known after each kernel. The whole stack is installed.

    measure: in guests by default. base: what the stack is compared with; without the series under
    test by default.

    Raises UserError for a stack without a series under test, CheckFailed where the base cannot be
    built with what stands on top of the series, InfraError.
    """
    if not work.stack.under_test and base is None:
        raise UserError(
            "The stack has no series under test, so there is no patch that could cost anything.",
            do="name a series (--series), or a stack with one",
        )
    beside = replace(work, suffix=NAME)
    with locked(beside.stack_folder, work.progress):
        return Session(work, asked, tell, measure or InGuests(work, asked), base).run()


class Session:
    """A worktree and a build folder on their way along the series. The caller holds their lock.

    whole: the stack, with all below the series that the base takes. Where it is compared with
    another one it stays as it is.
    """

    def __init__(
        self,
        work: RunContext,
        asked: Asked,
        tell: Callable[[Cost], None],
        measure: Measuring,
        base: Stack | None = None,
    ) -> None:
        self._work = work
        self._measure = measure
        self._asked = asked
        self._tell = tell
        self._notes: list[str] = []
        self._other = base
        self._other_base = None if base is None else fetched(work, base)
        self.whole = work.stack if base else self._put_below()
        self._titles = self._name_steps()
        self._total = len(self._titles)
        self._taken = False  # what the run has built

    def run(self) -> Cost:
        """Go from kernel to kernel."""
        steps = tuple(self._steps())
        built: list[Built] = []
        for number, step in enumerate(steps):
            label = f"{step.title} ({number + 1} of {len(steps)} kernels)"
            self._work.progress.update(label, done=number, total=len(steps))
            built.append(self._made(step))
            self._tell(self._document(built, len(steps)))
        return self._document(built, len(steps))

    def _document(self, built: Sequence[Built], planned: int) -> Cost:
        name = self.whole.under_test or self.whole.name
        return significance.judged(
            Cost(
                series=name,
                patches=self._titles,
                paths=self._measure.paths,
                seeds=self._asked.seeds,
                below=tuple(one.name for one in self.whole.series if one.name != name),
                built=tuple(built),
                planned=planned,
                notes=tuple(self._notes),
            )
        )

    def _steps(self) -> Iterator[Step]:
        titles, total = self._titles, self._total
        yield Step("patch", total, str(total), titles[-1])
        for number in range(1, self._asked.rebuilds + 1):
            title = f"{self._whole_name}, built anew"
            yield Step("rebuild", total, f"rebuild-{number}", title, number)
        for number in range(total - 1, 0, -1):
            yield Step("patch", number, str(number), titles[number - 1])
        yield Step("patch", 0, "0", "the base")

    def _name_steps(self) -> tuple[str, ...]:
        """Give the title of each step from the base to the whole stack."""
        if self._asked.each and self._other is None:
            return tuple(patch.title for patch in under_test(self.whole).patches)
        return (self._whole_name,)

    @property
    def _whole_name(self) -> str:
        return "the whole series" if self.whole.under_test else self.whole.name

    def _put_below(self) -> Stack:
        """Give the stack with all below the series that the base takes."""
        stack, out = self._work.stack, list[str]()
        while True:
            whole = beneath(stack, out)
            try:
                self._apply(RunFolder(self._work.run.path / NAME / "fits"), cut(whole, 0))
            except PatchConflict as error:
                name = error.patches[-1].series
                if name not in above(stack) or name in out:
                    raise
                out.append(name)
                self._notes.append(f"{name} is left out, as it does not apply to the base")
                continue
            return whole

    # ------------------------------------------------------------ one kernel

    def _made(self, step: Step) -> Built:
        """Build and measure a kernel, unless that was done before."""
        try:
            return self.measured(step, self._part(step))
        except CheckFailed as error:
            if step.kind == "patch" and step.patch in (0, self._total):
                raise
            self._work.progress.note(f"{step.title}: {error.what}")
            failed = Built(step.kind, step.patch, step.title, "", "", why=error.what)
            return self._keep(self._folder(step), failed)

    def measured(self, step: Step, part: Stack) -> Built:
        """Build and measure a part of the stack, unless that was done before.

        Raises CheckFailed where it cannot be built.
        """
        folder, key = self._folder(step), self._key(part)
        if folder.has(BUILT_FILE):
            kept = folder.load(BUILT_FILE, BUILT)
            if kept.made_of == key and not kept.lost:
                return kept
        blank = Built(step.kind, step.patch, step.title, "", key)
        kernel = self._built(folder, part)
        paths = self._measure(folder, kernel)
        found = replace(
            blank,
            head=kernel.config.tree.head,
            paths=tuple(one for one in paths if isinstance(one, PathCost)),
            lost=tuple(one for one in paths if isinstance(one, LostPath)),
        )
        return self._keep(folder, found)

    def applied(self, step: Step, part: Stack) -> Tree:
        """Give the tree of a part of the stack."""
        return self._apply(self._folder(step), part).outcome(stages.APPLY)

    def _folder(self, step: Step) -> RunFolder:
        return RunFolder(self._work.run.path / NAME / step.name)

    def _keep(self, folder: RunFolder, built: Built) -> Built:
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.save(BUILT_FILE, built, BUILT)
        return built

    def _part(self, step: Step) -> Stack:
        if step.kind == "rebuild":
            return replace(self.whole, series=(*self.whole.series, self._rebuild(step)))
        if step.patch == self._total:
            return self.whole
        return self._other or cut(self.whole, step.patch)

    def _rebuild(self, step: Step) -> Series:
        """Write a patch that changes nothing on any path, for the whole series as it is."""
        read = reader(self._work.outcome(stages.APPLY))
        text = rebuild.patch(step.number, read)
        return of_one_patch(self._folder(step), f"rebuild {step.number}", text)

    def _key(self, part: Stack) -> str:
        """Digest what decides about what is measured."""
        work = self._work
        parts = (
            buildplace.content(part, self._fetched(part).commit),
            work.outcome(stages.BUILD).compiler,
            self._measure.key,
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _apply(self, folder: RunFolder, part: Stack) -> RunContext:
        step = variants.beside(self._work, folder, self._work.plan, NAME)
        step.outcomes[stages.FETCH.name] = self._fetched(part)
        # All are built in one place.
        if self._other is None:
            step = replace(step, whole=beneath(self._work.stack))
        elif part is not self._other:
            step = replace(step, whole=self._work.stack)
        step.outcomes[stages.SERIES.name] = part
        step.run.save(stages.SERIES.name, part, stages.SERIES.adapter)
        pipeline.through(step, (stages.APPLY,))
        return step

    def _fetched(self, part: Stack) -> BaseTree:
        """Give the source of a part of the stack, or of the other one."""
        if part is self._other and self._other_base is not None:
            return self._other_base
        return self._work.outcome(stages.FETCH)

    def _built(self, folder: RunFolder, part: Stack) -> Kernel:
        step = self._apply(folder, part)
        self._take_over(step, step.outcome(stages.APPLY))
        pipeline.through(step, (stages.CONFIG, stages.BUILD))
        return step.outcome(stages.BUILD)

    def _take_over(self, step: RunContext, tree: Tree) -> None:
        """Begin with what the run has built, where that is the same sources in another order."""
        if self._taken:
            return
        self._taken = True
        made = self._work.outcome(stages.BUILD).config
        repository = Repository(tree.base.repo)
        if repository.tree_of(tree.head) == repository.tree_of(made.tree.head):
            config = replace(made, tree=tree, place=step.place)
            self._work.progress.update("copying what was built")
            building.take_over(made.place, config, step.stack)


def fetched(work: RunContext, stack: Stack) -> BaseTree:
    """Fetch the source of another stack than that of the run."""
    own = work.outcome(stages.FETCH)
    if own.source == stack.source:
        return own
    return fetch(stack.source, work.cache, work.project.out, work.run, work.progress)


def _put_together(path: str, done: Sequence[Measurement | Lost]) -> PathCost | LostPath:
    found = [one for one in done if isinstance(one, Measurement)]
    lost = [one for one in done if isinstance(one, Lost)]
    if lost:
        return LostPath(path, f"{counted(len(lost), 'seed')} of {len(done)}: {lost[0].why}")
    return cost.of_measurements(path, found)
