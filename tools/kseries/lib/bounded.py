# SPDX-License-Identifier: GPL-2.0
"""Streams of any length in bounded memory and on bounded disk: heads and tails, lines. Pure.

What a series prints may never end, and may hold no line end.
"""

from __future__ import annotations

from collections import deque

MIB = 1 << 20
LINE_MAX = 1 * MIB  # bytes of a line that are held; a longer one comes in parts
CONTINUED = "\N{HORIZONTAL ELLIPSIS}".encode()  # before each further part


class HeadTail:
    """Says what is kept of a stream: its first `head` bytes at once, its last `tail` at the end."""

    def __init__(self, head: int, tail: int) -> None:
        self._room = head
        self._most = tail
        self._tail: deque[bytes] = deque()
        self._held = 0
        self.lost = 0  # bytes of which nothing is kept

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come; give those of them that belong to the head."""
        head, rest = data[: self._room], data[self._room :]
        self._room -= len(head)
        if rest:
            self._tail.append(rest)
            self._held += len(rest)
            while self._tail and self._held - len(self._tail[0]) >= self._most:
                self._drop(self._tail.popleft())
        return head

    def end(self) -> bytes:
        """Give what follows the head: a line that tells what is left out, and the tail."""
        tail = b"".join(self._tail)
        self._tail.clear()
        cut = max(0, len(tail) - self._most)
        self.lost += cut
        tail = tail[cut:]
        if not self.lost:
            return tail
        return b"\n# kseries: %d bytes of output were left out here\n" % self.lost + tail

    def _drop(self, data: bytes) -> None:
        self.lost += len(data)
        self._held -= len(data)


class ByteLines:
    """Cuts a stream of bytes into lines, in time that grows with its length only."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come; give the lines that they complete, without line ends.

        A line longer than LINE_MAX comes in parts, each further one behind CONTINUED.
        """
        first, *others = data.split(b"\n")
        lines: list[bytes] = []
        self._add(first, lines)
        for part in others:
            lines += self.flush(always=True)
            self._add(part, lines)
        return lines

    def flush(self, *, always: bool = False) -> list[bytes]:
        """Give what is left of a last line without an end. always: also an empty one."""
        if not (self._parts or always):
            return []
        line = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        return [line]

    def _add(self, data: bytes, lines: list[bytes]) -> None:
        while self._held + len(data) > LINE_MAX:
            room = LINE_MAX - self._held
            self._parts.append(data[:room])
            lines += self.flush()
            data = data[room:]
            self._parts.append(CONTINUED)
            self._held = len(CONTINUED)
        if data:
            self._parts.append(data)
            self._held += len(data)
