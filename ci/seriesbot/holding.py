# SPDX-License-Identifier: GPL-2.0
"""What an operator decides about series that are held, from wherever."""

from __future__ import annotations

from kseries.lib.errors import UserError
from kseries.report.words import plain
from seriesbot import decisions, work
from seriesbot.states import State
from seriesbot.store import Connection, Store


def release(store: Store, version: int, who: str, now: int) -> None:
    """Let a version that is held be worked on. Raises UserError when it is not held."""
    with store.transaction() as write:
        name = _held(write, version)
        decisions.note(
            write, now, name, "trust", "released", f"an operator ({who}) released it", version
        )
        work.enqueue(write, version, now)


def refuse(store: Store, version: int, who: str, now: int) -> None:
    """Refuse a version that is held. Raises UserError when it is not held."""
    with store.transaction() as write:
        _held(write, version)
        told = f"an operator ({who}) refused it"
        decisions.move(write, now, version, State.REFUSED, "trust", told)


def _held(write: Connection, version: int) -> str:
    """Give the message id of a version. It is asked where nobody else can decide meanwhile."""
    row = write.execute("SELECT * FROM version WHERE id = ?", [version]).fetchone()
    if row is None:
        raise UserError(
            "There is no such series.", do="`seriesbot queue` lists those that are held"
        )
    if row["state"] != State.HELD:
        raise UserError(
            f"This series is not held: it is {row['state']}.",
            where=plain(f"v{row['number']} of '{row['title']}': {row['reason']}"),
            do="`seriesbot queue` lists those that are",
        )
    return str(row["message_id"])
