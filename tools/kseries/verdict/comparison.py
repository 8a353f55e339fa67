# SPDX-License-Identifier: GPL-2.0
"""What changed from one run to another. Pure; two result documents go in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.model import (
    AppliedPatch,
    KernelEvent,
    PatchState,
    ProgramResult,
    RunResult,
    StageState,
    Status,
    Verdict,
)
from kseries.verdict import named
from kseries.verdict.named import CASE, NamedTest
from kseries.verdict.scope import BASELINE

FACTOR = 2.0  # slower by this is worth a line
LEAST_S = 1.0  # and by this many seconds

# Fields of the provenance, as people call them.
_FACTS = (
    ("source", "source"),
    ("base commit", "base_commit"),
    ("config", "config"),
    (".config", "config_sha256"),
    ("kernel", "kernel_release"),
    ("compiler", "compiler"),
    ("machine", "qemu"),
    ("accelerator", "accelerator"),
    ("kseries", "kseries_commit"),
)


@dataclass(frozen=True)
class Change:
    """Something that is other than before; "" where it was not there, or is not there."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Slower:
    """A test that takes longer, in seconds."""

    name: str
    before: float
    after: float


VIRTUAL = "vm"
"""What a virtual machine is called beside a lab machine."""


@dataclass(frozen=True)
class Comparison:
    """All that changed. Names of tests are "suite/program" or "suite/program: case"."""

    before: RunResult
    after: RunResult
    facts: tuple[Change, ...]
    stages: tuple[Change, ...]
    patches: tuple[Change, ...]
    failing: tuple[Change, ...]  # bad now, and not bad before
    passing: tuple[Change, ...]  # bad before, and good now
    otherwise: tuple[Change, ...]  # another outcome, neither better nor worse
    added: tuple[str, ...]
    removed: tuple[str, ...]
    slower: tuple[Slower, ...]
    events: tuple[KernelEvent, ...]  # of the second run alone
    worse: bool  # the second has a failure that the first has not
    # On two machines: each test that came out otherwise or ran on one alone, with both reasons.
    sides: tuple[Change, ...] = ()

    @property
    def machines(self) -> tuple[str, str] | None:
        """Name the machines where they are two: it is then no matter of before and after."""
        return _machines(self.before, self.after)

    @property
    def exit_code(self) -> int:
        """1 for a new failure, 3 where the second run does not tell, else 0."""
        if self.worse:
            return Verdict.FAIL.exit_code
        untold = self.after.verdict is Verdict.INCOMPLETE or self.less
        return Verdict.INCOMPLETE.exit_code if untold else Verdict.PASS.exit_code

    @property
    def less(self) -> bool:
        """Whether the second run was to do less than the first did, so that it does not tell."""
        scope = self.after.scope
        done = {stage.name for stage in self.before.stages if stage.state is StageState.DONE}
        left_out = done.intersection(scope.not_asked) - {BASELINE}
        return bool(left_out or (scope.only and self.removed))


@dataclass(frozen=True)
class _Test:
    status: Status
    seconds: float | None
    reason: str = ""


def machine(run: RunResult) -> str:
    """Name the machine that a run's tests ran on; "" where none did."""
    told = run.provenance
    return VIRTUAL if told.qemu else told.accelerator


def _machines(before: RunResult, after: RunResult) -> tuple[str, str] | None:
    """Name both machines; None where they are the same, or one run ran nothing."""
    names = machine(before), machine(after)
    return names if all(names) and names[0] != names[1] else None


def compare(before: RunResult, after: RunResult, *, factor: float = FACTOR) -> Comparison:
    """Compare two runs. factor: how many times slower a test is to be named, on one machine."""
    old, new = _tests(before.programs), _tests(after.programs)
    both = [name for name in new if name in old]
    failing = [
        Change(name, _outcome(old.get(name)), _told(test))
        for name, test in new.items()
        if not test.status.good and (name not in old or old[name].status.good)
    ]
    stages = _stages(before, after)
    patches = _patches(before.patches, after.patches)
    events = _new_events(before.events, after.events)
    return Comparison(
        before=before,
        after=after,
        facts=_facts(before, after),
        stages=stages,
        patches=patches,
        failing=tuple(failing),
        passing=tuple(
            Change(name, _outcome(old[name]), _outcome(new[name]))
            for name in both
            if new[name].status.good and not old[name].status.good
        ),
        otherwise=tuple(
            Change(name, _outcome(old[name]), _told(new[name]))
            for name in both
            if new[name].status is not old[name].status
            and new[name].status.good == old[name].status.good
        ),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        # How long two machines take says nothing of what runs on them.
        slower=() if _machines(before, after) else tuple(_slower(both, old, new, factor)),
        events=events,
        worse=bool(failing or events or _breaks(before, after)),
        sides=tuple(_sides(old, new)) if _machines(before, after) else (),
    )


