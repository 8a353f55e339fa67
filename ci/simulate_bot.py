# SPDX-License-Identifier: GPL-2.0
"""Simulate a busy list: how many workers give most series their answer within an hour?

Series come as they do on a list with 200 of them a day: most by day, two bursts of 20 a day, each
by one sender. Whose turn it is decides the bot itself (`seriesbot.fairness`) on a store of its
own. How long work takes is drawn from what was measured (docs/bot.md): --minutes is the median for
a series on a base that is built, --base-minutes what a failure adds, as the base is built and
tested, too. The same seed gives the same table.

    out/venv/bin/python ci/simulate_bot.py [--minutes 6] [--days 14]
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from seriesbot import fairness
from seriesbot.states import JobState
from seriesbot.store import Store

DAY_S = 86_400
A_DAY = 200
BURSTS, BURST = 2, 20
SENDERS = 120
SPREAD = 0.5  # of the logarithm of the time that work takes
FAILING = 0.2  # of all series; their base is built
# Series in each hour of the day (UTC), in parts of the busiest one: Europe, then America.
BY_HOUR = (3, 3, 3, 3, 3, 4, 5, 7, 9, 10, 9, 8, 9, 10, 10, 10, 9, 8, 7, 7, 6, 5, 4, 4)
WITHIN_S = (3600, 4 * 3600, DAY_S)


@dataclass(frozen=True)
class Times:
    """How long work takes, in minutes: the median, and what a base adds."""

    minutes: float
    base_minutes: float

    def draw(self, chance: random.Random) -> float:
        """Give the seconds that one series takes."""
        found = self.minutes * chance.lognormvariate(0, SPREAD)
        return 60 * (found + (self.base_minutes if chance.random() < FAILING else 0))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=6, help="median of a series")
    parser.add_argument("--base-minutes", type=float, default=11, help="added by a failure")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    table = Table(box=None, pad_edge=False)
    for heading in ("workers", "within 1 h", "within 4 h", "within a day", "median", "busy"):
        table.add_column(heading, justify="right")
    for workers in (1, 2, 3, 4, 6):
        chance = random.Random(given.seed)
        arrivals = sorted(_arrivals(chance, given.days))
        waits, busy = _simulate(arrivals, workers, Times(given.minutes, given.base_minutes), chance)
        waits.sort()
        shares = [sum(wait <= limit for wait in waits) / len(waits) for limit in WITHIN_S]
        table.add_row(
            str(workers),
            *(f"{share:.0%}" for share in shares),
            f"{waits[len(waits) // 2] / 60:.0f} min",
            f"{busy / (workers * given.days * DAY_S):.0%}",
        )
    Console().print(table)
    return 0


def _arrivals(chance: random.Random, days: int) -> Iterator[tuple[int, str]]:
    """Give (second, sender) of each series."""
    for day in range(days):
        start = day * DAY_S
        for number in range(BURSTS):
            at = start + _second(chance)
            for _ in range(BURST):
                yield at, f"burst{day}-{number}"
        for _ in range(A_DAY - BURSTS * BURST):
            yield start + _second(chance), f"dev{chance.randrange(SENDERS)}"


def _second(chance: random.Random) -> int:
    hour = chance.choices(range(24), BY_HOUR)[0]
    return hour * 3600 + chance.randrange(3600)


def _simulate(
    arrivals: list[tuple[int, str]], workers: int, times: Times, chance: random.Random
) -> tuple[list[float], float]:
    """Give how long each series waited for its result, and the seconds that workers worked."""
    waits: list[float] = []
    busy = 0.0
    free_at = [0.0] * workers
    with (
        tempfile.TemporaryDirectory(prefix="simulate-bot-") as name,
        Store.opened(Path(name) / "store.sqlite", create=True) as store,
    ):
        store.rows("PRAGMA synchronous = OFF")
        waiting = 0
        coming = iter(arrivals)
        following = next(coming, None)
        while following is not None or waiting:
            worker = heapq.heappop(free_at)
            while following is not None and (following[0] <= worker or not waiting):
                worker = max(worker, following[0])
                _want(store, *following)
                waiting += 1
                following = next(coming, None)
            job = fairness.next_job(store, a_day=10_000, now=int(worker))
            assert job is not None
            took = times.draw(chance)
            _begin(store, job["id"], int(worker))
            waiting -= 1
            waits.append(worker + took - job["wanted"])
            busy += took
            heapq.heappush(free_at, worker + took)
    return waits, busy


def _want(store: Store, at: int, sender: str) -> None:
    with store.transaction() as write:
        series = write.execute(
            "INSERT INTO series (sender, title, begun) VALUES (?, '', ?)", [sender, at]
        ).lastrowid
        version = write.execute(
            "INSERT INTO version (series, number, total, message_id, sender, title, state, reason,"
            " since, due) VALUES (?, 1, 1, '', ?, '', 'queued', '', ?, 0)",
            [series, sender, at],
        ).lastrowid
        write.execute(
            "INSERT INTO job (version, sender, cause, state, wanted) VALUES (?, ?, '', ?, ?)",
            [version, sender, JobState.WAITING, at],
        )


def _begin(store: Store, job: int, at: int) -> None:
    with store.transaction() as write:
        write.execute(
            "UPDATE job SET state = ?, started = ?, attempt = 1 WHERE id = ?",
            [JobState.ENDED, max(1, at), job],
        )


if __name__ == "__main__":
    sys.exit(main())
