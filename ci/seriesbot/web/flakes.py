# SPDX-License-Identifier: GPL-2.0
"""Tests that change their mind, over time: read from the documents of results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from kseries.lib.errors import KseriesError
from kseries.verdict import document, named
from seriesbot.store import Row
from seriesbot.web.charts import Bar, spark

RESULTS = 200  # that are looked at
COLUMNS = 20  # of the picture, each of as many results
MAX_TESTS = 100


@dataclass(frozen=True)
class Seen:
    """What a result tells of tests: those that ran, those that were flaky and those that failed."""

    ran: frozenset[str] = frozenset()
    flaky: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()


@dataclass
class Flake:
    """A test that was flaky. last: when it last was, in Unix seconds."""

    test: str
    ran: int = 0
    flaky: int = 0
    failed: int = 0
    last: int = 0
    columns: list[list[int]] = field(default_factory=list)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Draw how often it was flaky, oldest results first."""
        return spark([(bad, of) for bad, of in self.columns])


def flakes(rows: Sequence[Row], seen: Callable[[int], Seen]) -> list[Flake]:
    """Give the tests that were flaky, the flakiest first. rows: (id, at), newest first."""
    found: dict[str, Flake] = {}
    told = [(row, seen(row["id"])) for row in reversed(rows)]
    for test in {test for _, one in told for test in one.flaky}:
        found[test] = Flake(test, columns=[[0, 0] for _ in range(COLUMNS)])
    for place, (row, one) in enumerate(told):
        column = place * COLUMNS // max(1, len(told))
        for test in found.keys() & one.ran:
            _add(found[test], test in one.flaky, test in one.failed, row["at"], column)
    worst = sorted(found.values(), key=lambda flake: (-flake.flaky / flake.ran, flake.test))
    return worst[:MAX_TESTS]


def reader(read: Callable[[int], bytes]) -> Callable[[int], Seen]:
    """Give the function that tells what a result saw; a result does not change, so it is kept."""

    @lru_cache(maxsize=4 * RESULTS)
    def seen(result: int) -> Seen:
        try:
            told = document.parse(read(result), f"result {result}")
        except KseriesError:
            return Seen()
        sets: dict[str, set[str]] = defaultdict(set)
        for test in named.tests(told.programs):
            for name in _kinds(test):
                sets[name].add(test.name)
        return Seen(*(frozenset(sets[name]) for name in ("ran", "flaky", "failed")))

    return seen


def _kinds(test: named.NamedTest) -> Iterator[str]:
    one = test.case if test.case is not None else test.program
    yield "ran"
    if one.flaky:
        yield "flaky"
    elif not one.status.good:
        yield "failed"


def _add(flake: Flake, flaky: bool, failed: bool, at: int, column: int) -> None:
    flake.ran += 1
    flake.flaky += flaky
    flake.failed += failed
    flake.columns[column][0] += flaky
    flake.columns[column][1] += 1
    if flaky:
        flake.last = at
