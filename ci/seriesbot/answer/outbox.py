# SPDX-License-Identifier: GPL-2.0
"""Answers on their way: each is in the store before it is sent, and once it is where it goes.

Who is killed between sending and noting that finds the answer still to be sent, and sends the same
mail with the same Message-ID again: the bot's own list passes over it, and so do readers of mail.
When it is tried again stands in the store as well, so that a restart waits as long as it has to; a
library that retries would forget that.
"""

from __future__ import annotations

import email
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.utils import getaddresses
from pathlib import Path

from kseries.lib.errors import InfraError, UserError
from seriesbot.answer import smtp
from seriesbot.answer.deciding import Channel
from seriesbot.answer.ownlist import OwnList
from seriesbot.answer.settings import AnswerFile, login
from seriesbot.answer.smtp import Fate, Sent
from seriesbot.states import AnswerState
from seriesbot.store import Row, Store, unpack

DAY_S = 86_400
FIRST_WAIT_S = 60
LONGEST_WAIT_S = 6 * 3600
GIVE_UP_S = 4 * DAY_S  # as mail servers do
MAX_AT_ONCE = 20  # in one step, so that the bot gets to do other things

_TURN = """
    SELECT id, message_id, channel, at, due, tries, raw FROM answer
    WHERE state = ? AND due <= ? ORDER BY due, id LIMIT ?
"""


@dataclass
class Outbox:
    """What delivers. home: the bot's folder."""

    store: Store
    settings: AnswerFile
    home: Path
    _rests_until: float = 0  # a server that takes nothing now is not asked for each answer

    def step(self, now: float) -> int:
        """Deliver what is due, oldest first; give how many were delivered. now: Unix seconds."""
        delivered = 0
        if now < self._rests_until:
            return delivered
        for row in self.store.rows(_TURN, AnswerState.WRITTEN, int(now), MAX_AT_ONCE):
            free = self._free_at(now)
            if free > now:
                self._postpone(row, free, "as many answers as are allowed a day were sent")
            else:
                delivered += self._deliver(row, now)
            if now < self._rests_until:
                break
        return delivered

    def _deliver(self, row: Row, now: float) -> bool:
        """Deliver one answer; tell whether that was done."""
        raw = unpack(row["raw"])
        to = _named(raw)
        opted_out = {one["address"] for one in self.store.rows("SELECT address FROM optout")}
        if to[:1] and to[0] in opted_out:
            self._end(row, AnswerState.WITHHELD, now, "its receiver wants no answers")
            return False
        self._begin(row)
        sent = self._sent(row, raw, [one for one in to if one not in opted_out])
        if sent.fate is Fate.SENT:
            self._end(row, AnswerState.DELIVERED, now, sent.note)
            return True
        late = now - row["at"] > GIVE_UP_S
        if sent.fate is Fate.REFUSED or late:
            told = f"given up after {row['tries'] + 1} tries: {sent.note}" if late else sent.note
            self._end(row, AnswerState.FAILED, now, told)
        else:
            self._postpone(row, now + wait(row["tries"]), f"{sent.fate.value}: {sent.note}")
            self._rests_until = now + FIRST_WAIT_S
        return False

    def _sent(self, row: Row, raw: bytes, receivers: Sequence[str]) -> Sent:
        if row["channel"] == Channel.INBOX:
            try:
                OwnList(self.home / Path(self.settings.list).expanduser()).deliver(raw)
            except InfraError as error:
                return Sent(Fate.LATER, error.what)
            return Sent(Fate.SENT)
        server = self.settings.smtp
        if server is None:
            return Sent(Fate.LATER, "bot.toml names no mail server (answer.smtp)")
        try:
            secret = login(server, self.home)
        except UserError as error:
            return Sent(Fate.LATER, error.what)
        return smtp.send(raw, self.settings.address, receivers, server, secret, self.home)

    def _free_at(self, now: float) -> float:
        """Give when the next answer may be sent: now, or when the oldest of a full day is past."""
        query = """
            SELECT delivered FROM answer WHERE state = ? AND delivered > ?
            ORDER BY delivered DESC LIMIT 1 OFFSET ?
        """
        values = (AnswerState.DELIVERED, int(now) - DAY_S, self.settings.a_day - 1)
        oldest: int | None = self.store.value(query, *values)
        return now if oldest is None else oldest + DAY_S

    def _begin(self, row: Row) -> None:
        """Note that it may be sent from now on."""
        with self.store.transaction() as write:
            write.execute("UPDATE answer SET tries = tries + 1 WHERE id = ?", (row["id"],))

    def _postpone(self, row: Row, due: float, note: str) -> None:
        with self.store.transaction() as write:
            values = (int(due), note, row["id"])
            write.execute("UPDATE answer SET due = ?, note = ? WHERE id = ?", values)

    def _end(self, row: Row, state: AnswerState, now: float, note: str) -> None:
        when = int(now) if state is AnswerState.DELIVERED else 0
        with self.store.transaction() as write:
            write.execute(
                "UPDATE answer SET state = ?, delivered = ?, note = ? WHERE id = ?",
                (state, when, note, row["id"]),
            )


def wait(tries: int) -> int:
    """Give how many seconds to wait after so many tries before this one."""
    return min(FIRST_WAIT_S << min(tries, 20), LONGEST_WAIT_S)


def _named(raw: bytes) -> list[str]:
    """Give the addresses that a mail of ours names, the one in To first."""
    headers = email.message_from_bytes(raw, policy=policy.compat32)
    values = [str(value) for name in ("To", "Cc") for value in headers.get_all(name, [])]
    return [address for _, address in getaddresses(values)]
