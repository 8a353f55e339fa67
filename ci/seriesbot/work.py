# SPDX-License-Identifier: GPL-2.0
"""Which work is wanted: a job for a version that is worth it, none for those that it replaces."""

from __future__ import annotations

import json

from seriesbot import decisions
from seriesbot.states import OPEN_JOBS, JobState, State
from seriesbot.store import Connection, Row

_TAKEN = (State.QUEUED, State.RUNNING, State.JUDGED, State.GIVEN_UP)
_WAITING = (State.GATHERING, State.INCOMPLETE, State.HELD, State.QUEUED, State.RUNNING)


def enqueue(
    write: Connection, version: int, now: int, *, cause: str = "posted", fix: int | None = None
) -> bool:
    """Want work on a version; False while there is some already that is not over."""
    row = write.execute("SELECT * FROM version WHERE id = ?", [version]).fetchone()
    later = _continued_by(write, row)
    if later is not None and cause == "posted":
        told = f"v{later['number']} came: <{later['message_id']}>"
        decisions.move(write, now, version, State.REPLACED, "series", told)
        return False
    added = write.execute(
        "INSERT OR IGNORE INTO job (version, sender, cause, fix, state, wanted)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [version, row["sender"], cause, fix, JobState.WAITING, now],
    )
    if not added.rowcount:
        return False
    if row["state"] != State.QUEUED:
        decisions.move(write, now, version, State.QUEUED, "work", f"wanted: {cause}")
    for earlier in _continues(write, row):
        _replace(write, earlier, row, now)
    return True


def _continued_by(write: Connection, row: Row) -> Row | None:
    """Find a later version that work was done or is wanted for."""
    found = write.execute(
        "SELECT * FROM version WHERE series = ? AND number > ?"
        " AND state IN (SELECT value FROM json_each(?)) ORDER BY number DESC",
        [row["series"], row["number"], json.dumps(_TAKEN)],
    ).fetchall()
    return next((one for one in found if _is_continued(write, row, one)), None)


def _continues(write: Connection, row: Row) -> list[Row]:
    """Find the earlier versions that wait, or are worked on, and that this one replaces."""
    found = write.execute(
        "SELECT * FROM version WHERE series = ? AND id != ? AND (number < ?"
        " OR (number = ? AND id < ?)) AND state IN (SELECT value FROM json_each(?))",
        [
            *(row["series"], row["id"], row["number"], row["number"], row["id"]),
            json.dumps(_WAITING),
        ],
    ).fetchall()
    return [one for one in found if _is_continued(write, one, row)]


def _is_continued(write: Connection, old: Row, new: Row) -> bool:
    """Whether a version is one of the same patches: a thread by title can hold others, too.

    It answers the other; or is called so, or has half of its patches, and changes a file of it,
    as far as that is known. Two patches may be called alike that fix two files.
    """
    if _answers(write, old, new):
        return True
    before, after = (_titles(write, one) for one in (old, new))
    called_so = old["title"].casefold() == new["title"].casefold()
    if not called_so and 2 * len(before & after) < max(1, len(before)):
        return False
    changed, changes = (set(json.loads(one["paths"])) for one in (old, new))
    return not changed or not changes or bool(changed & changes)


def _answers(write: Connection, old: Row, new: Row) -> bool:
    answered = write.execute(
        "SELECT 1 FROM part AS new JOIN message AS mail ON mail.id = new.message,"
        " json_each(mail.refs) AS name JOIN message AS target ON target.message_id = name.value"
        " JOIN part AS old ON old.message = target.id WHERE new.version = ? AND old.version = ?",
        [new["id"], old["id"]],
    )
    return answered.fetchone() is not None


def _titles(write: Connection, version: Row) -> set[str]:
    rows = write.execute(
        "SELECT subject FROM part JOIN message ON message.id = part.message"
        " WHERE version = ? AND number > 0",
        [version["id"]],
    )
    return {row["subject"].rpartition("]")[2].strip().casefold() for row in rows}


def _replace(write: Connection, old: Row, new: Row, now: int) -> None:
    told = f"v{new['number']} came: <{new['message_id']}>"
    if old["number"] == new["number"]:
        told = f"it came again, with other patches: <{new['message_id']}>"
    decisions.move(write, now, old["id"], State.REPLACED, "series", told)
    write.execute(
        "UPDATE job SET state = ?, ended = ?, note = ? WHERE version = ?"
        " AND state IN (SELECT value FROM json_each(?))",
        [JobState.CANCELLED, now, told, old["id"], json.dumps(OPEN_JOBS)],
    )
