# SPDX-License-Identifier: GPL-2.0
"""Answers on their way: each is in the store before it is sent, and once it is where it goes.

Who is killed between sending and noting that finds the answer still to be sent, and sends the same
mail with the same Message-ID again: the bot's own list passes over it, and so do readers of mail.
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
from seriesbot.delivery import Fate, Ledger, Sent, rest
from seriesbot.states import AnswerState
from seriesbot.store import Row, Store, unpack

DAY_S = 86_400
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

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.store, "answer")

    def step(self, now: float) -> int:
        """Deliver what is due, oldest first; give how many were delivered. now: Unix seconds."""
        delivered = 0
        if now < self._rests_until:
            return delivered
        for row in self.store.rows(_TURN, AnswerState.WRITTEN, int(now), MAX_AT_ONCE):
            free = self._free_at(now)
            if free > now:
                self._ledger.postpone(row, free, "as many answers as are allowed a day were sent")
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
            self._ledger.end(row, AnswerState.WITHHELD, now, "its receiver wants no answers")
            return False
        self._ledger.begin(row)
        sent = self._sent(row, raw, [one for one in to if one not in opted_out])
        self._ledger.settle(row, sent, now)
        self._rests_until = now + rest(sent)
        return sent.fate is Fate.SENT

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


def _named(raw: bytes) -> list[str]:
    """Give the addresses that a mail of ours names, the one in To first."""
    headers = email.message_from_bytes(raw, policy=policy.compat32)
    values = [str(value) for name in ("To", "Cc") for value in headers.get_all(name, [])]
    return [address for _, address in getaddresses(values)]
