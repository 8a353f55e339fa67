# SPDX-License-Identifier: GPL-2.0
"""Does each patch build on its own? Who bisects later stops at any of them.

The whole series is built by then. From a copy of that, one patch after the other is taken away, and
what it touches is compiled again. Nothing is linked. What was seen to build is not built again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from kseries.build import stage as building
from kseries.compiled import changed as compiled
from kseries.kbuild import make as kbuild
from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.runfolder import RunFolder
from kseries.model import KernelConfig, Stack, Tree
from kseries.report.mailfacts import LEFT_OUT
from kseries.report.words import counted
from kseries.run import pipeline, stages, variants
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.stacks.variant import above, cut, under_test

NAME = "patches"
KNOWN = "built-patches"  # in the state folder: a line for each that was seen to build
MOST_KNOWN = 1000

OBJECTS_A_SECOND = 3
"""That a core compiles; measured on an idle machine of 2026, the whole kernel."""

STEP_S = 12
"""That a patch takes beside its objects: git and make look at the tree. Measured on two cores."""


@dataclass(frozen=True)
class EachPatch:
    """What was compiled. patches: of the series, but its last one; known: seen to build before.

    left_out: objects that would have been compiled, where these were too many.
    """

    patches: int
    known: int = 0
    left_out: int = 0


def check(work: RunContext) -> EachPatch:
    """Compile the series up to each of its patches, where that is asked for or costs little.

    The whole of it is the run's own build. Raises CheckFailed for the first one that does not
    apply, cannot be configured, or does not build.
    """
    stack = work.stack
    count = len(under_test(stack).patches if stack.under_test else ())
    if count < 2:
        return EachPatch(0)
    if work.request.each_patch is None:
        objects = _objects(work)
        if _takes_s(objects, count) > _tests_s(work):
            return EachPatch(count - 1, left_out=objects)
    with locked(replace(work, suffix=NAME).stack_folder, work.progress):
        walk = _Walk(work)
        failed: dict[int, CheckFailed] = {}
        for number in range(count - 1, 0, -1):
            work.progress.update(f"up to patch {number}", done=count - number, total=count)
            try:
                walk.down_to(number)
            except CheckFailed as error:
                failed[number] = error
    if failed:
        raise _first(failed, stack)
    return EachPatch(count - 1, walk.known)


def _first(failed: dict[int, CheckFailed], stack: Stack) -> CheckFailed:
    number = min(failed)
    patches, error = under_test(stack).patches, failed[number]
    more = f" ({counted(len(failed), 'patch')} of {len(patches)} so)" if len(failed) > 1 else ""
    return CheckFailed(
        f"patch {number} of {len(patches)}, '{patches[number - 1].title}', does not build without"
        f" those after it{more}: {error.what}",
        where=error.where,
        do="each patch has to build, for those who bisect",
    )


class _Walk:
    """A worktree and a build folder on their way down the series. known: steps not made again."""

    def __init__(self, work: RunContext) -> None:
        self.known = 0
        self._work = work
        self._config = self._begin()

    def down_to(self, number: int) -> None:
        """Compile the series without the patches behind `number`. Raises CheckFailed."""
        whole = self._work.stack
        # What stands on top is for the whole of the series.
        part = cut(whole, number, above(whole))
        step = self._step(str(number), part)
        config = self._configured(step)
        key, record = _key(config), config.place.state / KNOWN
        there = _read(record)
        if key in there:
            self.known += 1
            return
        jobs = step.request.jobs or None
        building.compile_objects(config, part, step.cache, step.run, step.progress, jobs=jobs)
        _write(record, [*there, key])

    def _begin(self) -> KernelConfig:
        """Go back to the whole series, with what the run has built."""
        work = self._work
        step = self._step("whole", work.stack)
        built = work.outcome(stages.BUILD).config
        config = replace(built, tree=step.outcome(stages.APPLY), place=step.place)
        work.progress.update("copying what was built")
        building.take_over(built.place, config, work.stack)
        return config

    def _step(self, name: str, part: Stack) -> RunContext:
        """Bring the worktree to a part of the stack."""
        work = self._work
        step = variants.beside(work, RunFolder(work.run.path / NAME / name), work.plan, NAME)
        step = replace(step, whole=work.stack)
        pipeline.keep(stages.SERIES, step, part)
        pipeline.through(step, (stages.APPLY,))
        return step

    def _configured(self, step: RunContext) -> KernelConfig:
        """Configure a step, unless nothing that decides about it differs from the one before."""
        tree = step.outcome(stages.APPLY)
        repository = Repository(tree.base.repo)
        differing = repository.changed_between(self._config.tree.head, tree.head)
        if any(map(_decides, differing)):
            pipeline.through(step, (stages.CONFIG,))
            self._config = step.outcome(stages.CONFIG)
        self._config = replace(self._config, tree=tree)
        return self._config


def _decides(path: str) -> bool:
    """Whether a file can change what a .config becomes: Kconfig, and what it asks on its way."""
    name = PurePosixPath(path).name
    is_make = name in ("Makefile", "Kbuild") or name.startswith("Makefile.")
    is_on_top = path.count("/") == 0 or path.startswith("arch/")
    return name.startswith("Kconfig") or path.startswith("scripts/") or (is_make and is_on_top)


def _objects(work: RunContext) -> int:
    """Count what is compiled on the way down: for each patch, what reads the files it changes."""
    config, stack = work.outcome(stages.BUILD).config, work.stack
    changes = list(_changes(config.tree, stack))
    asked = {path for paths in changes for path in paths}
    readers = compiled.readers(config, stack, asked)
    return sum(
        len(frozenset[str]().union(*(readers.get(path, frozenset()) for path in paths)))
        for paths in changes
    )


def _changes(tree: Tree, stack: Stack) -> Iterator[set[str]]:
    """Give the files that each step changes; what stands on top goes with the first one."""
    on_top = set(above(stack))
    first = set[str]()
    repository = Repository(tree.base.repo)
    for patch in reversed([patch for patch in tree.patches if patch.commit]):
        paths = set(repository.changed_by(patch.commit))
        if patch.series in on_top:
            first |= paths
        elif patch.series == stack.under_test and patch.index > 1:
            yield paths | first
            first = set()


def _takes_s(objects: int, patches: int) -> float:
    """Give about how long it takes to go down a series of so many patches, in seconds."""
    return objects / (OBJECTS_A_SECOND * kbuild.cores()) + patches * STEP_S


def _tests_s(work: RunContext) -> float:
    """Give about how long the tests took, in seconds."""
    programs = work.outcome(stages.TEST).programs
    return sum(program.seconds for program in programs) / max(1, work.machines)


def _key(config: KernelConfig) -> str:
    parts = (config.tree.head, config.sha256, config.place.compiler)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read(record: Path) -> list[str]:
    try:
        return record.read_text().splitlines()
    except FileNotFoundError:
        return []


def _write(record: Path, keys: Sequence[str]) -> None:
    """Keep the latest of what was seen to build."""
    atomicfile.write_text(record, "".join(f"{key}\n" for key in keys[-MOST_KNOWN:]))


def _summary(found: EachPatch) -> str:
    if not found.patches:
        return "nothing to compile one by one"
    if found.left_out:
        return (
            f"{LEFT_OUT}: {found.left_out} objects would be compiled for"
            f" {counted(found.patches, 'patch')}, which takes longer than the tests (--each-patch)"
        )
    told = f"{counted(found.patches, 'patch')} and the last one, each builds"
    return f"{told} ({found.known} known)" if found.known else told


STAGE: Stage[EachPatch] = Stage(NAME, TypeAdapter(EachPatch), check, _summary)
