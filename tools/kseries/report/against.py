# SPDX-License-Identifier: GPL-2.0
"""What reports say of the comparison with the base without the series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kseries.model import AgainstBase, Effect, RunResult, TestEffect
from kseries.report.words import counted
from kseries.results.charged import gone, having, of, sentence
from kseries.results.tally import SuiteTally, by_suite

SHORT = 12  # digits of a commit

# What a single test is marked with; that one was added is nothing special.
_MARKED = (Effect.BROKE, Effect.FAILS, Effect.UNTOLD, Effect.BEFORE, Effect.FIXED, Effect.SKIPPED)


@dataclass(frozen=True)
class SuiteCounts:
    """The cases of a suite. failed: without those that were broken before."""

    suite: SuiteTally
    failed: int
    before: int


@dataclass(frozen=True)
class Listed:
    """Tests, or complaints of the kernel, that the series does the same to, a line each."""

    title: str
    lines: tuple[str, ...]


def suites(result: RunResult) -> tuple[SuiteCounts, ...]:
    """Count suite by suite; what was broken before is counted by itself."""
    left = by_suite(of(result).programs)
    return tuple(
        SuiteCounts(suite, counts.cases.failed, suite.cases.failed - counts.cases.failed)
        for suite, counts in zip(by_suite(result.programs), left, strict=True)
    )


def excuse(result: RunResult) -> str:
    """Say what was broken before in a sentence; "" when nothing was."""
    against = result.baseline
    if against is None:
        return ""
    tests = len(having(against, Effect.BEFORE))
    events = len(against.events_before)
    found = [
        counted(number, what) for number, what in ((tests, "test"), (events, "complaint")) if number
    ]
    if not found:
        return ""
    verb = "is" if tests + events == 1 else "are"
    said = f"{' and '.join(found)} of the kernel log" if events else found[0]
    nothing = "" if any(s.suite.cases.passed for s in suites(result)) else "; no test passes at all"
    return f"{said} {verb} as bad without the series, and not counted{nothing}"


def counts(against: AgainstBase) -> str:
    """Say with what it was compared and what came of it, in a line."""
    origin = f"tested by {against.run}" if against.kept else "tested now"
    return f"base {against.head[:SHORT]}, {origin}: {sentence(against)}"


def lists(result: RunResult, *, added: bool = False) -> Iterator[Listed]:
    """Give what stands beside the failures, the empty ones left out. added: also what is new."""
    against = result.baseline
    if against is None:
        return
    before = [_line(test) for test in having(against, Effect.BEFORE)]
    for number in against.events_before:
        event = result.events[number]
        before.append(f"kernel log, line {event.line}: {event.title}")
    found = (
        ("Passed on the base, gone", [test.test for test in gone(against)]),
        ("Broken before", before),
        ("Fixed", [_line(test) for test in having(against, Effect.FIXED)]),
        ("No longer in the kernel log", list(against.events_gone)),
        ("Skipped now", [_line(test) for test in having(against, Effect.SKIPPED)]),
        ("Added", [t.test for t in having(against, Effect.ADDED)] if added else []),
    )
    yield from (Listed(title, tuple(lines)) for title, lines in found if lines)


def marks(result: RunResult) -> dict[str, str]:
    """Give what is to be said of single tests, by their names."""
    tests = having(result.baseline, *_MARKED)
    return {test.test: test.effect.value for test in tests}


def _line(test: TestEffect) -> str:
    states = test.before if test.before == test.after else f"{test.before} → {test.after}"
    return f"{test.test} ({states})"
