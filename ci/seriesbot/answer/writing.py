# SPDX-License-Identifier: GPL-2.0
"""Answers are written where a result is new, and put into the store for the outbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kseries.lib.errors import UserError
from kseries.model import RunResult, Verdict
from kseries.verdict import document
from seriesbot import decisions
from seriesbot.answer import compose, deciding, thread
from seriesbot.answer.compose import Answer, Bot, Earlier, Links
from seriesbot.answer.deciding import Channel, Known, Recipients
from seriesbot.answer.public import public
from seriesbot.answer.settings import AnswerFile
from seriesbot.answer.thread import Thread
from seriesbot.states import AnswerState, State
from seriesbot.store import Row, Store, pack, unpack

MAX_AT_ONCE = 20  # in one step
FIX = "test"  # the cause of a job that a known sender asked for, with a patch of his on top

_NEW = """
    SELECT result.id, result.job, result.version, result.verdict, result.exit_code, result.error,
           result.document, job.cause, job.fix, job.page,
           version.message_id, version.sender, version.state, version.earlier
    FROM result
    JOIN job ON job.id = result.job
    JOIN version ON version.id = result.version
    LEFT JOIN answer ON answer.result = result.id
    WHERE answer.id IS NULL ORDER BY result.id LIMIT ?
"""
_SAID = """
    SELECT result.verdict FROM answer
    JOIN result ON result.id = answer.result
    JOIN job ON job.id = result.job
    WHERE answer.version = ? AND answer.raw IS NOT NULL AND job.cause <> ?
    ORDER BY answer.id
"""
_BEFORE = """
    SELECT result.document, version.number FROM result
    JOIN job ON job.id = result.job
    JOIN version ON version.id = result.version
    WHERE result.version = ? AND job.cause <> ? AND result.document IS NOT NULL
    AND result.verdict <> ? ORDER BY result.id DESC LIMIT 1
"""
_INSERT = """
    INSERT INTO answer (result, version, message_id, channel, state, at, due, note, raw)
    VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)
"""


class _Silent(Exception):
    """There is no answer; the message says why."""


@dataclass(frozen=True)
class Writer:
    """What writes answers.

    log_at: gives the address of a job's page at the engine, for whoever gets the mail.
    """

    store: Store
    settings: AnswerFile
    log_at: Callable[[str], str] = lambda _page: ""

    def step(self, now: float) -> bool:
        """Write what is to be written; tell whether there was anything. now: Unix seconds."""
        rows = self.store.rows(_NEW, MAX_AT_ONCE)
        for row in rows:
            try:
                answer = self._answer(row, now)
            except _Silent as why:
                self._put(row, f"none-{row['id']}", AnswerState.WITHHELD, now, str(why), None)
            else:
                name = compose.message_id(answer.thread, answer.run, self.settings.address)
                raw = bytes(compose.compose(answer))
                self._put(row, name, AnswerState.WRITTEN, now, "", raw)
        return bool(rows)

    def _answer(self, row: Row, now: float) -> Answer:
        """Gather what an answer is made of. Raises _Silent where there is to be none."""
        with_fix = row["cause"] == FIX
        said = [one["verdict"] for one in self.store.rows(_SAID, row["version"], FIX)]
        # What was lost says nothing of the series, whether there is a document or not.
        lost = row["exit_code"] == Verdict.INCOMPLETE.exit_code
        verdict = Verdict.INCOMPLETE.value if lost else row["verdict"]
        if why := deciding.silence(Known(verdict, tuple(said), with_fix)):
            raise _Silent(why)
        if row["state"] == State.REPLACED:
            raise _Silent("a later version came")
        answered = self._thread(row)
        return Answer(
            thread=answered,
            result=_result(row, answered),
            run=f"job-{row['job']}",
            at=now,
            bot=self._bot(),
            recipients=self._recipients(answered),
            links=self._links(row),
            earlier=self._earlier(row),
            fix=f"<{answered.message_id}>" if with_fix else "",
        )

    def _thread(self, row: Row) -> Thread:
        """Read the mail that is answered: the series', or the one that asked for a run."""
        if row["cause"] == FIX:
            raw = self.store.value("SELECT raw FROM message WHERE id = ?", row["fix"])
        else:
            query = "SELECT raw FROM message WHERE message_id = ?"
            raw = self.store.value(query, row["message_id"])
        found = thread.read(unpack(raw))
        if found is None:
            raise _Silent("its mail has no sender or no message id that can be answered")
        # Two readers of a hostile header must not come to two senders.
        if row["cause"] != FIX and found.author.address != row["sender"]:
            raise _Silent("its From names several senders")
        return found

    def _recipients(self, answered: Thread) -> Recipients:
        opted_out = {one["address"] for one in self.store.rows("SELECT address FROM optout")}
        channel = Channel(self.settings.channel)
        found = deciding.recipients(answered, channel, opted_out, (self.settings.address,))
        if found.why_not:
            raise _Silent(found.why_not)
        return found

    def _earlier(self, row: Row) -> Earlier | None:
        if row["earlier"] is None or row["cause"] == FIX:
            return None
        before = self.store.row(_BEFORE, row["earlier"], FIX, Verdict.INCOMPLETE.value)
        if before is None:
            return None
        try:
            result = document.parse(unpack(before["document"]), "the store")
        except UserError:
            return None
        return Earlier(f"v{before['number']}", result)

    def _links(self, row: Row) -> Links:
        site = (self.settings.site or "").rstrip("/")
        report = f"{site}/results/{row['id']}" if site else ""
        return Links(report=report, log=self.log_at(row["page"]))

    def _bot(self) -> Bot:
        return Bot(self.settings.name, self.settings.address, self.settings.about or "")

    def _put(
        self, row: Row, name: str, state: AnswerState, now: float, note: str, raw: bytes | None
    ) -> None:
        values = (row["id"], row["version"], name, self.settings.channel, state, int(now), note)
        with self.store.transaction() as write:
            write.execute(_INSERT, (*values, pack(raw) if raw is not None else None))
            told = note or f"<{name}>"
            decisions.note(
                write, int(now), row["message_id"], "answer", state, told, row["version"]
            )


def _result(row: Row, answered: Thread) -> RunResult | str:
    """Give the document, or in words why there is none."""
    if row["document"] is None:
        return str(row["error"]) or "The run left no document."
    try:
        result = document.parse(unpack(row["document"]), "results.json")
    except UserError as error:
        return error.what
    return public(result, answered.message_id)
