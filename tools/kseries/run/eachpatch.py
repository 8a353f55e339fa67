# SPDX-License-Identifier: GPL-2.0
"""Does each patch build on its own? Who bisects later stops at any of them.

The whole series is built by then. Here its first patch is compiled, then the first two, and so on,
in one worktree and one build folder that walk along, so that make compiles what a patch touches.
Nothing is linked. What was seen to build is not built again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from kseries.build import stage as building
from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed
from kseries.lib.locks import locked
from kseries.lib.runfolder import RunFolder
from kseries.model import KernelConfig
from kseries.report.words import counted
from kseries.run import pipeline, variants
from kseries.run.pipeline import RunContext, Stage
from kseries.stacks.variant import above, cut, under_test

NAME = "patches"
KNOWN = "built-patches"  # in the state folder: a line for each that was seen to build
MOST_KNOWN = 1000


@dataclass(frozen=True)
class EachPatch:
    """What was compiled. patches: of the series, but its last one; known: seen to build before."""

    patches: int
    known: int = 0


def check(work: RunContext) -> EachPatch:
    """Compile the series up to each of its patches.

    The whole of it is the run's own build. Raises CheckFailed for the first one that does not
    apply, cannot be configured, or does not build.
    """
    stack = work.stack
    if not stack.under_test:
        return EachPatch(0)
    patches = under_test(stack).patches
    folder, known = work.run.path / NAME, 0
    with locked(replace(work, suffix=NAME).stack_folder, work.progress):
        for number, patch in enumerate(patches[:-1], start=1):
            label = f"patch {number} of {len(patches)}"
            work.progress.update(label, done=number - 1, total=len(patches) - 1)
            step = variants.beside(work, RunFolder(folder / str(number)), work.plan, NAME)
            step = replace(step, whole=stack)
            try:
                known += _compile(step, number)
            except CheckFailed as error:
                raise CheckFailed(
                    f"{label}, '{patch.title}', does not build without those after it:"
                    f" {error.what}",
                    where=error.where,
                    do="each patch has to build, for those who bisect",
                ) from error
    return EachPatch(len(patches) - 1, known)


def _compile(work: RunContext, number: int) -> bool:
    """Compile the first patches; tell whether they were known to build."""
    whole = work.whole
    assert whole is not None
    # What stands on top is for the whole of the series.
    part = cut(whole, number, above(whole))
    work.outcomes[pipeline.SERIES.name] = part
    work.run.save(pipeline.SERIES.name, part, pipeline.SERIES.adapter)
    pipeline.through(work, (pipeline.APPLY, pipeline.CONFIG))
    config = work.outcome(pipeline.CONFIG)
    key, record = _key(config), config.place.state / KNOWN
    there = _read(record)
    if key in there:
        return True
    jobs = work.request.jobs or None
    building.compile_objects(config, part, work.cache, work.run, work.progress, jobs=jobs)
    atomicfile.write_text(record, "".join(f"{line}\n" for line in [*there, key][-MOST_KNOWN:]))
    return False


def _key(config: KernelConfig) -> str:
    parts = (config.tree.head, config.sha256, config.place.compiler)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read(record: Path) -> list[str]:
    try:
        return record.read_text().splitlines()
    except FileNotFoundError:
        return []


def _summary(found: EachPatch) -> str:
    if not found.patches:
        return "nothing to compile one by one"
    told = f"{counted(found.patches, 'patch')} and the last one, each builds"
    return f"{told} ({found.known} known)" if found.known else told


STAGE: Stage[EachPatch] = Stage(NAME, TypeAdapter(EachPatch), check, _summary)
