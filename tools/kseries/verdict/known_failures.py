# SPDX-License-Identifier: GPL-2.0
"""What of the tests counts against the series: known failures are taken out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kseries.model import (
    AgainstBase,
    Case,
    Effect,
    Finding,
    KernelEvent,
    ProgramResult,
    RunResult,
    Status,
    TestEffect,
)
from kseries.parse.casetree import leaves
from kseries.parse.outcome import complaint, events_of, status_of
from kseries.verdict import findings, named
from kseries.verdict.tally import Tally, count

KNOWN = "pre-existing"

# What is told of a test that says nothing with the series.
UNREACHED_WORDS = {
    Effect.BROKE: "passes on the base and has no result with the series",
    Effect.REMOVED: "is a test of the base that the series removes",
    Effect.UNREACHED: "passes on the base and is skipped now, as the series changes the test",
}


@dataclass(frozen=True)
class Filtered:
    """The programs and complaints of a run, seen against the base.

    programs: in the order of the run; a known failure is an expected failure, and
    so is a program in which nothing else is wrong. What fails otherwise than on the base says so.
    events: those that the base has not.
    """

    programs: tuple[ProgramResult, ...]
    events: tuple[KernelEvent, ...]


def charged(
    programs: Sequence[ProgramResult],
    events: Sequence[KernelEvent],
    against: AgainstBase | None,
) -> Filtered:
    """Take out known failures; without a comparison all counts."""
    if against is None:
        return Filtered(tuple(programs), tuple(events))
    effects = {test.test: test for test in against.tests}
    before = set(against.events_on_base)
    known = [event for number, event in enumerate(events) if number in before]
    new = tuple(event for number, event in enumerate(events) if number not in before)

    def excuse(name: str, case: Case) -> Case:
        told = effects.get(name)
        if told is None or told.effect not in (Effect.PRE_EXISTING, Effect.DIFFERS):
            return case
        if told.effect is Effect.DIFFERS:
            return replace(case, reason=_both(case.reason, told))
        return replace(case, status=Status.XFAIL, reason=f"{KNOWN}: {case.reason}".rstrip(": "))

    pairs = zip(programs, named.changed(programs, excuse), strict=True)
    judged = (
        program if program.status.good else _judged(program, left, effects.get(name), known, new)
        for program, (name, left) in pairs
    )
    return Filtered(tuple(judged), new)


def of(result: RunResult) -> Filtered:
    """Give what counts of a document."""
    return charged(result.programs, result.events, result.baseline)


def found(result: RunResult) -> tuple[Finding, ...]:
    """Give the findings of the kernel log that count, each of those of its events that do.

    A finding may have complaints of the base's and others: the stack alone does not excuse.
    """
    marked, everything = result.events, result.findings
    if not everything:
        marked, everything = findings.together(result.events)
    new = charged((), marked, result.baseline).events
    if len(new) == len(marked):
        return everything
    own = ((f, [e for e in new if e.fingerprint == f.fingerprint]) for f in everything)
    return tuple(findings.of_these(finding, events) for finding, events in own if events)


def tally(result: RunResult) -> Tally:
    """Count what passes and is skipped as it is, and of what fails what counts."""
    return replace(count(result.programs), failed=count(of(result).programs).failed)


def sentence(against: AgainstBase) -> str:
    """Count what the series did to the tests."""
    broke = sum(test.effect.is_regression for test in against.tests)
    if against.by_sources:
        changed = len(against.changed)
        return f"removed {broke}, changed {changed}"
    fixed, added, before = (
        len(having(against, effect)) for effect in (Effect.FIXED, Effect.ADDED, Effect.PRE_EXISTING)
    )
    return f"broke {broke}, fixed {fixed}, added {added}; {before} pre-existing"


def having(against: AgainstBase | None, *effects: Effect) -> tuple[TestEffect, ...]:
    """Give the tests that the series does one of these things to."""
    return tuple(test for test in (against.tests if against else ()) if test.effect in effects)


def gone(against: AgainstBase | None) -> tuple[TestEffect, ...]:
    """Give the tests that the base has, passed where it was tested, and the series has not."""
    tests = having(against, Effect.BROKE, Effect.REMOVED)
    return tuple(test for test in tests if not test.after)


def unreached(against: AgainstBase | None) -> tuple[TestEffect, ...]:
    """Give the tests that are not there any more, or that a changed test skips."""
    return (*gone(against), *having(against, Effect.UNREACHED))


def _both(now: str, test: TestEffect) -> str:
    """Say why a test fails and, behind it, what it does on the base."""
    base = f"on the base {test.before}" + (f": {test.why_before}" if test.why_before else "")
    return "; ".join(filter(None, [now, base]))


def _judged(
    program: ProgramResult,
    left: ProgramResult,
    own: TestEffect | None,
    known: Sequence[KernelEvent],
    new: Sequence[KernelEvent],
) -> ProgramResult:
    """Judge a bad program by what of it counts.

    left: with its cases excused. own: of a fault of the program beyond its cases.
    """
    bad = _bad(left)
    mine, others = events_of(program, new), events_of(program, known)
    if own is not None and own.effect is Effect.DIFFERS:
        # First, as some reports show the first problem alone.
        problems = [problem for problem in left.problems if problem not in own.why_after]
        return replace(left, problems=(_both(own.why_after, own), *problems))
    if own is not None and own.effect.is_regression:
        return left
    # What else there is to say of a bad program is that it is a known failure.
    if own is None and not others and len(_bad(program)) == len(bad):
        return left
    if not (bad or mine):
        return replace(left, status=Status.XFAIL)
    said = {complaint(event) for event in others}
    return replace(
        left,
        status=status_of(left.cases) if bad else Status.FAIL,
        problems=tuple(problem for problem in left.problems if problem not in said),
    )


def _bad(program: ProgramResult) -> list[Case]:
    return [case for case in leaves(program.cases) if not case.status.good]
