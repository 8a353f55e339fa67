# SPDX-License-Identifier: GPL-2.0
"""What other programs are told of a new result is written down, for the outbox.

Of each sink stands in the store up to which result it was told. One that is named in the settings
for the first time is told what comes from then on: the bot begins with it before it takes any
result, or what a bot was killed over would be of before.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import UserError
from kseries.model import Verdict
from kseries.verdict import document
from seriesbot import decisions
from seriesbot.assembling import NoSeriesError, make, parts_of
from seriesbot.config import Config
from seriesbot.states import AnswerState
from seriesbot.store import Connection, Row, Store, unpack
from seriesbot.submit import checks
from seriesbot.submit.checks import Check
from seriesbot.submit.sinks import KCIDB, KCIDB_FOLDER, NAMES, PATCHWORK

MAX_AT_ONCE = 10  # results in one step
MAX_URL = 200  # characters that Patchwork takes
FIX = "test"  # the cause of a job that has another patch on top: it says nothing of the series

_NEW = """
    SELECT result.id, result.version, result.verdict, result.exit_code, result.document, job.cause,
           version.message_id, version.base
    FROM result
    JOIN job ON job.id = result.job
    JOIN version ON version.id = result.version
    WHERE result.id > ? ORDER BY result.id LIMIT ?
"""
_INSERT = """
    INSERT OR IGNORE INTO submission (key, sink, result, version, target, body, state, at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
# What is not delivered yet and says the same of an earlier result must not come after it.
_OUTDATE = """
    UPDATE submission SET state = ?, note = 'there is a later result'
    WHERE sink = ? AND target = ? AND state = ? AND result < ? AND key LIKE '%:' || ?
"""


@dataclass(frozen=True)
class Entry:
    """What is told. name: tells it from the others of the same result and target."""

    name: str
    target: str = ""
    body: str = ""


@dataclass(frozen=True)
class Writer:
    """What writes down what sinks are told."""

    store: Store
    config: Config

    def step(self, now: float) -> bool:
        """Write down what is new; tell whether there was anything. now: Unix seconds."""
        return sum(self._tell(sink, now) for sink in self._sinks()) > 0

    def begin(self) -> bool:
        """Begin with sinks that are new, forget those not in the settings; tell whether any was."""
        used = self._sinks()
        if {row["name"] for row in self.store.rows("SELECT name FROM sink")} == {*used}:
            return False
        with self.store.transaction() as write:
            names = json.dumps(used)
            write.execute(
                "DELETE FROM sink WHERE name NOT IN (SELECT value FROM json_each(?))", [names]
            )
            write.execute(
                "INSERT OR IGNORE INTO sink (name, upto) SELECT value,"
                " (SELECT coalesce(max(id), 0) FROM result) FROM json_each(?)",
                [names],
            )
        return True

    def _sinks(self) -> list[str]:
        kcidb = self.config.told.kcidb
        wanted = {
            PATCHWORK: self.config.told.patchwork is not None,
            KCIDB: kcidb is not None and kcidb.url is not None,
            KCIDB_FOLDER: kcidb is not None and kcidb.folder is not None,
        }
        return [name for name in NAMES if wanted[name]]

    def _tell(self, sink: str, now: float) -> bool:
        upto = self.store.value("SELECT upto FROM sink WHERE name = ?", sink)
        rows = self.store.rows(_NEW, upto, MAX_AT_ONCE)
        for row in rows:
            entries = list(self._entries(sink, row))
            with self.store.transaction() as write:
                _put(write, sink, row, entries, int(now))
                write.execute("UPDATE sink SET upto = ? WHERE name = ?", [row["id"], sink])
        return bool(rows)

    def _entries(self, sink: str, row: Row) -> Iterator[Entry]:
        # What was lost says nothing of the series, whether there is a document or not.
        if row["exit_code"] == Verdict.INCOMPLETE.exit_code:
            return
        if sink != PATCHWORK:
            if row["document"] is not None:
                yield Entry(sink)
        elif row["cause"] != FIX:
            yield from self._checks(row)

    def _checks(self, row: Row) -> Iterator[Entry]:
        told = self.config.told.patchwork
        assert told is not None
        ids = self._patches(row["version"])
        site = (self.config.told.answer.site or "").rstrip("/")
        link = f"{site}/results/{row['id']}" if site else ""
        for check in _of(row, len(ids)):
            context = f"{told.context}-{check.name}"
            body = {"context": context, "state": check.state, "description": check.description}
            if link and len(link) <= MAX_URL:
                body["target_url"] = link
            yield Entry(check.name, ids[check.patch - 1], json.dumps(body))

    def _patches(self, version: int) -> list[str]:
        """Give the message ids of a version's patches, as it was put together for its run."""
        row = self.store.row("SELECT * FROM version WHERE id = ?", version)
        assert row is not None
        with tempfile.TemporaryDirectory(prefix="seriesbot-") as name:
            try:
                made = make(row, parts_of(self.store, version), Path(name))
            except NoSeriesError:
                return []
        return [patch.mail.message_id for patch in made.series.patches]


def _of(row: Row, patches: int) -> list[Check]:
    if row["document"] is None:
        return checks.unjudged(row["base"], patches)
    try:
        return checks.checks(document.parse(unpack(row["document"]), "results.json"), patches)
    except UserError:
        return []


def _put(write: Connection, sink: str, row: Row, entries: Sequence[Entry], now: int) -> None:
    for one in entries:
        outdated = (AnswerState.WITHHELD, sink, one.target, AnswerState.WRITTEN, row["id"])
        if one.target:
            write.execute(_OUTDATE, (*outdated, one.name))
        key = f"{sink}:{row['id']}:{one.target}:{one.name}"
        values = (key, sink, row["id"], row["version"], one.target, one.body)
        write.execute(_INSERT, (*values, AnswerState.WRITTEN, now))
    if entries:
        told = f"{len(entries)} for {NAMES[sink]}"
        decisions.note(write, now, row["message_id"], "submit", "written", told, row["version"])
