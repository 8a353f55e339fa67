# SPDX-License-Identifier: GPL-2.0
"""What a series broke, fixed and added, against its base. Pure; outcomes of tests go in.

In doubt the series is charged. A bad test is excused where the base shows the same failure
(`samefailure`). What never ran on the base excuses nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from kseries.model import (
    AgainstBase,
    Baseline,
    Case,
    ChangedTest,
    ComplaintCount,
    Effect,
    EventKind,
    KernelEvent,
    ProgramResult,
    SourceChanges,
    Status,
    TestEffect,
    TestOutcome,
)
from kseries.parse.casetree import leaves
from kseries.parse.outcome import events_of, exit_problems, label_of, status_of, was_run
from kseries.verdict import named, samefailure
from kseries.verdict.named import CASE, NamedTest
from kseries.verdict.samefailure import TestState

_BROKEN = (Status.FAIL, Status.ERROR, Status.TIMEOUT, Status.CRASH)
_PASSED = (Status.PASS, Status.XFAIL)

GOOD = TestState(Status.PASS)


NO_CHANGES = SourceChanges()


def against(
    now: TestOutcome,
    base: Baseline,
    *,
    left_out: tuple[str, ...],
    whole: bool,
    kept: bool,
    sources: SourceChanges = NO_CHANGES,
) -> AgainstBase:
    """Compare what the tests did with the series with what they do on its base.

    left_out: names of the series that the base has not, of those that the tests ran with now.
    whole: whether all tests ran, so that one that is not there is gone. kept: whether the
    baseline is an earlier run's.
    """
    effects = [
        *_effects(now, base, sources.touched),
        *(_gone(now, base) if whole else ()),
    ]
    effects += _removed(sources.removed, base, whole=whole)
    before = samefailure.same_complaints(base.events, now.events)
    return AgainstBase(
        head=base.head,
        left_out=left_out,
        run=base.run,
        made=base.made,
        kept=kept,
        tests=tuple(effects),
        events_on_base=before,
        events_gone=_events_gone(base.events, now.events),
        complaints=tuple(_counts(base.events, now.events, before)),
        changed=sources.changed,
    )


def by_sources(sources: SourceChanges, *, left_out: tuple[str, ...]) -> AgainstBase:
    """Compare with the sources of a base that was not built, as no test failed.

    What the sources do not tell stands among what is changed.
    """
    unclear = (ChangedTest(why, "") for why in sources.unclear)
    return AgainstBase(
        head=sources.head,
        left_out=left_out,
        run="",
        made="",
        kept=False,
        tests=sources.removed,
        events_on_base=(),
        events_gone=(),
        by_sources=True,
        changed=(*sources.changed, *unclear),
    )


def _effects(now: TestOutcome, base: Baseline, touched: Collection[str]) -> list[TestEffect]:
    before = _tests(base.programs, base.events)
    after = _tests(now.programs, now.events)
    programs = {label_of(program): program.status for program in base.programs}
    found = []
    for name, test in after.items():
        old = before.get(name)
        if old is None and name in programs:
            # The base's program has no fault of its own: as far as that goes it was good.
            old = GOOD
        label = _label(name)
        effect = _effect(old, test, known=label not in base.not_run, is_changed=label in touched)
        if effect is not None:
            shown = programs.get(name) or (old.status if old else "")
            why = old.why if old else ""
            found.append(TestEffect(name, effect, shown, test.status, why, test.why))
    found += _mended(now, before)
    told = {_label(effect.test) for effect in found if effect.effect.is_regression}
    ends = _other_ends(base.programs, now.programs, touched)
    found += [end for end in ends if end.test not in told]
    return found


def _label(name: str) -> str:
    return name.partition(CASE)[0]


def _mended(now: TestOutcome, before: dict[str, TestState]) -> Iterator[TestEffect]:
    """Find the programs that had a fault of their own, beyond their cases, and are good now."""
    for test in named.tests(now.programs):
        old = before.get(test.name) if test.case is None else None
        if old is not None and old.status in _BROKEN and test.program.status is Status.PASS:
            status = test.program.status
            yield TestEffect(test.name, Effect.FIXED, old.status, status, old.why)


def _effect(
    before: TestState | None, after: TestState, *, known: bool, is_changed: bool
) -> Effect | None:
    """Say what became of a test; None: nothing.

    known: whether the base was asked for it. is_changed: whether the series changes its sources.
    """
    if before is None or not known:
        return _new(after, known)
    if after.status is Status.SKIP:
        if is_changed and before.status in _PASSED:
            return Effect.UNREACHED
        return Effect.SKIPPED if before.status in (*_PASSED, *_BROKEN) else None
    if after.status.good:
        fixed = after.status is Status.PASS and before.status in _BROKEN
        return Effect.FIXED if fixed else None
    if before.status.good:
        return Effect.BROKE
    same = samefailure.is_same(before, after, lines=not is_changed)
    return Effect.PRE_EXISTING if same else Effect.DIFFERS


def _new(test: TestState, known: bool) -> Effect | None:
    if test.status.good:
        return Effect.ADDED if known else None
    return Effect.FAILS if known else Effect.NOT_RUN_ON_BASE


def _gone(now: TestOutcome, base: Baseline) -> Iterator[TestEffect]:
    """Find what passes on the base and is not there with the series."""
    there = {test.name for test in named.tests(now.programs)}
    programs = {label_of(program) for program in now.programs}
    for test in named.tests(base.programs):
        # Of a program that is not there as a whole its cases are not told one by one.
        program_is_there = label_of(test.program) in programs
        is_gone = test.name not in there if program_is_there else test.case is None
        status = (test.case or test.program).status
        if is_gone and status in _PASSED:
            yield TestEffect(test.name, Effect.BROKE, status)


def _removed(removed: Sequence[TestEffect], base: Baseline, *, whole: bool) -> Iterator[TestEffect]:
    """Give the tests that are removed, without those that the base cannot run either.

    The base tells more than its sources do, of programs that ran there, where all tests ran.
    """
    ran = {label_of(program) for program in base.programs}
    states = {test.name: (test.case or test.program).status for test in named.tests(base.programs)}
    for test in removed:
        if whole and _label(test.test) in ran:
            continue
        status = states.get(test.test, states.get(_label(test.test)))
        if status is None or status in _PASSED:
            yield replace(test, before=status or test.before)


def _tests(
    programs: Sequence[ProgramResult], events: Sequence[KernelEvent]
) -> dict[str, TestState]:
    """Give the cases, and the programs that have a fault of their own or no case."""
    found = {}
    for test in named.tests(programs):
        if test.case is None:
            judged = _program(test, events)
        else:
            judged = samefailure.of_case(test.case, test.program)
        if judged is not None:
            found[test.name] = judged
    return found


def _program(test: NamedTest, events: Sequence[KernelEvent]) -> TestState | None:
    """Give what is to be said of a program beyond its cases; None where these say it all."""
    program, mine = test.program, events_of(test.program, events)
    status = program.exit_status
    if status is None or not exit_problems(status, program.cases):
        if program.cases and program.status is status_of(program.cases):
            return None
        if program.status is Status.FAIL and mine:
            return None  # for what the kernel complained of, which is compared by itself
    hidden = any(event.kind is EventKind.HIDDEN for event in mine)
    return replace(samefailure.of_program(program), hidden=hidden)


def _other_ends(
    base: Sequence[ProgramResult], now: Sequence[ProgramResult], touched: Collection[str]
) -> Iterator[TestEffect]:
    """Find the programs that are bad on both and ended in a way in which the base's did not.

    An exit status tells something where the same cases are bad; else it may have counted them.
    """
    known = {label_of(program): program for program in base}
    for program in now:
        old = known.get(label_of(program))
        if old is None or old.status.good or program.status.good:
            continue
        was, ended = samefailure.of_program(old), samefailure.of_program(program)
        same_exit = was.exit_status == ended.exit_status or _bad(old) != _bad(program)
        lines = label_of(program) not in touched
        if same_exit and samefailure.says_nothing_new(was, ended, lines=lines):
            continue
        statuses = (old.status, program.status)
        yield TestEffect(label_of(program), Effect.DIFFERS, *statuses, was.why, ended.why)


def _bad(program: ProgramResult) -> list[str]:
    return [case.name for case in leaves(program.cases) if not case.status.good]


# ---------------------------------------------------------------- the kernel log


def _events_gone(base: Sequence[KernelEvent], now: Sequence[KernelEvent]) -> tuple[str, ...]:
    there = {samefailure.identity(event) for event in now}
    gone = (event.title for event in base if samefailure.identity(event) not in there)
    return tuple(dict.fromkeys(gone))


def _counts(
    base: Sequence[KernelEvent], now: Sequence[KernelEvent], before: Sequence[int]
) -> Iterator[ComplaintCount]:
    """Count the complaints that both have."""
    old, new = (
        Counter(samefailure.identity(event) for event in events if not samefailure.is_again(event))
        for events in (base, now)
    )
    titles = {samefailure.identity(now[number]): now[number].title for number in before}
    for name, title in titles.items():
        yield ComplaintCount(title, old[name], new[name])


def stripped(outcome: TestOutcome) -> tuple[ProgramResult, ...]:
    """Give the programs that ran, and of their evidence what tells one failure from another."""
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
    kept = samefailure.assertions(case)
    children = tuple(_stripped(c) for c in case.children)
    return replace(case, diagnostics=tuple(f"# {line}" for line in kept), children=children)
