# SPDX-License-Identifier: GPL-2.0
"""The lock on a lab machine: one has it, the others are told who, and nothing is taken unasked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware import lock
from kseries.hardware.holder import OnDut
from kseries.hardware.lock import Held, Seen
from kseries.hardware.ssh import Link, connected
from kseries.lib.errors import InfraError
from tests.sshserver import Server

HOUR = 3600


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lock's file; the machine is this one."""
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "var"))
    monkeypatch.setattr(lock, "PLACE", str(tmp_path / "var/lock"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "us"))
    return tmp_path / "var/lock"


@pytest.fixture
def link(server: Server, place: Path) -> Iterator[Link]:
    with connected(("dut",)) as links:
        yield links.by_host["dut"]


@pytest.fixture
def others(link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """A lock that somebody else has."""
    with pytest.MonkeyPatch.context() as there:
        there.setenv("XDG_STATE_HOME", str(tmp_path / "them"))
        there.setattr(lock, "owner", lambda: "eve@far")
        return lock.take(link, "bnxt")


def written(place: Path, **values: object) -> None:
    place.write_text(json.dumps({**json.loads(place.read_text()), **values}) + "\n")


def test_a_free_machine_is_taken_and_given_back(link: Link, place: Path) -> None:
    assert lock.look(link).told() == "free"
    seen = lock.take(link, "zcrx v8")
    assert seen.is_of(lock.token("dut"))
    assert seen.told() == f"held by {lock.owner()} for 0 min (zcrx v8)"
    assert lock.release(link).told() == "free"
    assert not place.exists()
    assert lock.token("dut") == ""


def test_nothing_is_printed_but_the_answer(link: Link, place: Path) -> None:
    script = lock.SCRIPT.format(folder=lock.FOLDER, place=lock.PLACE, action=":")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 3


def test_another_user_is_told_who_has_it(link: Link, others: Seen) -> None:
    with pytest.raises(Held) as caught:
        lock.take(link, "")
    assert caught.value.what == "dut is held by eve@far for 0 min (bnxt)."
    assert "--take-over" in caught.value.do
    assert lock.look(link) == replace(others, now=lock.look(link).now)


def test_what_another_has_is_not_given_back(link: Link, others: Seen) -> None:
    with pytest.raises(Held):
        lock.release(link)
    assert lock.look(link).mark == others.mark


def test_a_lock_is_taken_over_only_when_that_is_asked_for(
    link: Link, others: Seen, place: Path
) -> None:
    now = lock.look(link).now
    written(place, since=now - 50 * HOUR, renewed=now - 13 * HOUR)
    seen = lock.look(link)
    assert seen.stale
    assert seen.told() == "held by eve@far for 2 days (bnxt); stale: not renewed for 13 h 0 min"
    with pytest.raises(Held, match="stale"):
        lock.take(link, "")
    taken = lock.take(link, "", take_over=True)
    assert taken.is_of(lock.token("dut"))
    assert taken.told() == f"held by {lock.owner()} for 0 min"


def test_a_lock_that_is_renewed_is_not_stale(link: Link, place: Path) -> None:
    first = lock.take(link, "")
    assert first.lock is not None
    written(place, since=first.now - 50 * HOUR, renewed=first.now - 13 * HOUR)
    seen = lock.take(link, "")
    assert seen.lock is not None
    assert not seen.stale
    assert seen.lock.since == first.now - 50 * HOUR


def test_a_lock_is_stale_after_12_hours_and_not_before(link: Link, others: Seen) -> None:
    assert others.lock is not None
    assert not replace(others, now=others.lock.renewed + 12 * HOUR).stale
    assert replace(others, now=others.lock.renewed + 12 * HOUR + 1).stale


@pytest.mark.parametrize("data", [b"", b"{\n", b"\x00\xff\n\n x", b'{"token": 7}', b"a\nb\n"])
def test_a_lock_that_cannot_be_read_is_one(link: Link, place: Path, data: bytes) -> None:
    lock.look(link)
    place.write_bytes(data)
    seen = lock.look(link)
    assert (seen.lock, seen.stale) == (None, True)
    with pytest.raises(Held, match="nobody knows whom"):
        lock.take(link, "")
    assert place.read_bytes() == data
    assert lock.take(link, "", take_over=True).is_of(lock.token("dut"))


def test_of_many_at_once_one_gets_it(link: Link, place: Path) -> None:
    free = lock.look(link)
    scripts = [
        lock.SCRIPT.format(
            folder=lock.FOLDER, place=lock.PLACE, action=lock._write(free, f"token{number}", "")
        )
        for number in range(12)
    ]
    running = [subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) for script in scripts]
    outputs = [child.communicate()[0] for child in running]
    assert {child.returncode for child in running} == {0}
    token = json.loads(place.read_text())["token"]
    # All but those before the first have seen the one that got it.
    assert all(token.encode() in output for output in outputs)


