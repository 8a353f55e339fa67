# SPDX-License-Identifier: GPL-2.0
"""The store: made, upgraded, refused, copied while it is written, owned by one bot at a time."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kseries.lib.errors import InfraError, UserError
from seriesbot import schema
from seriesbot.store import Store, pack, unpack


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_a_store_is_made_when_that_is_asked_for(file: Path) -> None:
    with pytest.raises(UserError, match="There is no store"), Store.opened(file):
        pass
    with Store.opened(file, create=True) as store, store.transaction() as write:
        write.execute("INSERT INTO inbox (name) VALUES ('lkml')")
    with Store.opened(file) as store:
        assert store.value("SELECT name FROM inbox") == "lkml"
        assert store.value("PRAGMA user_version") == schema.VERSION
        assert store.value("PRAGMA journal_mode") == "wal"


def test_a_transaction_that_fails_leaves_nothing(file: Path) -> None:
    with Store.opened(file, create=True) as store:
        with suppress(ZeroDivisionError), store.transaction() as write:
            write.execute("INSERT INTO inbox (name) VALUES ('lkml')")
            raise ZeroDivisionError
        assert store.rows("SELECT * FROM inbox") == []


def test_a_store_of_an_earlier_version_is_upgraded(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.opened(file, create=True) as store, store.transaction() as write:
        write.execute("INSERT INTO inbox (name) VALUES ('lkml')")
    more = "CREATE TABLE later (id INTEGER PRIMARY KEY); INSERT INTO later VALUES (7);"
    monkeypatch.setattr("seriesbot.store.MIGRATIONS", (*schema.MIGRATIONS, more))
    monkeypatch.setattr("seriesbot.store.VERSION", schema.VERSION + 1)
    with Store.opened(file) as store:
        assert store.value("SELECT id FROM later") == 7
        assert store.value("SELECT name FROM inbox") == "lkml"
    with Store.opened(file) as store:  # once
        assert store.value("SELECT count(*) FROM later") == 1


def test_a_store_is_not_upgraded_below_a_bot_that_works_on_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.opened(file, create=True) as store, store.owned():
        monkeypatch.setattr("seriesbot.store.MIGRATIONS", (*schema.MIGRATIONS, "SELECT 1;"))
        monkeypatch.setattr("seriesbot.store.VERSION", schema.VERSION + 1)
        with pytest.raises(UserError, match="Another seriesbot works on this store"):
            Store.opened(file).__enter__()
        assert store.value("PRAGMA user_version") == schema.VERSION
    with Store.opened(file) as store:
        assert store.value("PRAGMA user_version") == schema.VERSION + 1


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.opened(file, create=True):
        pass
    broken = "CREATE TABLE later (id INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (7);"
    monkeypatch.setattr("seriesbot.store.MIGRATIONS", (*schema.MIGRATIONS, broken))
    monkeypatch.setattr("seriesbot.store.VERSION", schema.VERSION + 1)
    with pytest.raises(InfraError), Store.opened(file):
        pass
    monkeypatch.undo()
    with Store.opened(file) as store:
        assert store.value("SELECT count(*) FROM sqlite_schema WHERE name = 'later'") == 0


def test_a_later_store_is_refused(file: Path) -> None:
    with Store.opened(file, create=True):
        pass
    with closing(sqlite3.connect(file)) as raw:
        raw.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(UserError, match=f"of version {schema.VERSION + 1}"), Store.opened(file):
        pass


@pytest.mark.parametrize("content", [b"no database " * 100, None])
def test_what_is_no_store_is_refused_and_kept(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    else:
        with closing(sqlite3.connect(file)) as raw:
            raw.execute("CREATE TABLE other (id)")
    before = file.read_bytes()
    with pytest.raises(InfraError), Store.opened(file):
        pass
    assert file.read_bytes() == before


def test_a_backup_is_whole_while_the_store_is_written(file: Path, tmp_path: Path) -> None:
    with Store.opened(file, create=True) as store, Store.opened(file) as other:
        with store.transaction() as write:
            write.execute("INSERT INTO inbox (name) VALUES ('lkml')")
        with other.transaction() as write:
            write.execute("INSERT INTO inbox (name) VALUES ('netdev')")
            store.backup(tmp_path / "copy")
    with Store.opened(tmp_path / "copy") as copy:
        assert [row["name"] for row in copy.rows("SELECT name FROM inbox")] == ["lkml"]


HOLD = """
import sys
from pathlib import Path
from seriesbot.store import Store
with Store.opened(Path(sys.argv[1])) as store, store.owned():
    print("owned", flush=True)
    sys.stdin.read()
"""


def test_a_second_bot_is_refused_and_told_who_the_first_is(file: Path) -> None:
    with Store.opened(file, create=True) as store:
        first = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert first.stdin is not None
        assert first.stdout is not None
        try:
            assert first.stdout.readline() == b"owned\n"
            with (
                pytest.raises(UserError, match=f"process {first.pid} on .*, for 0 min"),
                store.owned(),
            ):
                pass
            # Others read and write meanwhile.
            with store.transaction() as write:
                write.execute("INSERT INTO inbox (name) VALUES ('lkml')")
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            with store.owned():
                pass
        finally:
            first.kill()
            first.wait()
            first.stdin.close()
            first.stdout.close()


def test_packed_columns() -> None:
    assert unpack(pack(b"mail\n" * 1000)) == b"mail\n" * 1000
    assert len(pack(b"mail\n" * 1000)) < 100
    assert unpack(None) == b""