def _tests(programs: Iterable[ProgramResult]) -> dict[str, _Test]:
    """Give programs and their cases by name."""
    return {test.name: _test(test) for test in named.tests(programs)}


def _test(test: NamedTest) -> _Test:
    if test.case is None:
        program = test.program
        return _Test(program.status, program.seconds, next(iter(program.problems), ""))
    return _Test(test.case.status, test.case.seconds, test.case.reason)


def _outcome(test: _Test | None) -> str:
    return test.status.value if test else ""


def _told(test: _Test) -> str:
    return f"{test.status.value}: {test.reason}" if test.reason else test.status.value


def _sides(old: dict[str, _Test], new: dict[str, _Test]) -> Iterator[Change]:
    """Give what differs from machine to machine; of a program that one has not, no cases."""
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name), new.get(name)
        if before is not None and after is not None and before.status is after.status:
            continue
        program = name.partition(CASE)[0]
        if program != name and (program in old) != (program in new):
            continue
        yield Change(name, _told(before) if before else "", _told(after) if after else "")


def _slower(
    names: Iterable[str], old: dict[str, _Test], new: dict[str, _Test], factor: float
) -> list[Slower]:
    found = []
    for name in names:
        before, after = old[name].seconds, new[name].seconds
        if before is None or after is None:
            continue
        if after - before >= LEAST_S and after >= factor * before:
            found.append(Slower(name, before, after))
    return sorted(found, key=lambda item: item.before - item.after)


def _facts(before: RunResult, after: RunResult) -> tuple[Change, ...]:
    pairs = [
        ("stack", before.stack, after.stack),
        ("series", before.under_test, after.under_test),
        *(
            (what, getattr(before.provenance, name), getattr(after.provenance, name))
            for what, name in _FACTS
        ),
    ]
    return tuple(Change(*pair) for pair in pairs if pair[1] != pair[2])


def _stages(before: RunResult, after: RunResult) -> tuple[Change, ...]:
    old = {stage.name: stage.state for stage in before.stages}
    return tuple(
        Change(stage.name, old[stage.name].value if stage.name in old else "", stage.state.value)
        for stage in after.stages
        if old.get(stage.name) is not stage.state
    )


def _patches(before: Sequence[AppliedPatch], after: Sequence[AppliedPatch]) -> tuple[Change, ...]:
    """Tell patches apart by series and title: that is what stays when one is revised."""
    old = {(patch.series, patch.title): patch for patch in before}
    new = {(patch.series, patch.title): patch for patch in after}
    changes = []
    for key in dict.fromkeys([*old, *new]):
        first, second = old.get(key), new.get(key)
        if first and second and first.state is second.state and first.patch_id == second.patch_id:
            continue
        revised = first and second and first.state is second.state
        now = "revised" if revised else _state(second)
        changes.append(Change(f"{key[0]}: {key[1]}", _state(first), now))
    return tuple(changes)


def _state(patch: AppliedPatch | None) -> str:
    return patch.state.value if patch else ""


def _new_events(
    before: Iterable[KernelEvent], after: Iterable[KernelEvent]
) -> tuple[KernelEvent, ...]:
    """Give the complaints that come more often than before, told apart by what and where."""
    known = Counter((event.kind, event.title, event.where) for event in before)
    fresh = []
    for event in after:
        key = (event.kind, event.title, event.where)
        if known[key]:
            known[key] -= 1
        else:
            fresh.append(event)
    return tuple(fresh)


def _breaks(before: RunResult, after: RunResult) -> bool:
    """Whether the second run fails a stage, or a patch, that the first did not."""
    failed = {stage.name for stage in before.stages if stage.state is StageState.FAILED}
    conflicts = {
        (patch.series, patch.title)
        for patch in before.patches
        if patch.state is PatchState.CONFLICT
    }
    return any(
        stage.state is StageState.FAILED and stage.name not in failed for stage in after.stages
    ) or any(
        patch.state is PatchState.CONFLICT and (patch.series, patch.title) not in conflicts
        for patch in after.patches
    )
