# SPDX-License-Identifier: GPL-2.0
"""The one door to the bot's store, an SQLite file. What is in it: schema.py.

Any number of processes may read and write (`seriesbot why` while the bot runs); only one may be
the bot: `Store.owned` says who.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError, UserError
from seriesbot.schema import MIGRATIONS, VERSION

APPLICATION_ID = 0x6B736272  # "ksbr", as `PRAGMA application_id` has it
TIMEOUT_S = 30.0  # for another process to let go of the file

Connection = sqlite3.Connection
Row = sqlite3.Row


class Store:
    """An open store. Its rows are read by name (`row["state"]`)."""

    def __init__(self, file: Path, connection: Connection) -> None:
        self.file = file
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, file: Path, *, create: bool = False) -> Iterator[Store]:
        """Open a store, that of an earlier version brought up to date. create: where none is.

        Raises UserError when there is none, or it is of a later version, InfraError when it is no
        store or cannot be written.
        """
        if not create and not file.is_file():
            raise UserError("There is no store.", where=str(file), do="`seriesbot init` makes one")
        with _errors(file), closing(_connect(file)) as connection:
            if _version(connection, file) != VERSION:
                # Not below a bot that knows it as it was.
                with _alone(file):
                    _upgrade(connection, file)
            yield cls(file, connection)

    @classmethod
    @contextmanager
    def reading(cls, file: Path) -> Iterator[Store]:
        """Open a store of this version to read it, as it is at this moment: nothing is written.

        Raises UserError when there is none or it is of another version, InfraError when it cannot
        be read.
        """
        if not file.is_file():
            raise UserError("There is no store.", where=str(file), do="`seriesbot init` makes one")
        with _errors(file), closing(_connect(file, read_only=True)) as connection:
            if _version(connection, file) != VERSION:
                raise UserError(
                    "The store is of an earlier version.",
                    where=str(file),
                    do="start the bot, which brings it up to date",
                )
            connection.execute("BEGIN")
            yield cls(file, connection)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Write: all that happens in the block or nothing of it, on the disk when it ends.

        Other writers wait meanwhile, so do nothing in it that takes time.
        """
        with _errors(self.file):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[Row]:
        """Read rows."""
        with _errors(self.file):
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> Row | None:
        """Read the first row, None where there is none."""
        with _errors(self.file):
            found: Row | None = self._connection.execute(query, values).fetchone()
            return found

    def value(self, query: str, *values: object) -> Any:  # noqa: ANN401 - as SQLite has it
        """Read the first value of the first row, None where there is none."""
        found = self.row(query, *values)
        return found[0] if found is not None else None

    def backup(self, into: Path) -> None:
        """Copy the whole store as it is now into a file, while others write to it."""
        with _errors(self.file):
            _copy(self._connection, into)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the bot of this store. Raises UserError, with its owner, while another is.

        The kernel drops the lock when its holder dies.
        """
        with _alone(self.file):
            now = {"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
            atomicfile.write_text(_told(self.file), json.dumps(now) + "\n")
            yield


def pack(data: bytes) -> bytes:
    """Pack the content of a zlib column."""
    return zlib.compress(data, 6)


def unpack(data: bytes | None) -> bytes:
    """Give what was packed, nothing for NULL."""
    return zlib.decompress(data) if data is not None else b""


def before_upgrade(file: Path, version: int) -> Path:
    """Where a store is kept as it was when it was still of an earlier version."""
    return file.with_name(f"{file.name}.before-upgrade-of-{version}")


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Be the only one that works on a store. Raises UserError while another is."""
    # One store has one lock, by whatever links it is reached.
    file = file.resolve()
    if file.is_file() and file.stat().st_nlink > 1:
        raise UserError(
            "This store is one file with another, by a hard link; SQLite would break both.",
            where=str(file),
            do="copy it (`seriesbot backup`), and remove one of the two names",
        )
    lock = FileLock(file.with_name(f"{file.name}.lock"))
    with atomicfile.disk_errors(file):
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"Another seriesbot works on this store: {_owner(_told(file))}.",
                where=str(file),
                do="leave it the work, or end it first",
            ) from error
    try:
        yield
    finally:
        lock.release()


def _told(file: Path) -> Path:
    """Where it stands who works on a store."""
    return file.resolve().with_name(f"{file.name}.owner")


def _connect(file: Path, *, read_only: bool = False) -> Connection:
    if not read_only:
        file.parent.mkdir(parents=True, exist_ok=True)
    name = f"{file.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(name, uri=True, timeout=TIMEOUT_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return connection
    connection.execute("PRAGMA foreign_keys = ON")
    # A power failure may cost no committed transaction: what was answered is not answered again.
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _upgrade(connection: Connection, file: Path) -> None:
    """Bring a store up to date in one transaction; what it was is kept beside it."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        before = _version(connection, file)
        if 0 < before < VERSION:
            # Nobody writes any more, and what is read is what was there.
            with closing(_connect(file, read_only=True)) as reader:
                _copy(reader, before_upgrade(file, before))
        for script in MIGRATIONS[before:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _copy(connection: Connection, into: Path) -> None:
    """Copy a whole store into one file."""
    with atomicfile.new_file(into) as partial:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(partial)) as copy:
            connection.backup(copy)
            # One file, which can be copied: no log of writes beside it.
            copy.execute("PRAGMA journal_mode = DELETE")


def _version(connection: Connection, file: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    mark = int(connection.execute("PRAGMA application_id").fetchone()[0])
    empty = not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if mark != APPLICATION_ID and not (empty and version == 0):
        raise InfraError(
            "This is not a store of seriesbot.", where=str(file), do="move it out of the way"
        )
    if version > VERSION:
        raise UserError(
            f"The store is of version {version}; this seriesbot knows those up to {VERSION}.",
            where=str(file),
            do="use the seriesbot that wrote it, or a later one",
        )
    return version


def _owner(told: Path) -> str:
    try:
        found = json.loads(told.read_text())
        minutes = max(0, int(time.time()) - int(found["since"])) // 60
        return f"process {int(found['pid'])} on {found['host']}, for {minutes} min"
    except (OSError, ValueError, KeyError, TypeError):
        return "one that is just starting"


@contextmanager
def _errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a fault of ours
    except (sqlite3.DatabaseError, OSError) as error:
        raise InfraError(
            f"The store cannot be used: {error}.",
            where=str(file),
            do="see that its disk is not full and its folder writable; `seriesbot backup` makes"
            " copies that can be put in its place",
        ) from error
