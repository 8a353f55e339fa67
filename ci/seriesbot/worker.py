# SPDX-License-Identifier: GPL-2.0
"""Jobs: what is to be done, in which order, and what became of it.

A job is written down as submitted before the engine hears of it, under a key of its own for each
attempt, so that a kill at any moment neither loses nor doubles it: the engine takes the same key
once. What the engine loses is submitted again.
"""

from __future__ import annotations

import itertools
import json
import secrets

from kseries.lib.errors import InfraError, UserError
from kseries.model import RunResult
from kseries.verdict import document
from seriesbot import decisions, fairness
from seriesbot.assembling import NoSeriesError
from seriesbot.config import Config
from seriesbot.engine.base import Engine, Found, Order, Outcome
from seriesbot.orders import Maker
from seriesbot.states import JobState, State
from seriesbot.store import Connection, Row, Store, pack

ATTEMPTS = 4  # submitted again at most three times
LOST_EXIT_CODE = InfraError.exit_code  # of kseries: says nothing about the series
RETRY_S = 300  # until what could not be carried out is tried again; then three times as long
ERROR = "kseries: "  # how it begins to say what went wrong
MAX_WORDS = 4000  # characters of what a worker says of a base
GRACE_S = 300  # behind the limit of an order, until the bot believes it lost


class Worker:
    """Gives jobs to an engine, and takes results from it."""

    def __init__(self, store: Store, config: Config, engine: Engine, maker: Maker) -> None:
        self._store = store
        self._engine = engine
        self._maker = maker
        self._limit_s = 60 * config.told.engine.deadline_minutes
        self._a_day = config.told.limits.a_day

    def work(self, now: int) -> bool:
        """Look at what was submitted, submit what has its turn; tell whether anything happened."""
        happened = False
        for job in self._jobs(JobState.SUBMITTING):
            happened |= self._submit(job, now)
        for job in self._jobs(JobState.SUBMITTED):
            happened |= self._look(job, now)
        while self._free() and (turn := fairness.next_job(self._store, self._a_day, now)):
            self._begin(turn, now)
            happened = True
        self._tidy()
        return happened

    def _jobs(self, state: JobState) -> list[Row]:
        return self._store.rows("SELECT * FROM job WHERE state = ? ORDER BY id", state)

    def _free(self) -> bool:
        busy = self._store.value(
            "SELECT count(*) FROM job WHERE state IN (?, ?)",
            *(JobState.SUBMITTING, JobState.SUBMITTED),
        )
        return bool(busy < self._engine.slots)

    def _begin(self, job: Row, now: int) -> None:
        """Write a job down as submitted, then submit it."""
        attempt = job["attempt"] + 1
        with self._store.transaction() as write:
            if not _is_still(write, job):
                return
            told = "work begins" if attempt == 1 else f"work begins again ({attempt} of {ATTEMPTS})"
            decisions.move(write, now, job["version"], State.RUNNING, "work", told)
            write.execute(
                "UPDATE job SET state = ?, attempt = ?, key = ?, started = ?, deadline = ?,"
                " page = '' WHERE id = ?",
                [
                    *(JobState.SUBMITTING, attempt, _key(job["id"], attempt), now),
                    *(int(now + self._limit_s + GRACE_S), job["id"]),
                ],
            )
        again = self._store.row("SELECT * FROM job WHERE id = ?", job["id"])
        assert again is not None
        self._submit(again, now)

    def _submit(self, job: Row, now: int) -> bool:
        version = self._store.row("SELECT * FROM version WHERE id = ?", job["version"])
        assert version is not None
        try:
            made = self._maker(version, job)
        except NoSeriesError as error:
            self._end(job, Outcome(2, None, error.why), now)
            return True
        order = Order(job["key"], made.name, made.files, made.arguments, self._limit_s)
        self._engine.submit(order)
        with self._store.transaction() as write:
            write.execute(
                "UPDATE job SET state = ? WHERE id = ? AND state = ?",
                [JobState.SUBMITTED, job["id"], JobState.SUBMITTING],
            )
        return True

    def _look(self, job: Row, now: int) -> bool:
        self._note_base(job, now)
        found = self._engine.look(job["key"])
        self._note_page(job)
        if isinstance(found, Outcome):
            if found.exit_code == LOST_EXIT_CODE and job["attempt"] < ATTEMPTS:
                # A full disk is full a second later, too.
                wait = RETRY_S * 3 ** (job["attempt"] - 1)
                why = f"could not be carried out: {_read(found)[1] or _error(found.said)}"
                self._lose(job, why, now, not_before=now + wait)
            else:
                self._end(job, found, now)
            return True
        if found is Found.GONE:
            self._lose(job, "the engine lost it", now)
            return True
        if now >= job["deadline"]:
            self._lose(job, "no result within its time", now)
            return True
        return False

    def _note_base(self, job: Row, now: int) -> None:
        """Say on which source the series goes, as soon as that is known."""
        query = "SELECT message_id FROM version WHERE id = ? AND base = ''"
        version = self._store.row(query, job["version"])
        told = self._engine.base(job["key"]) if version is not None else b""
        if version is None or not told:
            return
        with self._store.transaction() as write:
            text = told.decode(errors="replace")
            write.execute("UPDATE version SET base = ? WHERE id = ?", [text, job["version"]])
            outcome, reason = _base(told)
            name = version["message_id"]
            decisions.note(write, now, name, "base", outcome, reason, job["version"])

    def _note_page(self, job: Row) -> None:
        """Note where the engine shows an attempt, which may change: it can be begun anew there."""
        page = self._engine.page(job["key"])
        if page and page != job["page"]:
            with self._store.transaction() as write:
                query = "UPDATE job SET page = ? WHERE id = ? AND key = ?"
                write.execute(query, [page, job["id"], job["key"]])

    def _lose(self, job: Row, why: str, now: int, *, not_before: int = 0) -> None:
        """Let a job wait again whose attempt came to nothing, or give it up."""
        given_up = job["attempt"] >= ATTEMPTS
        with self._store.transaction() as write:
            if not _is_still(write, job):
                return
            told = f"attempt {job['attempt']} of {ATTEMPTS}: {why}"
            state = State.GIVEN_UP if given_up else State.QUEUED
            decisions.move(write, now, job["version"], state, "work", told)
            write.execute("INSERT INTO attempt (key, job) VALUES (?, ?)", [job["key"], job["id"]])
            write.execute(
                "UPDATE job SET state = ?, ended = ?, note = ?, not_before = ? WHERE id = ?",
                [
                    JobState.LOST if given_up else JobState.WAITING,
                    now if given_up else 0,
                    *(told, not_before, job["id"]),
                ],
            )
            if given_up:
                _write_result(write, job, Outcome(LOST_EXIT_CODE, None, told), None, now)

    def _end(self, job: Row, outcome: Outcome, now: int) -> None:
        result, why = _read(outcome)
        verdict = result.verdict.value if result else "no verdict"
        state = State.GIVEN_UP if outcome.exit_code == LOST_EXIT_CODE else State.JUDGED
        with self._store.transaction() as write:
            if not _is_still(write, job):
                return
            told = f"{verdict}: {why}" if why else verdict
            decisions.move(write, now, job["version"], state, "work", told)
            write.execute(
                "UPDATE job SET state = ?, ended = ?, note = ? WHERE id = ?",
                [JobState.ENDED, now, why, job["id"]],
            )
            _write_result(write, job, outcome, result, now)

    def _tidy(self) -> None:
        """Let the engine forget what is over."""
        over = self._store.rows(
            "SELECT key, id AS job FROM job WHERE tidied = 0 AND key != '' AND state IN (?, ?, ?)"
            " UNION SELECT key, NULL FROM attempt",
            *(JobState.ENDED, JobState.CANCELLED, JobState.LOST),
        )
        for row in over:
            if not self._engine.forget(row["key"]):
                continue
            with self._store.transaction() as write:
                write.execute("DELETE FROM attempt WHERE key = ?", [row["key"]])
                write.execute("UPDATE job SET tidied = 1 WHERE id = ?", [row["job"]])


