# SPDX-License-Identifier: GPL-2.0
"""Rules of keeping a console that one small change of a line would break."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kseries.lib.errors import InfraError
from kseries.machines import consolelog
from kseries.machines.consolelog import ConsoleLog, TimedLines, _Part

MIB = 1 << 20


@contextmanager
def opened(
    file: Path, lines: TimedLines | None = None
) -> Iterator[tuple[ConsoleLog, socket.socket, TimedLines]]:
    """Give a console, what writes to it, and its lines."""
    ours, theirs = socket.socketpair()
    kept: TimedLines = [] if lines is None else lines
    log = ConsoleLog(ours, file, kept)
    try:
        yield log, theirs, kept
    finally:
        theirs.close()
        log.close()


def texts(lines: TimedLines) -> list[str]:
    return [line for _, line in lines]


def come(log: ConsoleLog, theirs: socket.socket, *lines: bytes) -> None:
    """Have lines come, and wait until they were read."""
    log.expect("all has come")
    theirs.sendall(b"".join(line + b"\n" for line in (*lines, b"all has come")))
    assert log.wait_expected(10.0, 10.0)


def test_the_bounds() -> None:
    assert (consolelog.PART_HEAD, consolelog.PART_TAIL) == (4 * MIB, MIB)
    assert consolelog.MUCH == 48 * MIB
    assert (consolelog.SMALL_HEAD, consolelog.SMALL_TAIL) == (256 << 10, 64 << 10)


# ---- what is kept of a part


def part(*taken: bytes, head: int = 10, tail: int = 6) -> tuple[list[bytes], list[bytes], int]:
    """Give what of lines is kept at once, what at the end, and how many are lost."""
    kept = _Part(head, tail)
    first = [line for each in taken for _, line in kept.take([(0.0, each)])]
    rest, lost = kept.end()
    return first, [line for _, line in rest], lost


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        # With their ends, two lines are as much as the head holds, and one and a half the tail.
        ((b"1111", b"2222"), ([b"1111", b"2222"], [], 0)),
        ((b"1111", b"2222", b"3"), ([b"1111", b"2222"], [b"3"], 0)),
        ((b"1111", b"22222", b"3"), ([b"1111"], [b"3"], 1)),
        ((b"x" * 9, b"22", b"33"), ([b"x" * 9], [b"22", b"33"], 0)),
        ((b"x" * 9, b"22", b"33", b""), ([b"x" * 9], [b"33", b""], 1)),
        ((b"x" * 9, b"22", b"333", b"4"), ([b"x" * 9], [b"333", b"4"], 1)),
        # A line that is too long for all is kept where it is the last one.
        ((b"x" * 10, b"y" * 50), ([], [b"y" * 50], 1)),
        # Behind one that did not fit, none is of the head.
        ((b"1111", b"x" * 20, b""), ([b"1111"], [b""], 1)),
    ],
)
def test_of_a_part_the_head_and_the_tail_are_kept(
    taken: tuple[bytes, ...], expected: tuple[list[bytes], list[bytes], int]
) -> None:
    assert part(*taken) == expected


def test_lines_that_come_together_are_counted_together() -> None:
    kept = _Part(10, 6)
    lines = [(0.0, b"1111"), (1.0, b"22222")]
    assert kept.take(lines) == []
    assert kept.end() == ([lines[1]], 1)


# ---- the console


def test_lines_of_an_earlier_boot_count(tmp_path: Path) -> None:
    with opened(tmp_path / "log", [(0.0, "earlier")] * 3) as (log, theirs, _):
        come(log, theirs, b"[1.0] one", b"[1.1] Kernel panic - not syncing: x", b"rest")
        assert log.watcher.death_line == 5
    with opened(tmp_path / "other") as (log, theirs, _):
        come(log, theirs, b"[1.1] Kernel panic - not syncing: x")
        assert log.watcher.death_line == 1


def test_nothing_is_wrong_with_one_that_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, lines):
        come(log, theirs, b"one")
        log.raise_error()
        assert select.select([log.wake], [], [], 0)[0] == []
        assert not log.wait_ended(0.0)
        (thread,) = [each for each in threading.enumerate() if each.name == "console"]
        assert thread.daemon
        # What comes is in the file at once.
        assert (tmp_path / "log").read_text() == "one\nall has come\n"
    assert not thread.is_alive()
    assert texts(lines) == ["one", "all has come"]
    assert log._stream.fileno() == -1
    assert log._sink is not None
    assert log._sink.closed
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(log.wake)


def test_the_end_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, lines):
        log.expect("never")
        theirs.sendall(b"no end of line")
        theirs.close()
        assert log.wait_ended(10.0)
        assert os.eventfd_read(log.wake) == 1
        assert not log.wait_expected(60.0, 60.0)
        assert texts(lines) == ["no end of line"]


def test_what_is_quiet_is_not_waited_for_long(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, _):
        for seconds, quiet in ((3600.0, 0.05), (0.05, 3600.0)):
            log.expect("never")
            assert not log.wait_expected(seconds, quiet)
        # What nobody waits for any more is not found later.
        theirs.sendall(b"never\n")
        come(log, theirs)
        assert log.wait_expected(0.0, 0.0)


def test_as_long_as_lines_come_one_is_waited_for(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, _):

        def chatter() -> None:
            for _ in range(20):
                theirs.sendall(b"noise\n")
                time.sleep(0.02)
            theirs.sendall(b"the mark\n")

        log.expect("the mark")
        thread = threading.Thread(target=chatter)
        thread.start()
        assert log.wait_expected(60.0, 10.0)
        thread.join()


def test_a_thread_that_is_late_is_waited_for_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "log") as (log, theirs, _):
        monkeypatch.setattr(log, "_has_more", lambda: True)
        log.expect("the mark")
        later = threading.Timer(0.2, theirs.sendall, (b"the mark\n",))
        later.start()
        assert log.wait_expected(60.0, 0.05)
        later.join()
        log.expect("never")
        assert not log.wait_expected(0.1, 0.01)


def test_notes_come_behind_what_has_come(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, lines):
        come(log, theirs, b"one")
        log.note(["ours \udcff", "more"])
        come(log, theirs, b"two")
        assert log.end_part() == 0
        told = ["one", "all has come", "ours ?", "more", "two", "all has come"]
        assert texts(lines) == told
        assert lines == sorted(lines, key=lambda line: line[0])
    assert (tmp_path / "log").read_text().splitlines() == told


def test_notes_come_behind_what_was_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consolelog, "PART_HEAD", 2)
    monkeypatch.setattr(consolelog, "PART_TAIL", 14)
    with opened(tmp_path / "log") as (log, theirs, lines):
        come(log, theirs, b"two", b"three")
        log.note(["ours"])
    assert texts(lines)[-2:] == ["all has come", "ours"]


def test_the_end_of_the_last_part_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consolelog, "PART_HEAD", 2)
    monkeypatch.setattr(consolelog, "PART_TAIL", 14)
    with opened(tmp_path / "log") as (log, theirs, lines):
        come(log, theirs, b"two", b"three")
    assert texts(lines)[-2:] == [
        "# kseries: 2 lines of the console were left out here", "all has come"
    ]  # fmt: skip
    assert (tmp_path / "log").read_text().splitlines() == texts(lines)


def test_a_console_is_let_go_whether_or_not_the_machine_does(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        log = ConsoleLog(ours, tmp_path / "log", [])
        log.close()
        assert theirs.recv(1) == b""


def test_keys_are_typed_one_by_one(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, _):
        log.sysrq("lw")
        assert theirs.recv(100) == b"\x01bl\x01bw"
        theirs.close()
        log.sysrq("t")  # nobody is there any more


def test_the_kernel_has_time_for_each_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "log") as (log, theirs, _):
        taken: list[bytes] = []
        monkeypatch.setattr(log, "wait_ended", lambda _: taken.append(theirs.recv(100)))
        log.sysrq("lw")
    assert taken == [b"\x01bl", b"\x01bw"]


def test_the_first_error_is_told(tmp_path: Path) -> None:
    with opened(Path("/dev/full")) as (log, theirs, lines):
        theirs.sendall(b"one\n")
        assert select.select([log.wake], [], [], 10.0)[0] == [log.wake]
        first = log._error
        assert first is not None
        log._fail(OSError(errno.EIO, "later"))
        assert log._error is first
        # The guest is not held up.
        for _ in range(100):
            theirs.sendall(b"x" * 100_000)
        log.note(["ours"])
        assert lines == []


def test_after_an_error_nothing_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as (log, theirs, lines):
        come(log, theirs, b"one")
        log._fail(OSError(errno.EIO, "once"))
        log.note(["ours"])
        assert texts(lines) == ["one", "all has come"]
    with (
        Path("/dev/full").open("ab", buffering=0) as full,
        opened(tmp_path / "other") as (log, theirs, lines),
    ):
        come(log, theirs, b"one")
        assert log._sink is not None
        log._sink.close()
        log._sink = full
        log.note(["ours"])
        with pytest.raises(InfraError, match="The disk is full"):
            log.raise_error()


def test_what_was_kept_before_leaves_less_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consolelog, "MUCH", 20)
    with opened(tmp_path / "log") as (log, theirs, _):
        come(log, theirs, b"one line and")
        log.end_part()
        assert (log._part._room, log._part._most) == (256 << 10, 64 << 10)


def test_a_file_that_cannot_be_opened_does_not_hold_up_the_guest(tmp_path: Path) -> None:
    with opened(tmp_path / "none" / "log") as (log, theirs, lines):
        for _ in range(100):
            theirs.sendall(b"x" * 100_000)
        theirs.close()
        assert log.wait_ended(10.0)
        assert isinstance(log._error, FileNotFoundError)
        assert lines == []
