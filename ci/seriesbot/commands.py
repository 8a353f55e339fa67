# SPDX-License-Identifier: GPL-2.0
"""Carry out what replies ask for: `asking` reads it, here it is decided who may.

Work is for known senders alone. Whoever gets answers may end them for himself, unless his address
is one that has to prove itself: else anybody could end a known sender's answers in his name.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from seriesbot import asking, decisions, work
from seriesbot.asking import Asked, Wish
from seriesbot.config import Config
from seriesbot.states import Kind, State
from seriesbot.store import Connection, Row, Store, unpack
from seriesbot.trust.standing import Letter, Level, stand

MAX_AT_ONCE = 50  # replies in one step
A_DAY = 10  # runs that one sender may ask for
DAY_S = 86_400

_NEW = """
    SELECT message.*, inbox.name AS inbox_name FROM message
    JOIN inbox ON inbox.id = message.inbox
    WHERE kind = ? AND handled = 0 ORDER BY message.id LIMIT ?
"""
# The version whose mail, or whose answer, is the closest one that a mail answers.
_VERSION = """
    SELECT version.* FROM message, json_each(message.refs) AS name
    JOIN (SELECT message.message_id, part.version FROM part
          JOIN message ON message.id = part.message
          UNION SELECT message_id, version FROM answer) AS target
    ON target.message_id = name.value
    JOIN version ON version.id = target.version
    WHERE message.id = ? ORDER BY name.key DESC, version.id DESC LIMIT 1
"""
_ASKED_TODAY = """
    SELECT count(*) FROM decision JOIN message ON message.message_id = decision.message_id
    WHERE decision.what = 'asked' AND decision.outcome = ? AND decision.at > ?
    AND message.sender = ?
"""
_DONE, _NOT_DONE = "done", "not done"
# What is held waits for the operator, whoever asks.
_RUN = (State.QUEUED, State.RUNNING, State.JUDGED, State.GIVEN_UP, State.REPLACED)


@dataclass(frozen=True)
class Commands:
    """What looks for commands in new replies."""

    store: Store
    config: Config

    def step(self, now: int) -> bool:
        """Look at new replies, and do what they ask; tell whether there were any."""
        rows = self.store.rows(_NEW, Kind.REPLY, MAX_AT_ONCE)
        for row in rows:
            asked = asking.parse(unpack(row["raw"]))
            if asked is None:
                with self.store.transaction() as write:
                    _handled(write, row)
            else:
                self._decide(row, asked, now)
        return bool(rows)

    def _decide(self, row: Row, asked: Asked, now: int) -> None:
        version = self.store.row(_VERSION, row["id"])
        # This may take a moment: it is done before others have to wait.
        standing = stand(row["sender"], [self._letter(row)], self.config.told.trust, self._keyring)
        with self.store.transaction() as write:
            _handled(write, row)
            if version is None:
                why = "it answers no series that is known here"
            elif asked.wish is Wish.OFF:
                why = self._off(write, row, standing.level, now)
            elif standing.level is not Level.KNOWN:
                why = f"{standing.level.value}: {standing.reason}"
            else:
                why = asked.wrong or _run(write, row, version, asked, now)
            outcome = _NOT_DONE if why else _DONE
            reason = f"#kseries {asked.wish}" + (f": {why}" if why else "")
            number = version["id"] if version is not None else None
            decisions.note(write, now, row["message_id"], "asked", outcome, reason, number)

    def _off(self, write: Connection, row: Row, level: Level, now: int) -> str:
        """Note that a sender wants no answers; give why not, "" where that was done."""
        sender = row["sender"]
        proves = any(fnmatchcase(sender, each) for each in self.config.told.trust.allowed)
        if level is Level.REFUSED or (proves and level is not Level.KNOWN) or not sender:
            return "nothing proves that it is the sender's"
        write.execute(
            "INSERT OR IGNORE INTO optout (address, at, message_id) VALUES (?, ?, ?)",
            [sender, now, row["message_id"]],
        )
        return ""

    def _letter(self, row: Row) -> Letter:
        inbox = self.config.inboxes.get(row["inbox_name"])
        vouching = (inbox.authserv or "") if inbox else ""
        return Letter("the reply", unpack(row["raw"]), vouching)

    @property
    def _keyring(self) -> Path:
        return self.config.keyring


def _run(write: Connection, row: Row, version: Row, asked: Asked, now: int) -> str:
    """Want work on a version; give why not, "" where that was done."""
    if version["state"] not in _RUN:
        return f"the series is {version['state']}: {version['reason']}"
    values = (_DONE, now - DAY_S, row["sender"])
    if write.execute(_ASKED_TODAY, values).fetchone()[0] >= A_DAY:
        return f"{row['sender']} asked {A_DAY} times within a day"
    fix = row["id"] if asked.wish is Wish.TEST else None
    if not work.enqueue(write, version["id"], now, cause=asked.wish.value, fix=fix):
        return "there is work on the series already"
    return ""


def _handled(write: Connection, row: Row) -> None:
    write.execute("UPDATE message SET handled = 1 WHERE id = ?", [row["id"]])
