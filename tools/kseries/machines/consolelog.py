# SPDX-License-Identifier: GPL-2.0
"""The console of a machine: read as it comes, timed, kept in a file, watched."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from kseries.lib import atomicfile
from kseries.lib.bounded import MIB, ByteLines
from kseries.lib.deadline import Deadline
from kseries.machines import console

READ_SIZE = 1 << 16

# Bytes of a part of the console, from one mark to the next, that are kept as they come, and those
# at its end. A test that prints without end must not fill disk and memory. Once all parts together
# have so much, further ones have little room.
PART_HEAD, PART_TAIL = 4 * MIB, 1 * MIB
MUCH, SMALL_HEAD, SMALL_TAIL = 48 * MIB, 256 << 10, 64 << 10

TimedLines = list[tuple[float, str]]


class ConsoleLog:
    """Reads a console as it comes, in a thread of its own: times its lines, keeps it in a file.

    A thread, as arrival times must be right and the guest must not be held up while the main
    thread does other things. It starts no programs.
    """

    def __init__(self, stream: socket.socket, file: Path, lines: TimedLines) -> None:
        """Start to read `stream`; append to `file` and `lines`, line by line the same."""
        self.watcher = console.Watcher()
        self.wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._stream = stream
        self._file = file
        self._sink: IO[bytes] | None = None
        self._lines = lines
        self._size = file.stat().st_size if file.is_file() else 0
        self._part = self._new_part()
        self._awaited = ""  # a text that no other line has
        self._changed = threading.Condition()  # of all that both threads use
        self._ended = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._read, name="console", daemon=True)
        self._thread.start()

    def raise_error(self) -> None:
        """Raise InfraError when the file could not be written."""
        if self._error is not None:
            with atomicfile.disk_errors(self._file):
                raise self._error

    def wait_ended(self, seconds: float) -> bool:
        """Wait until the machine has closed its console; tell whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, seconds)

    def expect(self, text: str) -> None:
        """Say which text `wait_expected` is to wait for, before it can come."""
        with self._changed:
            self._awaited = text

    def wait_expected(self, seconds: float, quiet: float) -> bool:
        """Wait until a line with the expected text has come; tell whether it has.

        At most that many seconds, and no longer than `quiet` seconds without any line.
        """
        deadline = Deadline.after(seconds)
        with self._changed:
            while self._awaited and not (self._ended or deadline.expired):
                changed = self._changed.wait(min(quiet, deadline.remaining()))
                if not (changed or self._has_more()):
                    break
            came, self._awaited = not self._awaited, ""
        return came

    def end_part(self) -> int:
        """Begin a new part, with room of its own; give how many lines of the last were too many."""
        with self._changed:
            return self._end_part()

    def note(self, lines: Iterable[str]) -> None:
        """Put lines of ours behind those that have come."""
        with self._changed:
            self._end_part()
            now = time.monotonic()
            self._keep([(now, line.encode(errors="replace")) for line in lines])

    def sysrq(self, keys: str) -> None:
        """Type magic SysRq keys on the console; a kernel that hangs too deep does not see them."""
        for key in keys:
            with suppress(OSError):
                self._stream.send(b"\x01b" + key.encode())
            # The kernel takes one key for each break.
            self.wait_ended(0.3)

    def close(self) -> None:
        """Stop reading."""
        # Wakes the thread from recv when QEMU did not.
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        with self._changed:
            self._end_part()
            if self._sink is not None:
                self._sink.close()
        self._stream.close()
        os.close(self.wake)

    # ---- in the thread

    def _read(self) -> None:
        cutter = ByteLines()
        try:
            # Line by line: those of the file and of `lines` have the same numbers, over boots too.
            self._sink = self._file.open("ab", buffering=0)
            while data := self._receive():
                self._take(cutter.feed(data))
            self._take(cutter.flush())
        except OSError as error:
            self._fail(error)
            # Nobody listens any more: the guest must not wait for us.
            while self._receive():
                pass
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            os.eventfd_write(self.wake, 1)

    def _has_more(self) -> bool:
        """Whether something waits to be read: on a busy host the thread may be late."""
        return bool(select.select([self._stream], [], [], 0)[0])

    def _receive(self) -> bytes:
        try:
            return self._stream.recv(READ_SIZE)
        except ConnectionError:
            return b""

    def _take(self, lines: list[bytes]) -> None:
        now = time.monotonic()
        with self._changed:
            self._keep(self._part.take([(now, line) for line in lines]))
            self.watcher.count = max(0, len(self._lines) - len(lines))
            for line in lines:
                text = console.decode(line)
                self.watcher.take(text)
                if self._awaited in text:
                    self._awaited = ""
            if lines:
                self._changed.notify_all()
        if self.watcher.death is not None:
            os.eventfd_write(self.wake, 1)

    # ---- with the lock

    def _end_part(self) -> int:
        rest, lost = self._part.end()
        self._part = self._new_part()
        if lost:
            said = f"# kseries: {lost} lines of the console were left out here"
            rest.insert(0, (time.monotonic(), said.encode()))
        self._keep(rest)
        return lost

    def _new_part(self) -> _Part:
        much = self._size > MUCH
        return _Part(*(SMALL_HEAD, SMALL_TAIL) if much else (PART_HEAD, PART_TAIL))

    def _keep(self, lines: list[tuple[float, bytes]]) -> None:
        if not lines or self._sink is None or self._error is not None:
            return
        data = b"".join(line + b"\n" for _, line in lines)
        self._size += len(data)
        try:
            self._sink.write(data)
        except OSError as error:
            self._fail(error)
            return
        self._lines.extend((at, console.decode(line)) for at, line in lines)

    def _fail(self, error: OSError) -> None:
        self._error = self._error or error
        os.eventfd_write(self.wake, 1)


class _Part:
    """What is kept of a part of the console: its beginning at once, its end when it ends."""

    def __init__(self, head: int, tail: int) -> None:
        self._room = head
        self._most = tail
        self._tail: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._lost = 0

    def take(self, lines: list[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
        """Take lines; give those that belong to the beginning."""
        if not self._tail:
            size = sum(len(line) + 1 for _, line in lines)
            if size <= self._room:
                self._room -= size
                return lines
        for line in lines:
            self._tail.append(line)
            self._held += len(line[1]) + 1
            while self._held > self._most and len(self._tail) > 1:
                self._held -= len(self._tail.popleft()[1]) + 1
                self._lost += 1
        return []

    def end(self) -> tuple[list[tuple[float, bytes]], int]:
        """Give the end, and how many lines before it are lost."""
        return list(self._tail), self._lost


def earlier(file: Path) -> list[tuple[float, str]]:
    """Read what a kernel log holds from before, its times of arrival unknown; end its last line."""
    if not file.is_file():
        return []
    cutter = console.Lines()
    with file.open("rb") as log:
        blocks = iter(lambda: log.read(READ_SIZE), b"")
        lines = [line for data in blocks for line in cutter.feed(data)]
    if rest := cutter.flush():
        with file.open("ab") as sink:
            sink.write(b"\n")
    return [(0.0, line) for line in (*lines, *rest)]
