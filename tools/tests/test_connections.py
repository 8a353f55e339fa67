# SPDX-License-Identifier: GPL-2.0
"""A connection that is lost while a machine gets something: made again, and gone on with."""

from __future__ import annotations

import hashlib
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.hardware import boots, connections, store
from kseries.hardware.connections import Connections, closing
from kseries.hardware.ssh import Refused, TooSlow, Unreachable
from kseries.lib.deadline import Deadline
from kseries.machines.base import TargetLost
from tests.sshserver import Server

SIZE = 1 << 20


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store; the machine is this one."""
    folder = tmp_path / "store"
    monkeypatch.setattr(store, "PLACE", str(folder))
    monkeypatch.setattr(connections, "PAUSE_S", 0.05)
    return folder


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def links(server: Server, place: Path, tmp_path: Path, notes: list[str]) -> Iterator[Connections]:
    server.cuts.clear()
    server.received.clear()
    sockets = tmp_path / "s"
    sockets.mkdir()
    with closing(Connections(("dut",), sockets, 10.0, notes.append)) as made:
        made.together()
        yield made
    server.cuts.clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "kernel"
    file.write_bytes(os.urandom(SIZE))
    return file


def put(links: Connections, source: Path) -> Path:
    return Path(links.persist(lambda: store.put(links["dut"].link, source, Deadline.after(60.0))))


def is_whole(archive: Path, source: Path) -> bool:
    with tarfile.open(archive) as opened:
        member = opened.extractfile(source.name)
        assert member is not None
        same = member.read() == source.read_bytes()
    told = Path(f"{archive}.sum").read_text()
    return same and told == f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"


def test_connections_that_were_made_at_the_same_time_last(links: Connections) -> None:
    time.sleep(0.2)
    assert links["dut"].is_up
    links["dut"].link.run("true", Deadline.after(20.0))
    assert links["dut"].is_up


def test_what_was_sent_is_not_sent_again(
    links: Connections, server: Server, source: Path, place: Path, notes: list[str]
) -> None:
    server.cuts.extend([300_000, 200_000])
    archive = put(links, source)
    assert is_whole(archive, source)
    sent = [size for size in server.received if size > 100_000]
    assert sent == [300_000, 200_000, archive.stat().st_size - 500_000]
    assert [note.rpartition(": ")[2] for note in notes] == [
        "connecting again (1 of 5 times)",
        "connecting again (2 of 5 times)",
    ]
    assert sorted(place.iterdir()) == [archive, Path(f"{archive}.sum")]
    server.received.clear()
    assert put(links, source) == archive
    assert max(server.received) < 10_000


def test_a_part_that_is_spoilt_is_begun_again(
    links: Connections, server: Server, source: Path, place: Path
) -> None:
    server.cuts.append(300_000)
    links.persist(lambda: None)
    with pytest.raises(Unreachable):
        store.put(links["dut"].link, source, Deadline.after(60.0))
    links.again()
    (part,) = place.glob("*.partial")
    part.write_bytes(os.urandom(part.stat().st_size))
    archive = put(links, source)
    assert is_whole(archive, source)
    assert list(place.glob("*.partial")) == []


def test_a_part_that_is_longer_than_all_is_begun_again(
    links: Connections, source: Path, place: Path
) -> None:
    place.mkdir()
    (place / f"{store.content(source)}.tar.0.partial").write_bytes(bytes(2 * SIZE))
    assert is_whole(put(links, source), source)


def test_whoever_sent_before_and_still_writes_spoils_nothing(
    links: Connections, server: Server, source: Path, place: Path
) -> None:
    server.cuts.append(300_000)
    with pytest.raises(Unreachable):
        store.put(links["dut"].link, source, Deadline.after(60.0))
    (part,) = place.glob("*.partial")
    with part.open("ab") as late:
        links.again()
        late.write(b"some")
        late.flush()
        done = put(links, source)
        late.write(b"more")
    assert is_whole(done, source)


def test_a_connection_that_is_lost_again_and_again_is_given_up(
    links: Connections, server: Server, source: Path, notes: list[str]
) -> None:
    server.cuts.extend([20_000] * 9)
    with pytest.raises(Unreachable):
        put(links, source)
    assert len(notes) == connections.RETRIES
    assert len(server.cuts) == 9 - connections.RETRIES - 1


def test_another_host_key_is_no_connection_to_try_again(
    links: Connections, server: Server, source: Path, notes: list[str]
) -> None:
    server.cuts.append(20_000)
    server.trust("other")
    with pytest.raises(Refused):
        put(links, source)
    assert len(notes) == 1
    assert [size for size in server.received if size > 15_000] == [20_000]


def test_a_machine_that_is_slow_is_not_asked_again(links: Connections, notes: list[str]) -> None:
    with pytest.raises(TooSlow):
        links.persist(lambda: links["dut"].link.run("sleep 20", Deadline.after(0.5)))
    assert notes == []


def test_a_machine_that_stays_away_is_given_up(
    links: Connections, server: Server, source: Path, notes: list[str]
) -> None:
    links._patience_s = 0.5
    server.cuts.append(20_000)
    server.configure("  Port 1")
    (server.folder / "config").write_text(
        (server.folder / "config").read_text().replace(f"  Port {server.port}\n", "")
    )
    with pytest.raises(Unreachable, match="runs no sshd"):
        put(links, source)
    assert len(notes) == 1


def test_who_is_to_end_does_not_connect_again(
    links: Connections, server: Server, source: Path, notes: list[str]
) -> None:
    server.cuts.append(20_000)
    links.stop = lambda: True
    with pytest.raises(Unreachable):
        put(links, source)
    assert notes == []


@pytest.fixture
def started(links: Connections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says how often a kernel was started; nothing else happens."""
    file = tmp_path / "started"
    monkeypatch.setattr(boots, "_START", f"echo started >>{file}")
    monkeypatch.setattr(boots, "GOING_S", 0.05)
    return file


def test_a_machine_that_has_not_heard_is_told_again(
    links: Connections, server: Server, started: Path
) -> None:
    before = boots.look(links["dut"].link).boot
    server.cuts.append(5)  # so much of a script does nothing
    boots.start(links["dut"], before)
    assert started.read_text() == "started\n"


def test_a_machine_that_runs_another_kernel_is_not_told_again(
    links: Connections, server: Server, started: Path
) -> None:
    server.cuts.append(5)
    boots.start(links["dut"], "another boot")
    assert not started.exists()


def test_a_machine_that_does_not_answer_is_on_its_way(
    links: Connections, server: Server, started: Path
) -> None:
    before = boots.look(links["dut"].link).boot
    server.cuts.append(5)
    server.configure("  ProxyCommand false")
    boots.start(links["dut"], before)
    assert not started.exists()


def test_nothing_is_loaded_in_another_boot(links: Connections) -> None:
    with pytest.raises(TargetLost, match="was booted while"):
        boots.load(links["dut"].link, "another boot", "/nowhere", "", ())


def test_a_machine_that_is_about_to_start_a_kernel_is_waited_for(
    links: Connections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "starts"
    monkeypatch.setattr(boots, "STARTS", str(file))
    running = boots.look(links["dut"].link)
    assert (running.goes, boots.wait(links["dut"], "", Deadline.after(20.0))) == (False, running)
    file.write_text(f"{running.boot}\n")
    assert boots.look(links["dut"].link).goes
    assert boots.wait(links["dut"], "", Deadline.after(0.5)) is None
    file.write_text("another boot\n")
    assert boots.wait(links["dut"], "", Deadline.after(20.0)) == running
