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
from seriesbot.store import Store, before_upgrade, pack, unpack


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


# ---- from version 1


DUMP = Path(__file__).parent / "data/store-1.sql"


@pytest.fixture
def first(file: Path) -> Path:
    """A store as seriesbot made it before version 2, with its log of writes beside it."""
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(DUMP.read_text())
        raw.execute("PRAGMA journal_mode = WAL")
    return file


def content(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        return list(raw.iterdump())


def rows(file: Path) -> dict[str, list[dict[str, object]]]:
    """Give the rows of each table."""
    with closing(sqlite3.connect(file)) as raw:
        raw.row_factory = sqlite3.Row
        tables = raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name: [*map(dict, raw.execute(f"SELECT * FROM {name}"))] for (name,) in tables}


def version_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as raw:
        return int(raw.execute("PRAGMA user_version").fetchone()[0])


def tables(file: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as raw:
        rows = raw.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {(name, " ".join(sql.split())) for name, sql in rows}


def test_a_store_of_version_1_is_upgraded_and_kept_as_it_was(first: Path, tmp_path: Path) -> None:
    before, had = content(first), rows(first)
    with Store.opened(first) as store:
        assert store.value("PRAGMA user_version") == schema.VERSION
        assert store.value("SELECT address FROM optout") == "x@example.org"
        assert store.value("SELECT count(*) FROM message WHERE raw IS NOT NULL") == 3
        assert store.value("SELECT count(*) FROM submission") == 0
    has = rows(first)
    for table, each in had.items():
        # A column may be new, and nothing else is.
        assert [now | was for was, now in zip(each, has[table], strict=True)] == has[table], table
    kept = before_upgrade(first, 1)
    assert version_of(kept) == 1
    assert content(kept) == before
    # It is one like those that are made now.
    with Store.opened(tmp_path / "new.sqlite", create=True):
        pass
    assert tables(first) == tables(tmp_path / "new.sqlite")


def test_only_an_upgrade_keeps_a_copy(file: Path) -> None:
    with Store.opened(file, create=True):
        pass
    with Store.opened(file):
        pass
    assert list(file.parent.glob("*before*")) == []


def test_without_a_copy_there_is_no_upgrade(first: Path) -> None:
    before = content(first)
    place = before_upgrade(first, 1)
    place.mkdir()
    (place / "x").touch()
    with pytest.raises(InfraError), Store.opened(first):
        pass
    assert (version_of(first), content(first)) == (1, before)
    (place / "x").unlink()
    place.rmdir()
    with Store.opened(first) as store:
        assert store.value("PRAGMA user_version") == schema.VERSION


def test_the_copy_has_what_others_wrote_until_then(first: Path) -> None:
    with closing(sqlite3.connect(first, isolation_level=None)) as other:
        other.execute("INSERT INTO optout VALUES ('y@example.org', 5, 'm@x')")
        # Its write is in the log beside the store yet.
        with Store.opened(first):
            pass
    with closing(sqlite3.connect(before_upgrade(first, 1))) as kept:
        found = kept.execute("SELECT address FROM optout ORDER BY address").fetchall()
    assert found == [("x@example.org",), ("y@example.org",)]


def test_a_store_of_version_1_is_not_shown(first: Path) -> None:
    with pytest.raises(UserError, match="of an earlier version"), Store.reading(first):
        pass
    assert version_of(first) == 1


UPGRADE = """
import sys
from pathlib import Path
from seriesbot import store
print("ready", flush=True)
with store.Store.opened(Path(sys.argv[1])):
    pass
"""


@pytest.mark.parametrize("wait_ms", [1, 8, 20])
def test_a_kill_during_an_upgrade_leaves_the_one_or_the_other(first: Path, wait_ms: int) -> None:
    argv = [sys.executable, "-c", UPGRADE, str(first)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            child.wait(wait_ms / 1000)
        child.kill()
    assert version_of(first) in (1, schema.VERSION)
    with Store.opened(first) as store:
        assert store.value("SELECT address FROM optout") == "x@example.org"
        assert store.value("PRAGMA user_version") == schema.VERSION
    assert version_of(before_upgrade(first, 1)) == 1


# ---- two bots


def test_a_store_that_is_reached_by_two_names_is_one(file: Path, tmp_path: Path) -> None:
    with Store.opened(file, create=True) as store, store.owned():
        (tmp_path / "other").mkdir()
        link = tmp_path / "other/store.sqlite"
        link.symlink_to(file)
        told = f"process {os.getpid()} on "
        with Store.opened(link) as same, pytest.raises(UserError, match=told), same.owned():
            pass


def test_a_store_that_is_one_file_with_another_is_worked_on_by_nobody(file: Path) -> None:
    with Store.opened(file, create=True):
        pass
    other = file.with_name("other.sqlite")
    other.hardlink_to(file)  # as `cp -al` does it
    for one in (file, other):
        with (
            Store.opened(one) as store,
            pytest.raises(UserError, match="by a hard link"),
            store.owned(),
        ):
            pass
    other.unlink()
    with Store.opened(file) as store, store.owned():
        pass
