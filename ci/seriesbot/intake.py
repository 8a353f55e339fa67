# SPDX-License-Identifier: GPL-2.0
"""Take in what is new in the archives, each mail once.

The mails of some commits and the cursor behind them are written in one transaction, so whenever the
bot is killed it goes on where it was. A mail that is known (it came by another archive; or history
was written anew, and is read again from its beginning) is dropped by its message id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seriesbot import mails
from seriesbot.mails import Seen
from seriesbot.publicinbox import Added, Epoch
from seriesbot.store import Connection, Row, Store, pack

COMMITS = 50  # of one transaction
DAY_S = 86_400
ALL = -1  # of history_days


@dataclass(frozen=True)
class Taken:
    """What became of the commits of an archive. skipped: blobs that are no mail, or too large."""

    new: int = 0
    known: int = 0
    skipped: int = 0

    def __add__(self, other: Taken) -> Taken:
        """Add up."""
        return Taken(self.new + other.new, self.known + other.known, self.skipped + other.skipped)


@dataclass(frozen=True)
class Limits:
    """history_days: of mails taken in at first sight, or ALL. kept: bytes of a mail that is."""

    history_days: int
    kept: int


def take_in(store: Store, name: str, epochs: Sequence[Epoch], limits: Limits, now: int) -> Taken:
    """Take in what is new in an inbox. now: Unix seconds. Raises InfraError."""
    inbox = _inbox(store, name)
    known = bool(store.rows("SELECT 1 FROM cursor WHERE inbox = ?", inbox))
    if not known:
        _begin(store, inbox, epochs, limits, now)
    taken = Taken()
    for epoch in epochs:
        # What begins later is a new epoch of an archive that was read before.
        taken += _take_epoch(store, inbox, epoch, limits.kept, now)
    return taken


def _inbox(store: Store, name: str) -> int:
    with store.transaction() as write:
        write.execute("INSERT OR IGNORE INTO inbox (name) VALUES (?)", [name])
    return int(store.value("SELECT id FROM inbox WHERE name = ?", name))


def _begin(store: Store, inbox: int, epochs: Sequence[Epoch], limits: Limits, now: int) -> None:
    """Say for each epoch which mails are history. All at once: half of it would be none."""
    starts = []
    for epoch in epochs:
        head = epoch.head()
        passed: list[str] = []
        if head and limits.history_days != ALL:
            passed = epoch.commits(head)
            if limits.history_days:
                wanted = epoch.commits_since(head, now - limits.history_days * DAY_S)
                passed = passed[: len(passed) - len(wanted)]
        last = passed[-1] if passed else ""
        starts.append((inbox, epoch.number, last, _last_id(epoch, passed), len(passed)))
    with store.transaction() as write:
        write.executemany("INSERT INTO cursor VALUES (?, ?, ?, ?, ?)", starts)


def _last_id(epoch: Epoch, commits: Sequence[str]) -> str:
    """Give the message id of the last mail that these commits added; "" where none has one."""
    for added in reversed(list(epoch.added(commits[-COMMITS:]))):
        seen = _seen(added)
        if seen is not None and seen.mail.message_id:
            return seen.mail.message_id
    return ""


def _take_epoch(store: Store, inbox: int, epoch: Epoch, kept: int, now: int) -> Taken:
    head = epoch.head()
    cursor = store.row("SELECT * FROM cursor WHERE inbox = ? AND epoch = ?", inbox, epoch.number)
    before = cursor["head"] if cursor else ""
    taken = Taken()
    if not head or head == before:
        return taken
    if before and not epoch.follows(before, head):
        assert cursor is not None
        commits = _rewritten(store, cursor, epoch, head)
    else:
        commits = epoch.commits(head, before)
    for at in range(0, len(commits), COMMITS):
        chunk = commits[at : at + COMMITS]
        rows = list(_rows(epoch, chunk, kept))
        with store.transaction() as write:
            for seen, row in rows:
                taken += _write(write, inbox, epoch.number, now, seen, row)
            write.execute(
                "INSERT INTO cursor VALUES (?, ?, ?, '', 0)"
                " ON CONFLICT DO UPDATE SET head = excluded.head",
                [inbox, epoch.number, chunk[-1]],
            )
    return taken


def _rewritten(store: Store, cursor: Row, epoch: Epoch, head: str) -> list[str]:
    """List the commits to read of a history that was written anew.

    They begin behind the last mail that was history when we began, or, if that is gone, with the
    first that we took in; where none of that is left, at the same place. A purge leaves an empty
    commit, so that the places of the others stay.
    """
    commits = epoch.commits(head)
    first_known = None
    for at in range(0, len(commits), COMMITS):
        chunk = commits[at : at + COMMITS]
        for added in epoch.added(chunk):
            seen = _seen(added)
            if seen is None or not seen.mail.message_id:
                continue
            name = seen.mail.message_id
            place = at + chunk.index(added.commit)
            if name == cursor["anchor"]:
                return commits[place + 1 :]
            if first_known is None and _is_from(store, name, cursor["inbox"], epoch.number):
                first_known = place
    return commits[cursor["skipped"] if first_known is None else first_known :]


def _is_from(store: Store, message_id: str, inbox: int, epoch: int) -> bool:
    query = (
        "SELECT 1 FROM message JOIN seen ON seen.message = message.id"
        " WHERE message_id = ? AND seen.inbox = ? AND epoch = ?"
    )
    return store.row(query, message_id, inbox, epoch) is not None


@dataclass(frozen=True)
class _Mail:
    """A mail as it is written to the store."""

    blob: str
    size: int
    raw: bytes | None  # packed


def _rows(epoch: Epoch, commits: Sequence[str], kept: int) -> Iterator[tuple[Seen | None, _Mail]]:
    """Read mails; None for what is none: what a purge leaves has no message id."""
    for added in epoch.added(commits):
        seen = _seen(added)
        known = seen if seen and seen.mail.message_id else None
        yield known, _Mail(added.blob, added.size, _raw(added, kept))


def _seen(added: Added) -> Seen | None:
    try:
        return mails.read(added.data) if added.data is not None else None
    except Exception:  # one mail must not stop all that come after it
        return None


def _raw(added: Added, kept: int) -> bytes | None:
    if added.data is None or added.size > kept:
        return None
    return pack(added.data)


def _write(
    write: Connection, inbox: int, epoch: int, now: int, seen: Seen | None, row: _Mail
) -> Taken:
    if seen is None:
        return Taken(skipped=1)
    name = seen.mail.message_id
    added = write.execute(
        "INSERT OR IGNORE INTO message (message_id, inbox, arrived, kind, sender, subject, refs,"
        " size, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(name, inbox, now, seen.kind, seen.sender, seen.mail.subject),
            *(json.dumps(mails.references(seen.mail)), row.size, row.raw),
        ],
    )
    write.execute(
        "INSERT OR IGNORE INTO seen SELECT id, ?, ?, ? FROM message WHERE message_id = ?",
        [inbox, epoch, row.blob, name],
    )
    return Taken(new=1) if added.rowcount else Taken(known=1)
