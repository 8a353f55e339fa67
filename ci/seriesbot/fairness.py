# SPDX-License-Identifier: GPL-2.0
"""Whose turn it is: each sender's in turn, and of those who send many together one in ten.

So a thousand series by one cost the others a tenth of the work that is done, and no more.
"""

from __future__ import annotations

from seriesbot.states import JobState
from seriesbot.store import Row, Store

DAY_S = 86_400
MANY = 5  # jobs of one sender within a day that are not yet many
SHARE = 10  # of so many jobs one is of those who send many, as long as others wait


def next_job(store: Store, a_day: int, now: int) -> Row | None:
    """Give the job that is to be begun now, None where none is. a_day: of one sender at most."""
    waiting = store.rows(
        "SELECT job.*, min(job.id) AS first, coalesce((SELECT max(started) FROM job AS past"
        " WHERE past.sender = job.sender), 0) AS last,"
        " (SELECT count(*) FROM job AS past WHERE past.sender = job.sender AND past.wanted > ?)"
        " AS wanted_today,"
        " (SELECT count(*) FROM job AS past WHERE past.sender = job.sender AND past.started > ?"
        " AND past.attempt > 0) AS begun_today"
        " FROM job WHERE state = ? AND not_before <= ? GROUP BY sender",
        *(now - DAY_S, now - DAY_S, JobState.WAITING, now),
    )
    # What was begun before goes on: it waited already.
    able = [row for row in waiting if row["begun_today"] < a_day or row["attempt"]]
    few = [row for row in able if row["wanted_today"] <= MANY]
    many = [row for row in able if row["wanted_today"] > MANY]
    if few and many:
        able = few if _many_had_their_turn(store, now) else many
    return min(able, key=lambda row: (row["last"], row["first"]), default=None)


def _many_had_their_turn(store: Store, now: int) -> bool:
    """Whether one of the last jobs that were begun was of somebody who sends many."""
    row = store.row(
        "SELECT count(*) AS many FROM (SELECT sender FROM job WHERE started > 0"
        " ORDER BY started DESC, id DESC LIMIT ?) AS begun WHERE (SELECT count(*) FROM job AS past"
        " WHERE past.sender = begun.sender AND past.wanted > ?) > ?",
        *(SHARE - 1, now - DAY_S, MANY),
    )
    assert row is not None
    return bool(row["many"])
