# SPDX-License-Identifier: GPL-2.0
"""What tests did in earlier runs of this user: how often they failed, how often they were flaky.

An SQLite file in the cache folder, kseries' only one. It can be deleted at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import InfraError
from kseries.model import Case, ProgramResult, RunResult, Status
from kseries.parse.casetree import leaves
from kseries.parse.outcome import label_of

KEPT_RUNS = 500  # older ones are forgotten
TIMEOUT_S = 10.0  # for another run to let go of the file
VERSION = 1

_TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, started TEXT NOT NULL,
    stack TEXT NOT NULL, config TEXT NOT NULL, head TEXT NOT NULL
);
CREATE TABLE test (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE outcome (
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    test INTEGER NOT NULL REFERENCES test (id),
    failed INTEGER NOT NULL, flaky INTEGER NOT NULL,
    PRIMARY KEY (test, run)
) WITHOUT ROWID;
"""

# Of the runs that the file holds. A test that was skipped did not run.
_ABOUT = """
SELECT test.name, count(*), sum(failed), sum(flaky),
       coalesce(max(CASE WHEN flaky THEN run.started END), ''),
       coalesce(max(CASE WHEN failed THEN run.started END), '')
FROM outcome JOIN test ON test.id = outcome.test JOIN run ON run.id = outcome.run
GROUP BY test.id HAVING sum(failed) > 0
ORDER BY sum(flaky) DESC, sum(failed) DESC, test.name
"""


@dataclass(frozen=True)
class Past:
    """How a test did so far. Flaky outcomes are among the failures; times are ISO 8601, UTC."""

    test: str  # "suite/program: case"
    runs: int
    failed: int
    flaky: int
    last_flaky: str  # "" where it never was
    last_failed: str

    def __str__(self) -> str:
        """Tell it in a sentence."""
        return (
            f"{self.test} was flaky in {self.flaky} of {self.runs} runs"
            f" and failed in {self.failed - self.flaky}"
        )


def add(file: Path, result: RunResult) -> None:
    """Remember what the tests of a run did. A run that is there already is replaced.

    Raises InfraError when the file is no history or cannot be written.
    """
    outcomes = list(_outcomes(result.programs))
    with _opened(file) as base:
        base.execute("DELETE FROM run WHERE name = ?", [result.run])
        facts = result.provenance
        row = (result.run, result.started, result.stack, facts.config, facts.head_commit)
        added = base.execute(
            "INSERT INTO run (name, started, stack, config, head) VALUES (?, ?, ?, ?, ?)", row
        )
        base.executemany(
            "INSERT OR IGNORE INTO test (name) VALUES (?)", [[name] for name, *_ in outcomes]
        )
        base.executemany(
            "INSERT OR REPLACE INTO outcome SELECT ?, id, ?, ? FROM test WHERE name = ?",
            [(added.lastrowid, failed, flaky, name) for name, failed, flaky in outcomes],
        )
        base.execute(
            "DELETE FROM run WHERE id NOT IN (SELECT id FROM run ORDER BY id DESC LIMIT ?)",
            [KEPT_RUNS],
        )


def read(file: Path) -> tuple[Past, ...]:
    """Give all tests that have failed so far, those that are flaky most often first.

    Raises InfraError when the file is no history.
    """
    if not file.is_file():
        return ()
    with _opened(file) as base:
        return tuple(Past(*row) for row in base.execute(_ABOUT))


def about(file: Path, programs: Sequence[ProgramResult]) -> tuple[str, ...]:
    """Tell of each test that is not good now how often it was flaky before; else nothing."""
    bad = {name for name, failed, _flaky in _outcomes(programs) if failed}
    return tuple(str(past) for past in read(file) if past.test in bad and past.flaky)


def _outcomes(programs: Sequence[ProgramResult]) -> Iterator[tuple[str, bool, bool]]:
    """Give what is remembered: name of a test, whether it failed, whether it was flaky."""
    for program in programs:
        cases = [case for case in leaves(program.cases) if _ran(case)]
        for case in cases:
            yield f"{label_of(program)}: {case.name}", not case.status.good, case.flaky
        if not program.status.good and all(case.status.good for case in cases):
            yield label_of(program), True, program.flaky


def _ran(case: Case) -> bool:
    return case.status not in (Status.SKIP, Status.MISSING)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, made when it is not there; what the block does is done whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=TIMEOUT_S)) as base, base:
            base.execute("PRAGMA foreign_keys = ON")
            base.execute("BEGIN IMMEDIATE")
            version = base.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for table in filter(str.strip, _TABLES.split(";")):
                    base.execute(table)
                base.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise sqlite3.DatabaseError(f"it is of version {version}, not {VERSION}")
            yield base
    except (sqlite3.Error, OSError) as error:
        raise InfraError(
            f"The history of tests cannot be used: {error}.",
            where=str(file),
            do="delete it: only how often tests were flaky is lost",
        ) from error
