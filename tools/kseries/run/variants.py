# SPDX-License-Identifier: GPL-2.0
"""Build a stack with its series under test cut to the first patches, beside the stack itself.

Series on top of the one under test may not fit without all of it. In this order:

1. on the base, those that require it are left out; elsewhere all of them stay on top;
2. one that does not apply is left out, and so is what requires it;
3. when the tree cannot be configured or built, all that require the one under test are left out.

Whatever else fails is the answer. The whole series keeps all that the stack has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kseries.apply.conflict import PatchConflict
from kseries.lib.errors import CheckFailed
from kseries.lib.runfolder import RunFolder
from kseries.model import Stack, Tree
from kseries.run import pipeline, stages
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.stacks.stack import Plan
from kseries.stacks.variant import above, cut, needing, under_test

MADE: tuple[Stage[Any], ...] = (stages.CONFIG, stages.BUILD, stages.INSTALL)


@dataclass(frozen=True)
class Variant:
    """A stack in part. work: its own, with the outcomes of its stages.

    left_out: series that are not on it, the one under test included where it is cut to nothing.
    notes: why, one sentence for each. built: whether it was worth to be built.
    """

    work: RunContext
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    built: bool


Worth = Callable[[Tree, Stack], bool]
"""Whether a tree with its patches is worth to be built."""


def beside(work: RunContext, folder: RunFolder, plan: Plan, suffix: str) -> RunContext:
    """Give the work on a variant: a folder and a worktree of its own, the same base."""
    folder.path.mkdir(parents=True, exist_ok=True)
    left: dict[str, object] = {stages.FETCH.name: work.outcome(stages.FETCH)}
    return replace(work, plan=plan, run=folder, suffix=suffix, outcomes=left)


def make(work: RunContext, stack: Stack, patches: int, worth: Worth) -> Variant:
    """Apply, configure and build the variant of `stack`; its work is `work`.

    The caller holds the lock of the worktree. Raises CheckFailed when it cannot be made.
    """
    maker = _Maker(work, stack, patches)
    while True:
        try:
            return maker.attempt(worth)
        except CheckFailed as error:
            maker.leave_out(error)


class _Maker:
    def __init__(self, work: RunContext, stack: Stack, patches: int) -> None:
        self._work = work
        self._stack = stack
        self._patches = patches
        self._total = len(under_test(stack).patches)
        self._out: tuple[str, ...] = () if patches else needing(stack)
        self._notes = [f"{name} is left out, as it requires the series" for name in self._out]

    def attempt(self, worth: Worth) -> Variant:
        """Make it with what is not left out. Raises CheckFailed."""
        work = self._work
        part = cut(self._stack, self._patches, self._out)
        pipeline.keep(stages.SERIES, work, part)
        pipeline.through(work, (stages.APPLY,))
        built = worth(work.outcome(stages.APPLY), part)
        if built:
            pipeline.through(work, MADE)
        out = self._out if self._patches else (self._stack.under_test, *self._out)
        return Variant(work, out, tuple(self._notes), built)

    def leave_out(self, error: CheckFailed) -> None:
        """Leave out what is in the way. Raises the error where nothing is left to try."""
        more, why = self._in_the_way(error)
        if self._patches == self._total or not more:
            raise error
        self._out = (*self._out, *more)
        self._notes += [f"{name} is left out: {why}" for name in more]

    def _in_the_way(self, error: CheckFailed) -> tuple[Sequence[str], str]:
        if isinstance(error, PatchConflict):
            name = error.patches[-1].series
            others = needing(self._stack, name)
            return (self._left([name, *others]) if name in above(self._stack) else ()), error.what
        return self._left(needing(self._stack)), f"with it: {error.what}"

    def _left(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self._out]
