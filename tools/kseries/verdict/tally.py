# SPDX-License-Identifier: GPL-2.0
"""Cases counted as people ask for them: passed, skipped, failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kseries.model import ProgramResult, Status
from kseries.parse.casetree import leaves


@dataclass(frozen=True)
class Tally:
    """How many cases ended how. Expected failures are passes; no result is a failure."""

    passed: int
    skipped: int
    failed: int

    @property
    def total(self) -> int:
        """How many there are."""
        return self.passed + self.skipped + self.failed


@dataclass(frozen=True)
class SuiteTally:
    """The programs of a suite. seconds: what they took together."""

    name: str
    programs: int
    cases: Tally
    seconds: float


def count(programs: Iterable[ProgramResult]) -> Tally:
    """Count the cases of programs.

    A program without cases counts itself, and so does one that is bad though its cases are not.
    """
    found = Counter(kind for program in programs for kind in _kinds(program))
    return Tally(found["passed"], found["skipped"], found["failed"])


def _kinds(program: ProgramResult) -> list[str]:
    kinds = [_kind(case.status) for case in leaves(program.cases)]
    if not kinds or (not program.status.good and "failed" not in kinds):
        kinds.append(_kind(program.status))
    return kinds


def _kind(status: Status) -> str:
    if status is Status.SKIP:
        return "skipped"
    return "passed" if status.good else "failed"


def by_suite(programs: Sequence[ProgramResult]) -> tuple[SuiteTally, ...]:
    """Count suite by suite, in the order in which they come."""
    tallies = []
    for name in dict.fromkeys(program.suite for program in programs):
        own = [program for program in programs if program.suite == name]
        seconds = sum(program.seconds for program in own)
        tallies.append(SuiteTally(name, len(own), count(own), seconds))
    return tuple(tallies)
