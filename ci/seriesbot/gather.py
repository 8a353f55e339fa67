# SPDX-License-Identifier: GPL-2.0
"""Put new mails into the versions of series that they belong to.

A version waits for what is missing. One that was worked on stays as it is: mails that come later
for it begin another, which is a repeat where its patches turn out to be the same.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import KseriesError
from kseries.series.assemble import ranges
from kseries.series.mailbox import Mail, parse_subject
from kseries.series.threads import NO_TITLE
from seriesbot import decisions
from seriesbot.config import LimitsFile
from seriesbot.postings import Known, Posting, postings
from seriesbot.states import State
from seriesbot.store import Connection, Row, Store

WINDOW_S = 180 * 86_400  # how old a mail may be that a new one can belong to
WINDOW_MAILS = 5_000  # the latest ones of a sender
SENDERS = 50  # of one pass
SETTLED = 200  # versions of one pass: others write, too

COPIES = 4  # of a part that are kept: those that came first, and those that came last

# What work was done for, or is to be; and what has a successor. Any other is decided about anew.
_SETTLED = (State.QUEUED, State.RUNNING, State.JUDGED, State.GIVEN_UP, State.REPLACED)


@dataclass(frozen=True)
class _Sender:
    """All that is known of a sender's patches: mails, their ids in the store, which are new."""

    address: str
    known: tuple[Known, ...]
    ids: dict[str, int]
    new: frozenset[str]


def gather(store: Store, limits: LimitsFile, now: int) -> int:
    """Sort in the mails that nobody has looked at; give the number of senders they are of."""
    query = (
        "SELECT DISTINCT sender FROM message WHERE handled = 0 AND kind IN ('patch', 'cover')"
        " LIMIT ?"
    )
    senders = [row["sender"] for row in store.rows(query, SENDERS)]
    for address in senders:
        try:
            with store.transaction() as write:
                if address:
                    _sort_in(write, _read(write, address, now), limits, now)
                else:
                    reason = "its From holds no plain address, so nobody could be answered"
                    _leave(write, address, reason, now)
        except KseriesError:
            raise
        except Exception as error:  # one sender's mails must not stop those of all others
            with store.transaction() as write:
                _leave(write, address, f"a fault of the bot ({error!r})", now)
    return len(senders)


def _leave(write: Connection, address: str, reason: str, now: int) -> None:
    """Leave the new mails of a sender alone."""
    rows = write.execute(
        "SELECT message_id FROM message WHERE sender = ? AND handled = 0"
        " AND kind IN ('patch', 'cover')",
        [address],
    ).fetchall()
    for row in rows:
        decisions.note(write, now, row["message_id"], "series", State.IGNORED, reason)
    _set_handled(write, address)


def _set_handled(write: Connection, address: str) -> None:
    write.execute(
        "UPDATE message SET handled = 1 WHERE sender = ? AND handled = 0"
        " AND kind IN ('patch', 'cover')",
        [address],
    )


def _read(write: Connection, address: str, now: int) -> _Sender:
    rows = write.execute(
        "SELECT id, message_id, subject, refs, arrived, handled FROM message WHERE sender = ?"
        " AND kind IN ('patch', 'cover') AND arrived >= ? ORDER BY id DESC LIMIT ?",
        [address, now - WINDOW_S, WINDOW_MAILS],
    ).fetchall()
    rows.reverse()
    return _Sender(
        address,
        tuple(Known(_mail(row), row["arrived"]) for row in rows),
        {row["message_id"]: row["id"] for row in rows},
        frozenset(row["message_id"] for row in rows if not row["handled"]),
    )


def _mail(row: Row) -> Mail:
    subject = row["subject"]
    return Mail(
        file=Path(),
        origin="",
        subject=subject,
        label=parse_subject(subject),
        message_id=row["message_id"],
        references=tuple(json.loads(row["refs"])),
    )


def _sort_in(write: Connection, sender: _Sender, limits: LimitsFile, now: int) -> None:
    book = _Book(write, sender, now)
    found = postings(sender.known, 60 * limits.settle_minutes)
    for posting in found:
        book.know_thread(posting)
    for posting in found:
        if any(mail.message_id in sender.new for mail in posting.mails):
            version = book.put(posting)
            due, reason = _due(write, posting, sender, limits)
            decisions.move(write, now, version, State.GATHERING, "series", reason, due=max(due, 1))
    # Older mails than the window holds would be looked at for ever.
    _set_handled(write, sender.address)


