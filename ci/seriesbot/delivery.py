# SPDX-License-Identifier: GPL-2.0
"""What is on its way to a server: what became of it, and when it is tried again.

When that is stands in the store, so that a restart waits as long as it has to; a library that
retries would forget it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seriesbot.states import AnswerState
from seriesbot.store import Row, Store

FIRST_WAIT_S = 60
LONGEST_WAIT_S = 6 * 3600
GIVE_UP_S = 4 * 86_400  # as mail servers do


class Fate(Enum):
    """What became of something that was to be delivered."""

    SENT = "sent"
    LATER = "later"  # not sent; it may be tried again
    UNCERTAIN = "uncertain"  # handed over, and not confirmed
    ABSENT = "absent"  # what it is about is not there yet; all else can be delivered
    REFUSED = "refused"  # for good


@dataclass(frozen=True)
class Sent:
    """What became of it, and in the server's words, why. wait_s: that the server asks for."""

    fate: Fate
    note: str = ""
    wait_s: float = 0


@dataclass(frozen=True)
class Ledger:
    """Notes what becomes of the rows of a table with state, due, tries, delivered and note.

    Each change is a transaction of its own.
    """

    store: Store
    table: str

    def begin(self, row: Row) -> None:
        """Note that it may be sent from now on."""
        self._update("tries = tries + 1", row)

    def settle(self, row: Row, sent: Sent, now: float) -> None:
        """Note what became of a try. row: as it was before that."""
        late = now - row["at"] > GIVE_UP_S
        if sent.fate is Fate.SENT:
            self.end(row, AnswerState.DELIVERED, now, sent.note)
        elif sent.fate is Fate.REFUSED or late:
            told = f"given up after {row['tries'] + 1} tries: {sent.note}" if late else sent.note
            self.end(row, AnswerState.FAILED, now, told)
        else:
            due = now + max(wait(row["tries"]), sent.wait_s)
            self.postpone(row, due, f"{sent.fate.value}: {sent.note}")

    def postpone(self, row: Row, due: float, note: str) -> None:
        """Note when it is tried again."""
        self._update("due = ?, note = ?", row, int(due), note)

    def end(self, row: Row, state: AnswerState, now: float, note: str) -> None:
        """Note that it is not tried again."""
        when = int(now) if state is AnswerState.DELIVERED else 0
        self._update("state = ?, delivered = ?, note = ?", row, state, when, note)

    def _update(self, what: str, row: Row, *values: object) -> None:
        with self.store.transaction() as write:
            # Both are ours.
            query = f"UPDATE {self.table} SET {what} WHERE id = ?"  # noqa: S608
            write.execute(query, (*values, row["id"]))


def wait(tries: int) -> int:
    """Give how many seconds to wait after so many tries before this one."""
    return min(FIRST_WAIT_S << min(tries, 20), LONGEST_WAIT_S)


def rest(sent: Sent) -> float:
    """Give for how many seconds the server is to be left alone, 0 where it works."""
    bad = sent.fate in (Fate.LATER, Fate.UNCERTAIN)
    return max(FIRST_WAIT_S, sent.wait_s) if bad else 0
