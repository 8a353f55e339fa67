# SPDX-License-Identifier: GPL-2.0
"""A diff, read by the line counts of its hunks, as git reads it. Pure, in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

_HUNK = re.compile(rb"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_EXTENDED = re.compile(
    rb"old mode |new mode |deleted file mode |new file mode |copy from |copy to |rename from "
    rb"|rename to |similarity index |dissimilarity index |index [0-9a-f]"
)
_BINARY = re.compile(rb"(?:literal|delta) \d{1,12}\r?\n?\Z")

GIT = b"diff --git "
OLD = b"--- "
NEW = b"+++ "
RENAMES = (b"rename from ", b"rename to ", b"copy from ", b"copy to ")


class _At(Enum):
    """What the next line of a diff belongs to."""

    TEXT = 0
    HEADER = 1
    HUNK = 2
    BINARY = 3


@dataclass
class FileDiff:
    """The lines that say which file a part of a diff is about: (first byte, line)."""

    git: tuple[int, bytes] | None = None  # "diff --git …"
    old: tuple[int, bytes] | None = None  # "--- …"
    new: tuple[int, bytes] | None = None  # "+++ …"
    renames: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Scan:
    """What there is in a diff."""

    files: tuple[FileDiff, ...]
    added: int  # lines
    removed: int
    end: int  # where the last hunk or header ends; what follows is no part of the diff
    lacking: int = 0  # lines that the last hunk announces and does not have


def scan(diff: bytes) -> Scan:
    """Read a diff. What stands before, between and behind the diffs of files is passed over."""
    reader = _Reader()
    for start, line in _lines(diff):
        reader.take(start, line)
    return reader.result()


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        yield at, data[at:end]
        at = end


class _Reader:
    """The state between two lines."""

    def __init__(self) -> None:
        self._at = _At.TEXT
        self._files: list[FileDiff] = []
        self._old = self._new = 0  # lines of the hunk that are to come
        self._added = self._removed = self._end = 0
        self._pair: tuple[tuple[int, bytes], ...] = ()  # "--- …" and "+++ …"

    def take(self, start: int, line: bytes) -> None:
        """Take the next line, which begins at a byte."""
        if self._at is _At.HUNK and self._in_hunk(start, line):
            return
        if self._at is _At.BINARY and self._in_binary(start, line):
            return
        self._outside(start, line)

    def result(self) -> Scan:
        """Give what was found, at the end of the diff."""
        lacking = max(self._old, self._new)
        return Scan(tuple(self._files), self._added, self._removed, self._end, lacking)

    def _in_hunk(self, start: int, line: bytes) -> bool:
        sign = line[:1]
        if sign == b"\\":
            self._end = start + len(line)
            return True
        if not (self._old or self._new):
            return False
        if sign not in (b" ", b"-", b"+") and line.strip(b"\r\n"):
            self._at = _At.TEXT  # it is cut off here
            return False
        # Mailers take the blank of an empty line away.
        if sign != b"+":
            self._old -= 1
        if sign != b"-":
            self._new -= 1
        self._added += sign == b"+"
        self._removed += sign == b"-"
        self._end = start + len(line)
        return True

    def _in_binary(self, start: int, line: bytes) -> bool:
        bare = line.strip()
        if not bare or _BINARY.match(line) or (bare[:1].isalpha() and b" " not in bare):
            self._end = start + len(line) if bare else self._end
            return True
        return False

    def _outside(self, start: int, line: bytes) -> None:
        """Take a line of a header, or of text around the diffs."""
        hunk = _HUNK.match(line)
        pair, self._pair = self._pair, ()
        if hunk and (len(pair) == 2 or self._at is _At.HUNK):
            self._begin(hunk, pair)
        elif line.startswith(OLD) or (len(pair) == 1 and line.startswith(NEW)):
            # Only a hunk below them makes names of these lines.
            self._pair = (*pair, (start, line)) if line.startswith(NEW) else ((start, line),)
            return
        elif line.startswith(GIT):
            self._files.append(FileDiff(git=(start, line)))
            self._at = _At.HEADER
        elif self._at is _At.HEADER and _EXTENDED.match(line):
            if line.startswith(RENAMES):
                self._files[-1].renames.append((start, line))
        elif self._at is _At.HEADER and line.startswith(b"GIT binary patch"):
            self._at = _At.BINARY
        else:
            self._at = _At.TEXT
            return
        self._end = start + len(line)

    def _begin(self, hunk: re.Match[bytes], pair: tuple[tuple[int, bytes], ...]) -> None:
        self._old, self._new = (int(hunk[at] or b"1") for at in (1, 2))
        if pair:
            if self._at is not _At.HEADER:
                self._files.append(FileDiff())
            self._files[-1].old, self._files[-1].new = pair
        self._at = _At.HUNK