class _Book:
    """The series and versions of a sender, as far as his mails belong to them."""

    def __init__(self, write: Connection, sender: _Sender, now: int) -> None:
        self._write, self._sender, self._now = write, sender, now
        self._states: dict[int, str] = {}
        self._series: dict[int, int] = {}  # of a version
        self._versions: dict[int, set[int]] = defaultdict(set)  # of a mail
        self._of_thread: dict[int, set[int]] = defaultdict(set)  # series
        rows = write.execute(
            "SELECT version.id, state, series, message FROM version"
            " JOIN part ON part.version = version.id WHERE sender = ?",
            [sender.address],
        )
        for row in rows:
            self._states[row["id"]] = row["state"]
            self._series[row["id"]] = row["series"]
            self._versions[row["message"]].add(row["id"])

    def know_thread(self, posting: Posting) -> None:
        """Remember which series the versions of a thread are of."""
        series = {self._series[version] for version in self._there(posting)}
        self._of_thread[posting.thread] |= series

    def put(self, posting: Posting) -> int:
        """Put a posting into its version, or begin one; give it."""
        there = self._there(posting)
        series = self._series_of(posting)
        open_ones = [version for version in there if self._states[version] not in _SETTLED]
        if there and there[0] in open_ones:
            version = there[0]
            for other in open_ones[1:]:
                reason = f"its mails belong to {posting.top.message_id}"
                decisions.move(self._write, self._now, other, State.REPLACED, "series", reason)
                self._states[other] = State.REPLACED
        else:
            version = self._begin(posting, series, there[0] if there else None)
        self._write.execute("DELETE FROM part WHERE version = ?", [version])
        self._write.executemany(
            "INSERT INTO part (version, message, number) VALUES (?, ?, ?)",
            [
                (version, self._sender.ids[mail.message_id], number)
                for number, mail in _kept(posting.mails)
            ],
        )
        self._write.execute(
            "UPDATE version SET message_id = ?, title = ?, series = ? WHERE id = ?",
            [posting.top.message_id, title_of(posting), series, version],
        )
        return version

    def _there(self, posting: Posting) -> list[int]:
        """Give the versions that have any of its mails, the latest first."""
        ids = self._sender.ids
        found = {one for mail in posting.mails for one in self._versions[ids[mail.message_id]]}
        return sorted(found, reverse=True)

    def _series_of(self, posting: Posting) -> int:
        """Give the series that a thread is; those that turn out to be one become one."""
        numbers = sorted(self._of_thread[posting.thread])
        if not numbers:
            added = self._write.execute(
                "INSERT INTO series (sender, title, begun) VALUES (?, ?, ?)",
                [self._sender.address, title_of(posting), self._now],
            )
            numbers = [int(added.lastrowid or 0)]
        for other in numbers[1:]:
            words = "UPDATE version SET series = ? WHERE series = ?"
            self._write.execute(words, [numbers[0], other])
        self._of_thread[posting.thread] = {numbers[0]}
        return numbers[0]

    def _begin(self, posting: Posting, series: int, earlier: int | None) -> int:
        added = self._write.execute(
            "INSERT INTO version (series, number, total, message_id, sender, title, state,"
            " reason, since, due, earlier) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 1, ?)",
            [
                *(series, posting.version, posting.total, posting.top.message_id),
                *(self._sender.address, title_of(posting), State.GATHERING, self._now, earlier),
            ],
        )
        version = int(added.lastrowid or 0)
        self._states[version] = State.GATHERING
        return version


def _kept(mails: Sequence[Mail]) -> list[tuple[int, Mail]]:
    """Give the mails that are kept of a posting, each with its place in it.

    Nobody needs a part a thousand times; but the one that was first is most likely the real one,
    and the last one may put it right.
    """
    places: dict[int, list[Mail]] = defaultdict(list)
    for mail in mails:
        places[_number(mail)].append(mail)
    half = COPIES // 2
    return [
        (number, mail)
        for number, copies in places.items()
        for mail in (copies if len(copies) <= COPIES else [*copies[:half], *copies[-half:]])
    ]


def _number(mail: Mail) -> int:
    """Give the place of a mail in its series: one patch that has no number is the first."""
    return mail.label.number if mail.label.number is not None else 1


def title_of(posting: Posting) -> str:
    """Give the title of a series: that of its cover letter, unless nobody filled that in."""
    title = posting.top.label.title
    if title.casefold() not in ("", NO_TITLE):
        return title
    others = [mail.label.title for mail in posting.patches]
    return next((other for other in others if other), posting.top.subject)


def _due(
    write: Connection, posting: Posting, sender: _Sender, limits: LimitsFile
) -> tuple[int, str]:
    """Tell when a posting is to be decided about, and what it waits for."""
    names = {mail.message_id for mail in posting.mails}
    last = max(one.arrived for one in sender.known if one.mail.message_id in names)
    if not posting.is_whole:
        told = missing(posting.missing, posting.total)
        return int(last + 60 * limits.settle_minutes), f"waits: {told}"
    cover = posting.unknown_cover
    known = cover and write.execute("SELECT 1 FROM message WHERE message_id = ?", [cover])
    if known and known.fetchone() is None:
        reason = f"is whole, but for what it answers: waits for {cover}"
        return int(last + 60 * limits.quiet_minutes), reason
    return 0, "is whole"


def missing(numbers: Sequence[int], total: int) -> str:
    """Say which patches are missing."""
    count = f"patch {numbers[0]}" if len(numbers) == 1 else f"patches {ranges(numbers)}"
    return f"{count} of {total} {'is' if len(numbers) == 1 else 'are'} missing"


def settle(store: Store, now: int) -> int:
    """Say of versions that waited long enough for their parts what they lack; give their number."""
    query = (
        "SELECT version.id, total, group_concat(DISTINCT part.number) AS numbers FROM version"
        " JOIN part ON part.version = version.id WHERE state = ? AND due > 0 AND due <= ?"
        " AND total > 0 GROUP BY version.id"
        " HAVING count(DISTINCT CASE WHEN part.number BETWEEN 1 AND total THEN part.number END)"
        " < total LIMIT ?"
    )
    with store.transaction() as write:
        rows = write.execute(query, [State.GATHERING, now, SETTLED]).fetchall()
        for row in rows:
            there = set(map(int, row["numbers"].split(",")))
            lacking = [number for number in range(1, row["total"] + 1) if number not in there]
            told = f"{missing(lacking, row['total'])}; it goes on when the rest comes"
            decisions.move(write, now, row["id"], State.INCOMPLETE, "series", told)
    return len(rows)
