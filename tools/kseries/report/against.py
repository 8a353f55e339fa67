# SPDX-License-Identifier: GPL-2.0
"""What reports say of the comparison with the base without the series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kseries.model import AgainstBase, Effect, RunResult, TestEffect
from kseries.report.words import counted
from kseries.verdict import findings
from kseries.verdict.known_failures import gone, having, of, sentence
from kseries.verdict.tally import SuiteTally, by_suite

SHORT = 12  # digits of a commit

# What a single test is marked with; that one was added is nothing special.
_MARKED = tuple(effect for effect in Effect if effect is not Effect.ADDED)


@dataclass(frozen=True)
class SuiteCounts:
    """The cases of a suite. failed: without known failures."""

    suite: SuiteTally
    failed: int
    before: int


@dataclass(frozen=True)
class Listed:
    """Tests, or complaints of the kernel, that the series does the same to, a line each."""

    title: str
    lines: tuple[str, ...]


def suites(result: RunResult) -> tuple[SuiteCounts, ...]:
    """Count suite by suite; known failures are counted by itself."""
    left = by_suite(of(result).programs)
    return tuple(
        SuiteCounts(suite, counts.cases.failed, suite.cases.failed - counts.cases.failed)
        for suite, counts in zip(by_suite(result.programs), left, strict=True)
    )


def excuse(result: RunResult) -> str:
    """Say known failures in a sentence; "" when nothing was."""
    against = result.baseline
    if against is None:
        return ""
    tests = len(having(against, Effect.PRE_EXISTING))
    events = len(against.events_on_base)
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
    if against.by_sources:
        head = f"base {against.head[:SHORT]}"
        return f"sources of the {head}, not built, as no test failed: {sentence(against)}"
    origin = f"tested by {against.run}" if against.kept else "tested now"
    return f"base {against.head[:SHORT]}, {origin}: {sentence(against)}"


def lists(result: RunResult, *, added: bool = False) -> Iterator[Listed]:
    """Give what stands beside the failures, the empty ones left out. added: also what is new."""
    against = result.baseline
    if against is None:
        return
    before = [_both(test) for test in having(against, Effect.PRE_EXISTING)]
    removed = having(against, Effect.REMOVED)
    passed = [test.test for test in gone(against) if test not in removed]
    found = (
        ("Passed on the base, gone", passed),
        ("Removed", [_with(test.test, test.why_after) for test in removed]),
        ("Skipped by a changed test", [_both(t) for t in having(against, Effect.UNREACHED)]),
        ("Fails otherwise than on the base", [_both(t) for t in having(against, Effect.DIFFERS)]),
        ("Broken before", [*before, *_complaints(result, against)]),
        ("Fixed", [_line(test) for test in having(against, Effect.FIXED)]),
        ("No longer in the kernel log", list(against.events_gone)),
        ("Skipped now", [_line(test) for test in having(against, Effect.SKIPPED)]),
        ("Changed by the series", [_with(each.test, each.how) for each in against.changed]),
        ("Added", [t.test for t in having(against, Effect.ADDED)] if added else []),
    )
    yield from (Listed(title, tuple(lines)) for title, lines in found if lines)


def marks(result: RunResult) -> dict[str, str]:
    """Give what is to be said of single tests, by their names."""
    tests = having(result.baseline, *_MARKED)
    return {test.test: test.effect.value for test in tests}


def _complaints(result: RunResult, against: AgainstBase) -> Iterator[str]:
    """Tell the complaints of the kernel that the base has, too, each title once."""
    counts = {told.title: told for told in against.complaints}
    seen = set()
    for number in against.events_on_base:
        event = result.events[number]
        if event.title in seen:
            continue
        seen.add(event.title)
        text = f"kernel log, {findings.line(event)}: {event.title}"
        told = counts.get(event.title)
        often = f"before: {_times(told.before)}, after: {_times(told.after)}" if told else ""
        yield _with(text, often)


def _times(count: int) -> str:
    return f"{count} time" if count == 1 else f"{count} times"


def _both(test: TestEffect) -> str:
    """Tell a test that is bad on both, why it was and why it is."""
    sides = ((test.before, test.why_before), (test.after, test.why_after))
    before, after = (": ".join(filter(None, (state, why))) for state, why in sides)
    return f"{test.test} (before: {before}; after: {after})"


def _with(test: str, told: str) -> str:
    return f"{test} ({told})" if told else test


def _line(test: TestEffect) -> str:
    states = test.before if test.before == test.after else f"{test.before} → {test.after}"
    return f"{test.test} ({states})"