def test_what_changed_meanwhile_is_not_taken_over(link: Link, others: Seen, place: Path) -> None:
    written(place, owner="mallory@near")
    seen = lock._change(link, lock._write(others, "mine", ""))
    assert seen.lock is not None
    assert seen.lock.owner == "mallory@near"


def test_it_is_held_for_a_time(link: Link, place: Path) -> None:
    def work() -> None:
        with lock.holding(link, "for a moment"):
            assert "for a moment" in place.read_text()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not place.exists()


def test_what_was_ours_before_stays_ours(link: Link, place: Path) -> None:
    lock.take(link, "all day")
    with lock.holding(link, "for a moment"):
        pass
    assert "all day" in place.read_text()


def test_what_a_killed_command_left_goes_with_the_next(link: Link, place: Path) -> None:
    lock.take(link, "was killed", kept=False)
    with lock.holding(link, "again"):
        assert "again" in place.read_text()
    assert not place.exists()


def test_two_of_ours_do_not_work_there_at_once(link: Link) -> None:
    with (
        lock.holding(link, "one"),
        pytest.raises(InfraError, match="Another kseries"),
        lock.holding(link, "two"),
    ):
        pass


def test_a_free_machine_is_had_and_given_back_with_two_commands(link: Link, server: Server) -> None:
    server.received.clear()
    with lock.holding(link, "for a moment"):
        pass
    assert len(server.received) == 2


def test_what_was_renewed_meanwhile_is_given_back(link: Link, place: Path) -> None:
    with lock.holding(link, "for a moment"):
        lock.take(link, "renewed", kept=False)
    assert not place.exists()


def test_what_was_taken_over_meanwhile_is_not_given_back(link: Link, place: Path) -> None:
    with pytest.raises(Held), lock.holding(link, "for a moment"):
        written(place, token="another")
    assert place.exists()
    assert not OnDut(link).vouches()


def test_who_was_refused_does_not_vouch_for_the_machine(link: Link, others: Seen) -> None:
    with pytest.raises(Held), lock.holding(link, ""):
        raise AssertionError
    # When it does not answer later, nobody of us may switch it off.
    assert not OnDut(link).vouches()


def test_what_others_have_is_not_worked_on(link: Link, others: Seen) -> None:
    with pytest.raises(Held), lock.holding(link, ""):
        raise AssertionError


def test_after_a_crash_its_owner_goes_on(link: Link, place: Path) -> None:
    lock.take(link, "a run that was killed")
    assert lock.take(link, "resumed").is_of(lock.token("dut"))


def test_a_machine_that_cannot_keep_it_is_told(link: Link, place: Path) -> None:
    lock.look(link)
    (place.parent / "lock.new").mkdir()  # as on a full disk, nothing can be written
    with pytest.raises(InfraError, match="cannot be changed"):
        lock.take(link, "")
    assert not place.exists()


def test_a_reason_may_be_any_text(link: Link) -> None:
    why = 'it\'s "mine" $HOME %s \\n `x` ä'
    seen = lock.take(link, why)
    assert seen.lock is not None
    assert seen.lock.why == why


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-5, "0 min"), (59, "0 min"), (3599, "59 min"), (3600, "1 h 0 min"), (172799, "47 h 59 min"),
     (172800, "2 days")],
)  # fmt: skip
def test_ages(seconds: int, told: str) -> None:
    assert lock.age(seconds) == told


def test_on_the_command_line(
    server: Server, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lab1.toml"
    file.write_text(
        'kind = "ssh"\ntitle = "this host"\n[dut]\nhost = "dut"\ninterface = "lo"\n'
        'driver = "x"\n[peer]\nhost = "peer"\ninterface = "lo"\n'
    )
    target = str(file)
    assert main(["hw", "lock", target, "--show"]) == 0
    assert capsys.readouterr().out == "dut is free.\n"
    assert main(["hw", "lock", target, "--why", "zcrx"]) == 0
    assert "that is you" in capsys.readouterr().out
    assert main(["hw", "lock", target, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["yours"], told["lock"]["owner"]) == (True, lock.owner())
    assert "token" not in told["lock"]
    written(place, token="another")
    assert main(["hw", "lock", target, "--show"]) == 1
    assert main(["hw", "lock", target]) == 3
    assert main(["hw", "unlock", target]) == 3
    assert main(["hw", "lock", target, "--take-over"]) == 0
    assert main(["hw", "unlock", target]) == 0
    assert not place.exists()
