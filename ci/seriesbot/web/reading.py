# SPDX-License-Identifier: GPL-2.0
"""What the page asks the store: questions alone, each of which an index answers quickly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from seriesbot.states import OPEN_JOBS, JobState, State
from seriesbot.store import Row, Store

PAGE = 50  # rows of a list
DAY_S = 86_400
LATEST = 12

# A version with its last result, and with the job that is not over.
_VERSIONS = """
    SELECT version.*, result.id AS result, result.verdict, result.at AS judged, result.exit_code,
           job.id AS job, job.state AS job_state, job.started, job.wanted, job.attempt,
           job.page
    FROM version
    LEFT JOIN result ON result.id = (SELECT max(id) FROM result WHERE version = version.id)
    LEFT JOIN job ON job.version = version.id
        AND job.state IN ('waiting', 'submitting', 'submitted')
"""


@dataclass(frozen=True)
class Asked:
    """Which versions are listed. state: "" for all; text: in title, sender or message id."""

    state: str = ""
    text: str = ""
    before: int = 0  # only older ones than the version with this id; 0: from the newest on


class Reader:
    """Asks a store that is open to be read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def counts(self) -> Mapping[str, int]:
        """Count the versions in each state that there is."""
        rows = self._store.rows("SELECT state, count(*) AS n FROM version GROUP BY state")
        found = {row["state"]: int(row["n"]) for row in rows}
        return {state.value: found[state.value] for state in State if state.value in found}

    def running(self) -> list[Row]:
        """Give the versions that the engine has, those first that began first."""
        return self._versions("WHERE job.state IN (?, ?) ORDER BY job.started, job.id", *_BUSY)

    def waiting(self, limit: int = PAGE) -> list[Row]:
        """Give the versions that wait for their turn, in the order in which they came."""
        return self._versions(
            "WHERE job.state = ? ORDER BY job.id LIMIT ?", JobState.WAITING, limit
        )

    def latest(self, limit: int = LATEST) -> list[Row]:
        """Give the versions that were judged last."""
        return self._versions("WHERE result.id IS NOT NULL ORDER BY result.id DESC LIMIT ?", limit)

    def listed(self, asked: Asked) -> list[Row]:
        """Give versions, newest first: one more than a page has, where there are more."""
        where, values = ["1"], []
        if asked.state:
            where.append("version.state = ?")
            values.append(asked.state)
        if asked.text:
            like = "LIKE '%' || ? || '%' ESCAPE '\\'"
            columns = ("title", "sender", "message_id")
            where.append(f"({' OR '.join(f'version.{column} {like}' for column in columns)})")
            values += [_literal(asked.text)] * 3
        if asked.before:
            where.append("version.id < ?")
            values.append(str(asked.before))
        condition = f"WHERE {' AND '.join(where)} ORDER BY version.id DESC LIMIT ?"
        return self._versions(condition, *values, PAGE + 1)

    def version(self, number: int) -> Row | None:
        """Give a version, None where there is none."""
        return next(iter(self._versions("WHERE version.id = ?", number)), None)

    def others(self, series: int) -> list[Row]:
        """Give all versions of a series, oldest first."""
        return self._versions("WHERE version.series = ? ORDER BY version.id LIMIT ?", series, PAGE)

    def mails(self, version: int) -> list[Row]:
        """Give the mails of a version with the archive they came by."""
        return self._store.rows(
            "SELECT part.number, message_id, subject, sender, arrived, inbox.name AS inbox"
            " FROM part JOIN message ON message.id = part.message"
            " JOIN inbox ON inbox.id = message.inbox"
            " WHERE version = ? ORDER BY part.number, message.id LIMIT 500",
            version,
        )

    def decisions(self, version: int) -> list[Row]:
        """Give what was decided about a version, newest first."""
        query = "SELECT * FROM decision WHERE version = ? ORDER BY id DESC LIMIT 200"
        return self._store.rows(query, version)

    def jobs(self, version: int) -> list[Row]:
        """Give the jobs of a version with their results, newest first."""
        return self._store.rows(
            "SELECT job.*, result.id AS result, result.verdict, result.error FROM job"
            " LEFT JOIN result ON result.job = job.id WHERE job.version = ?"
            " ORDER BY job.id DESC LIMIT 100",
            version,
        )

    def answers(self, version: int) -> list[Row]:
        """Give the answers about a version, newest first."""
        query = "SELECT * FROM answer WHERE version = ? ORDER BY id DESC LIMIT 20"
        return self._store.rows(query, version)

    def result(self, number: int) -> Row | None:
        """Give a result, None where there is none."""
        return self._store.row(
            "SELECT result.*, version.message_id FROM result"
            " JOIN version ON version.id = result.version WHERE result.id = ?",
            number,
        )

    def verdicts(self, since: int) -> list[Row]:
        """Give (day, verdict, how many) since a moment; day: in days since 1970."""
        return self._store.rows(
            "SELECT at / 86400 AS day, verdict, count(*) AS n FROM result WHERE at >= ?"
            " GROUP BY day, verdict",
            since,
        )

    def documents(self, limit: int) -> list[Row]:
        """Give the last results that have a document: their ids and times."""
        return self._store.rows(
            "SELECT id, at FROM result WHERE document IS NOT NULL ORDER BY id DESC LIMIT ?", limit
        )

    def work(self, since: int) -> list[Row]:
        """Give the jobs that ended since a moment, newest first."""
        return self._store.rows(
            "SELECT job.*, version.title, version.number, version.id AS version_id, result.verdict,"
            " result.id AS result FROM job JOIN version ON version.id = job.version"
            " LEFT JOIN result ON result.job = job.id WHERE job.ended >= ?"
            " ORDER BY job.ended DESC LIMIT 200",
            since,
        )

    def sent(self) -> list[Row]:
        """Give the answers on their way and those that failed, and the last that were delivered."""
        return self._store.rows(
            "SELECT answer.*, version.title, version.number FROM answer"
            " JOIN version ON version.id = answer.version"
            " WHERE answer.state <> 'withheld' ORDER BY answer.id DESC LIMIT ?",
            PAGE,
        )

    def submitted(self) -> list[Row]:
        """Give (sink, state, number, last note, since when) of what other programs are told."""
        return self._store.rows(
            "SELECT sink, state, count(*) AS n, min(at) AS since, max(at) AS until,"
            " (SELECT note FROM submission AS last WHERE last.sink = submission.sink"
            "  AND last.state = submission.state ORDER BY last.id DESC LIMIT 1) AS note"
            " FROM submission GROUP BY sink, state ORDER BY sink, state"
        )

    def value(self, query: str, *values: object) -> int:
        """Ask for a number."""
        return int(self._store.value(query, *values) or 0)

    def grouped(self, query: str) -> dict[str, int]:
        """Ask for (name, number) rows."""
        return {str(row[0]): int(row[1]) for row in self._store.rows(query)}

    def _versions(self, condition: str, *values: object) -> list[Row]:
        return self._store.rows(f"{_VERSIONS} {condition}", *values)


_BUSY = tuple(state for state in OPEN_JOBS if state is not JobState.WAITING)


def paths(version: Row) -> list[str]:
    """Give the files that a version changes."""
    found: list[str] = json.loads(version["paths"])
    return found


def _literal(text: str) -> str:
    """Give text as LIKE takes it for itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
