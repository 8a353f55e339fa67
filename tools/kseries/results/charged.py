# SPDX-License-Identifier: GPL-2.0
"""What of the tests counts against the series: what was broken before is taken out. Pure."""

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
from kseries.results import findings, named
from kseries.results.outcome import complaint, events_of, leaves, status_of
from kseries.results.tally import Tally, count

KNOWN = "broken before"


@dataclass(frozen=True)
class Charged:
    """The programs and complaints of a run, seen against the base.

    programs: in the order of the run; a case that was broken before is an expected failure, and
    so is a program in which nothing else is wrong. events: those that the base has not.
    """

    programs: tuple[ProgramResult, ...]
    events: tuple[KernelEvent, ...]


def charged(
    programs: Sequence[ProgramResult],
    events: Sequence[KernelEvent],
    against: AgainstBase | None,
) -> Charged:
    """Take out what was broken before; without a comparison all counts."""
    if against is None:
        return Charged(tuple(programs), tuple(events))
    effects = {test.test: test.effect for test in against.tests}
    before = set(against.events_before)
    known = [event for number, event in enumerate(events) if number in before]
    new = tuple(event for number, event in enumerate(events) if number not in before)

    def excuse(name: str, case: Case) -> Case:
        if effects.get(name) is not Effect.BEFORE:
            return case
        return replace(case, status=Status.XFAIL, reason=f"{KNOWN}: {case.reason}".rstrip(": "))

    pairs = zip(programs, named.changed(programs, excuse), strict=True)
    judged = (
        program if program.status.good else _judged(program, left, effects.get(name), known, new)
        for program, (name, left) in pairs
    )
    return Charged(tuple(judged), new)


def of(result: RunResult) -> Charged:
    """Give what counts of a document."""
    return charged(result.programs, result.events, result.baseline)


def found(result: RunResult) -> tuple[Finding, ...]:
    """Give the findings of the kernel log that count: not all of their events are the base's."""
    marked, everything = result.events, result.findings
    if not everything:
        marked, everything = findings.together(result.events)
    new = {event.fingerprint for event in charged((), marked, result.baseline).events}
    known = {event.fingerprint for event in marked} - new
    return tuple(finding for finding in everything if finding.fingerprint not in known)


def tally(result: RunResult) -> Tally:
    """Count what passes and is skipped as it is, and of what fails what counts."""
    return replace(count(result.programs), failed=count(of(result).programs).failed)


def sentence(against: AgainstBase) -> str:
    """Count what the series did to the tests."""
    broke = sum(test.effect.charged for test in against.tests)
    fixed, added, before = (
        len(having(against, effect)) for effect in (Effect.FIXED, Effect.ADDED, Effect.BEFORE)
    )
    return f"broke {broke}, fixed {fixed}, added {added}; {before} broken before"


def having(against: AgainstBase | None, *effects: Effect) -> tuple[TestEffect, ...]:
    """Give the tests that the series does one of these things to."""
    return tuple(test for test in (against.tests if against else ()) if test.effect in effects)


def gone(against: AgainstBase | None) -> tuple[TestEffect, ...]:
    """Give the tests that pass on the base and are not there with the series."""
    return tuple(test for test in having(against, Effect.BROKE) if not test.after)


def _judged(
    program: ProgramResult,
    left: ProgramResult,
    own: Effect | None,
    known: Sequence[KernelEvent],
    new: Sequence[KernelEvent],
) -> ProgramResult:
    """Judge a bad program by what of it counts.

    left: with its cases excused. own: of a fault of the program beyond its cases.
    """
    bad = _bad(left)
    mine, others = events_of(program, new), events_of(program, known)
    excused = own is Effect.BEFORE or bool(others) or len(_bad(program)) > len(bad)
    if (own is not None and own.charged) or not excused:
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