def _key(job: int, attempt: int) -> str:
    """Make the key of an attempt: one that no store had, which was restored, or of another bot."""
    return f"job-{job}-{attempt}-{secrets.token_hex(4)}"


def _is_still(write: Connection, job: Row) -> bool:
    """Whether a job is as it was read: an operator's command can have cancelled it."""
    found = write.execute("SELECT state FROM job WHERE id = ?", [job["id"]]).fetchone()
    return bool(found["state"] == job["state"])


def _write_result(
    write: Connection, job: Row, outcome: Outcome, result: RunResult | None, now: int
) -> None:
    write.execute(
        "INSERT INTO result (job, version, at, verdict, exit_code, error, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            *(job["id"], job["version"], now, result.verdict.value if result else ""),
            *(outcome.exit_code, "" if result else outcome.said[-4000:]),
            pack(outcome.document) if result and outcome.document is not None else None,
        ],
    )


def _base(told: bytes) -> tuple[str, str]:
    """Say on which source a series goes and why; of one that applies nowhere, why on each not."""
    try:
        found = json.loads(told)
        tried = [f"{one['source']}: {one['why_not']}" for one in found["candidates"]]
        chosen, why = str(found["chosen"]), str(found["why"])
        if not found["fits"]:
            nowhere = "; ".join(tried) or "no source is at hand"
            chosen, why = "none", f"it applies nowhere ({nowhere[:MAX_WORDS]})"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "unknown", "what was found about it cannot be read"
    return chosen[:MAX_WORDS], why[: MAX_WORDS + 100]


def _read(outcome: Outcome) -> tuple[RunResult | None, str]:
    """Read the document of an outcome; and why there is none, or what it says first."""
    if outcome.document is None:
        return None, _error(outcome.said) or f"exit code {outcome.exit_code}, and no document"
    try:
        result = document.parse(outcome.document, "results.json")
    except UserError as error:
        return None, f"{error.what} {error.where}"
    return result, result.reasons[0] if result.reasons else ""


def _error(text: str) -> str:
    """Give the error that kseries ended with, without what is to be done; else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    begins = [place for place, line in enumerate(lines) if line.startswith(ERROR)]
    told = lines[begins[-1] :] if begins else lines[-1:]
    wanted = itertools.takewhile(lambda line: not line.startswith("do: "), told)
    return " ".join(wanted).removeprefix(ERROR)[:500]
