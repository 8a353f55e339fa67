# SPDX-License-Identifier: GPL-2.0
"""What a series broke, fixed and added, against its base. Pure; outcomes of tests go in.

In doubt the series is charged. A bad test is excused where the base shows the same bad outcome;
a plain failure also where the base does worse. What never ran on the base excuses nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    Effect,
    EventKind,
    KernelEvent,
    ProgramResult,
    Status,
    TestEffect,
    TestOutcome,
)
from kseries.results import named
from kseries.results.named import CASE, NamedTest
from kseries.results.outcome import events_of, exit_problems, label_of, status_of, was_run

_WORSE_THAN_FAIL = (Status.TIMEOUT, Status.CRASH)
_BROKEN = (Status.FAIL, Status.ERROR, Status.TIMEOUT, Status.CRASH)
_PASSED = (Status.PASS, Status.XFAIL)

_LINE = re.compile(r"(?<=\.[chS]):\d+")


@dataclass(frozen=True)
class _Test:
    """What is judged. exit_status: of a program that has a fault beyond its cases, else None."""

    status: Status
    exit_status: int | None = None
    flaky: bool = False
    hidden: bool = False  # a part of the kernel log was kept from us


def against(
    now: TestOutcome, base: Baseline, *, left_out: tuple[str, ...], whole: bool, kept: bool
) -> AgainstBase:
    """Compare what the tests did with the series with what they do on its base.

    left_out: names of the series that the base has not, of those that the tests ran with now.
    whole: whether all tests ran, so that one that is not there is gone. kept: whether the
    baseline is an earlier run's.
    """
    effects = [*_effects(now, base), *(_gone(now, base) if whole else ())]
    return AgainstBase(
        head=base.head,
        left_out=left_out,
        run=base.run,
        made=base.made,
        kept=kept,
        tests=tuple(effects),
        events_before=_events_before(base.events, now.events),
        events_gone=_events_gone(base.events, now.events),
    )


def _effects(now: TestOutcome, base: Baseline) -> Iterator[TestEffect]:
    before = _tests(base.programs, base.events)
    programs = {label_of(program): program.status for program in base.programs}
    for name, test in _tests(now.programs, now.events).items():
        old = before.get(name)
        if old is None and name in programs:
            # The base's program has no fault of its own: as far as that goes it was good.
            old = _Test(Status.PASS)
        known = name.partition(CASE)[0] not in base.not_run
        effect = _effect(old, test, known=known)
        if effect is not None:
            shown = programs.get(name) or (old.status if old else "")
            yield TestEffect(name, effect, shown, test.status)
    yield from _mended(now, before)


def _mended(now: TestOutcome, before: dict[str, _Test]) -> Iterator[TestEffect]:
    """Find the programs that had a fault of their own, beyond their cases, and are good now."""
    for test in named.tests(now.programs):
        old = before.get(test.name) if test.case is None else None
        if old is not None and old.status in _BROKEN and test.program.status is Status.PASS:
            yield TestEffect(test.name, Effect.FIXED, old.status, test.program.status)


def _effect(before: _Test | None, after: _Test, *, known: bool) -> Effect | None:
    """Say what became of a test. known: whether the base was asked for it; None: nothing."""
    if before is None or not known:
        return _new(after, known)
    if after.status is Status.SKIP:
        return Effect.SKIPPED if before.status in (*_PASSED, *_BROKEN) else None
    if after.status.good:
        mended = after.status is Status.PASS and before.status in _BROKEN
        return Effect.FIXED if mended else None
    return Effect.BEFORE if _excused(before, after) else Effect.BROKE


def _new(test: _Test, known: bool) -> Effect | None:
    if test.status.good:
        return Effect.ADDED if known else None
    return Effect.FAILS if known else Effect.UNTOLD


def _excused(before: _Test, after: _Test) -> bool:
    if after.hidden or (before.flaky and not after.flaky):
        return False
    if after.status is Status.FAIL and before.status in _WORSE_THAN_FAIL:
        return True
    return (before.status, before.exit_status) == (after.status, after.exit_status)


def _gone(now: TestOutcome, base: Baseline) -> Iterator[TestEffect]:
    """Find what passes on the base and is not there with the series."""
    there = {test.name for test in named.tests(now.programs)}
    programs = {label_of(program) for program in now.programs}
    for test in named.tests(base.programs):
        if label_of(test.program) not in programs:
            if test.case is None and test.program.status in _PASSED:
                yield TestEffect(test.name, Effect.BROKE, test.program.status)
        elif test.case and test.name not in there and test.case.status in _PASSED:
            yield TestEffect(test.name, Effect.BROKE, test.case.status)


def _tests(programs: Sequence[ProgramResult], events: Sequence[KernelEvent]) -> dict[str, _Test]:
    """Give the cases, and the programs that have a fault of their own or no case."""
    found = {}
    for test in named.tests(programs):
        judged = _program(test, events) if test.case is None else _case(test.case)
        if judged is not None:
            found[test.name] = judged
    return found


def _case(case: Case) -> _Test:
    return _Test(case.status, flaky=case.flaky)


def _program(test: NamedTest, events: Sequence[KernelEvent]) -> _Test | None:
    """Give what is to be said of a program beyond its cases; None where these say it all."""
    program = test.program
    if program.status.good:
        return None if program.cases else _Test(program.status)
    status = program.exit_status
    if status is None or not exit_problems(status, program.cases):
        of_cases = status_of(program.cases) if program.cases else None
        if program.status is of_cases:
            return None
        by_events = program.status is Status.FAIL and of_cases is not None and of_cases.good
        if by_events and any(events_of(program, events)):
            return None
    hidden = any(event.kind is EventKind.HIDDEN for event in events_of(program, events))
    return _Test(program.status, status, program.flaky, hidden)


# ---------------------------------------------------------------- the kernel log


def _events_before(base: Sequence[KernelEvent], now: Sequence[KernelEvent]) -> tuple[int, ...]:
    """Find the complaints that the base has too, by their places.

    Patches move lines, so numbers of lines may differ; but then there must not be more of them
    than there are on the base, as it could be another one in the same function.
    """
    exact = {(event.kind, event.title, event.where) for event in base}
    left = Counter(_loosely(event) for event in base)
    # What was hidden on the base need not be what is hidden now.
    told = [(n, e) for n, e in enumerate(now) if e.kind is not EventKind.HIDDEN]
    same = [n for n, e in told if (e.kind, e.title, e.where) in exact]
    for number in same:
        left[_loosely(now[number])] -= 1
    moved = []
    for number, event in told:
        if number not in same and left[_loosely(event)] > 0:
            left[_loosely(event)] -= 1
            moved.append(number)
    return tuple(sorted([*same, *moved]))


def _events_gone(base: Sequence[KernelEvent], now: Sequence[KernelEvent]) -> tuple[str, ...]:
    there = {_loosely(event) for event in now}
    return tuple(dict.fromkeys(event.title for event in base if _loosely(event) not in there))


def _loosely(event: KernelEvent) -> tuple[str, str, str]:
    return event.kind, _LINE.sub("", event.title), _LINE.sub("", event.where)


def stripped(outcome: TestOutcome) -> tuple[ProgramResult, ...]:
    """Give the programs that ran, without the evidence, which stays where it was made."""
    return tuple(
        replace(
            program,
            tail=(),
            kernel_log=(),
            cases=tuple(_stripped(case) for case in program.cases),
        )
        for program in outcome.programs
        if was_run(program)
    )


def _stripped(case: Case) -> Case:
    return replace(case, diagnostics=(), children=tuple(_stripped(c) for c in case.children))
