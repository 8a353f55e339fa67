# SPDX-License-Identifier: GPL-2.0
"""Every decision with its reason: written beside what it changes, read by `seriesbot why`."""

from __future__ import annotations

from seriesbot.states import State
from seriesbot.store import Connection

MAX_REASON = 2000  # characters: reasons quote what others wrote


def note(
    write: Connection,
    now: int,
    message_id: str,
    what: str,
    outcome: str,
    reason: str,
    version: int | None = None,
) -> None:
    """Remember a decision. what: which question was decided (series, rules, trust, work, …)."""
    write.execute(
        "INSERT INTO decision (at, message_id, version, what, outcome, reason)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [now, message_id, version, what, outcome, reason[:MAX_REASON]],
    )


def move(
    write: Connection,
    now: int,
    version: int,
    state: State,
    what: str,
    reason: str,
    *,
    due: int = 0,
) -> None:
    """Put a version into a state, for a reason. due: when it is looked at again."""
    write.execute(
        "UPDATE version SET state = ?, reason = ?, since = ?, due = ? WHERE id = ?",
        [state, reason[:MAX_REASON], now, due, version],
    )
    found = write.execute("SELECT message_id FROM version WHERE id = ?", [version]).fetchone()
    note(write, now, found["message_id"], what, state, reason, version)
