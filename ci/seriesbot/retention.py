# SPDX-License-Identifier: GPL-2.0
"""Let go of what is old: the text of mails, documents of results, what others were told.

The rest of a mail stays, so that it is known should its archive be read again from the beginning;
so does each decision.
"""

from __future__ import annotations

from seriesbot.config import KeepFile
from seriesbot.states import AnswerState
from seriesbot.store import Store

DAY_S = 86_400
EVERY_S = 3600  # between two looks


class Retention:
    """Looks now and then for what is old."""

    def __init__(self, store: Store, keep: KeepFile) -> None:
        self._store, self._keep = store, keep
        self._looked = 0

    def step(self, now: int) -> bool:
        """Let go of what is old; there is never more to do at once."""
        if now - self._looked >= EVERY_S:
            self._looked = now
            self._let_go(now)
        return False

    def _let_go(self, now: int) -> None:
        with self._store.transaction() as write:
            # What is talked about is not needed for long; what a job may want again is kept.
            write.execute(
                "UPDATE message SET raw = NULL WHERE raw IS NOT NULL AND arrived < ?"
                " AND kind IN ('reply', 'other')"
                " AND id NOT IN (SELECT fix FROM job WHERE fix IS NOT NULL)",
                [now - self._keep.talk_days * DAY_S],
            )
            write.execute(
                "UPDATE message SET raw = NULL WHERE raw IS NOT NULL AND arrived < ?"
                " AND id NOT IN (SELECT message FROM part JOIN version ON version.id ="
                " part.version WHERE state IN ('gathering', 'held', 'queued', 'running'))",
                [now - self._keep.series_days * DAY_S],
            )
            # The cursor of its sink keeps it from being told again.
            write.execute(
                "DELETE FROM submission WHERE state <> ? AND at < ?",
                [AnswerState.WRITTEN, now - self._keep.talk_days * DAY_S],
            )
            write.execute(
                "UPDATE result SET document = NULL, error = 'its document is not kept any more'"
                " WHERE document IS NOT NULL AND at < ?",
                [now - self._keep.results_days * DAY_S],
            )
