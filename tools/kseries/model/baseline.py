# SPDX-License-Identifier: GPL-2.0
"""The base without the series, and what the series changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kseries.model.tests import KernelEvent, ProgramResult


@dataclass(frozen=True)
class Baseline:
    """What the tests do without the series under test. Kept, as it is the same for many runs."""

    head: str  # the commit that was tested
    series: tuple[str, ...]  # those it has
    run: str  # name of the run that made it
    made: str  # ISO 8601, UTC
    programs: tuple[ProgramResult, ...]  # those that ran; of evidence, what tells failures apart
    events: tuple[KernelEvent, ...]
    not_run: tuple[str, ...]  # "suite/program" that it has, and of which nothing is known


class Effect(StrEnum):
    """What the series under test does to a test."""

    BROKE = "broke"  # good on the base, bad or gone with the series
    DIFFERS = "fails otherwise"  # bad on both, and not in the same way
    FAILS = "new, fails"  # not on the base, and bad
    NOT_RUN_ON_BASE = "fails, not run on base"  # bad, and the base has it but did not run it
    REMOVED = "removed"  # the base's sources have it, those with the series do not
    UNREACHED = "skipped by a changed test"  # good on the base
    PRE_EXISTING = "pre-existing"  # bad on both, in the same way
    FIXED = "fixed"
    ADDED = "added"  # not on the base, and good
    SKIPPED = "skipped now"  # it ran on the base

    @property
    def is_regression(self) -> bool:
        """Whether it counts against the series."""
        return self in _REGRESSIONS


_REGRESSIONS = (
    Effect.BROKE,
    Effect.DIFFERS,
    Effect.FAILS,
    Effect.NOT_RUN_ON_BASE,
    Effect.REMOVED,
    Effect.UNREACHED,
)


@dataclass(frozen=True)
class TestEffect:
    """What the series does to one test, "suite/program: case" or "suite/program" as a whole."""

    __test__ = False  # not a pytest class

    test: str
    effect: Effect
    before: str = ""  # its status on the base; "" where it is not there
    after: str = ""  # with the series, likewise
    why_before: str = ""  # in a line; "" where it was good or nothing tells
    why_after: str = ""  # likewise; of a test that was removed, how


@dataclass(frozen=True)
class ChangedTest:
    """A test, or what it stands on, that the series changes. It does not count."""

    test: str  # "suite/program", or a file of the tree
    how: str


@dataclass(frozen=True)
class SourceChanges:
    """What the series does to the sources of tests, against those of its base.

    removed: tests that only the base's sources have; they are Effect.REMOVED. touched: those
    programs that run, and that are not as on the base or stand on what is not. unclear: what the
    sources do not tell, a sentence for each.
    """

    head: str = ""  # the base's commit
    removed: tuple[TestEffect, ...] = ()
    changed: tuple[ChangedTest, ...] = ()
    touched: frozenset[str] = frozenset()  # "suite/program"
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComplaintCount:
    """How often the kernel makes a complaint that the base has too; not in reruns."""

    title: str
    before: int
    after: int


@dataclass(frozen=True)
class AgainstBase:
    """What the series does to the tests and to the kernel log, against its base."""

    head: str  # the commit that was tested
    left_out: tuple[str, ...]  # series that it has not: the one under test, and what needs it
    run: str  # name of the run that tested it
    made: str  # ISO 8601, UTC
    kept: bool  # by an earlier run
    tests: tuple[TestEffect, ...]  # without those that are good on both
    events_on_base: tuple[int, ...]  # places in the document's `events` of those the base has too
    events_gone: tuple[str, ...]  # titles of what only the base complains of
    by_sources: bool = False  # nothing failed, so the base was read and not built; no run made it
    complaints: tuple[ComplaintCount, ...] = ()  # those of events_on_base, once each
    changed: tuple[ChangedTest, ...] = ()  # by the series


@dataclass(frozen=True)
class NoBaseline:
    """There is nothing to compare with, and why, in words that follow "because"."""

    why: str
