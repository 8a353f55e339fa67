# SPDX-License-Identifier: GPL-2.0
"""What other programs are told, on its way: each is in the store before it is sent.

Who is killed between sending and noting that finds it still to be sent, and looks whether it
arrived (Patchwork), or sends what adds nothing the second time (KCIDB).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from kseries.lib.errors import UserError
from kseries.report import kcidb as reports
from kseries.verdict import document
from seriesbot import tls
from seriesbot.answer.public import public
from seriesbot.config import Config
from seriesbot.delivery import Fate, Ledger, Sent, rest
from seriesbot.states import AnswerState
from seriesbot.store import Row, Store, unpack
from seriesbot.submit import kcidb, settings
from seriesbot.submit.patchwork import Patchwork
from seriesbot.submit.server import Server
from seriesbot.submit.sinks import KCIDB, KCIDB_FOLDER, PATCHWORK

MAX_AT_ONCE = 10  # in one step, so that the bot gets to do other things

Deliver = Callable[[Row], Sent]

_TURN = """
    SELECT submission.*, result.document, version.message_id FROM submission
    JOIN result ON result.id = submission.result
    JOIN version ON version.id = submission.version
    WHERE submission.state = ? AND submission.sink = ? AND submission.due <= ?
    ORDER BY submission.due, submission.id LIMIT ?
"""


@dataclass
class Outbox:
    """What delivers."""

    store: Store
    config: Config
    # A server that takes nothing now is not asked for each of them.
    _rests_until: dict[str, float] = field(default_factory=dict)

    def step(self, now: float) -> int:
        """Deliver what is due, oldest first; give how many were delivered. now: Unix seconds."""
        told = self.config.told
        folder = told.kcidb.folder if told.kcidb else None
        made: dict[str, Callable[[], Deliver]] = {}
        if told.patchwork is not None:
            made[PATCHWORK] = self._patchwork
        if told.kcidb is not None and told.kcidb.url is not None:
            made[KCIDB] = self._kcidb
        if folder is not None:
            made[KCIDB_FOLDER] = lambda: self._into(kcidb.Folder(self.config.home.resolve(folder)))
        return sum(self._empty(sink, make, now) for sink, make in made.items())

    def _empty(self, sink: str, make: Callable[[], Deliver], now: float) -> int:
        if now < self._rests_until.get(sink, 0):
            return 0
        rows = self.store.rows(_TURN, AnswerState.WRITTEN, sink, int(now), MAX_AT_ONCE)
        if not rows:
            return 0
        try:
            deliver = make()
        except (UserError, OSError) as error:
            why = error.what if isinstance(error, UserError) else str(error)
            deliver = _never(why)
        ledger, delivered = Ledger(self.store, "submission"), 0
        for row in rows:
            ledger.begin(row)
            sent = deliver(row)
            ledger.settle(row, sent, now)
            delivered += sent.fate is Fate.SENT
            if rests := rest(sent):
                self._rests_until[sink] = now + rests
                break
        return delivered

    def _patchwork(self) -> Deliver:
        told = self.config.told.patchwork
        assert told is not None
        token = settings.token(told, settings.PATCHWORK_TOKEN, self.config.home.path)
        context = tls.context(told.ca, self.config.home.path)
        server = Server(told.url, f"Token {token}", told.timeout_seconds, context)
        patchwork = Patchwork(server, told.project or "")
        return lambda row: patchwork.post(row["target"], json.loads(row["body"]))

    def _kcidb(self) -> Deliver:
        told = self.config.told.kcidb
        assert told is not None
        assert told.url is not None
        token = settings.token(told, settings.KCIDB_TOKEN, self.config.home.path)
        context = tls.context(told.ca, self.config.home.path)
        server = Server(told.url, f"Bearer {token}", told.timeout_seconds, context)
        return self._reporting(lambda report: kcidb.post(server, report))

    def _into(self, folder: kcidb.Folder) -> Deliver:
        return self._reporting(folder.put)

    def _reporting(self, hand_over: Callable[[str], Sent]) -> Deliver:
        """Give what makes a report of a result and hands it over."""
        told = self.config.told.kcidb
        assert told is not None
        origin = told.origin

        def deliver(row: Row) -> Sent:
            if row["document"] is None:
                return Sent(Fate.REFUSED, "its document is not kept any more")
            try:
                result = document.parse(unpack(row["document"]), "results.json")
                report = reports.render(public(result, row["message_id"]), origin)
            except UserError as error:
                return Sent(Fate.REFUSED, f"{error.what} {error.where}"[:300])
            return hand_over(report)

        return deliver


def _never(why: str) -> Deliver:
    return lambda _row: Sent(Fate.LATER, why)
