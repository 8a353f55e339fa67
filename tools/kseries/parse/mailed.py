# SPDX-License-Identifier: GPL-2.0
"""What mail does to the lines of a log, undone: quoted, indented, broken to a width. Pure.

A log is taken for one that a mail client broke where hardly a line of the kernel's is longer than
a mail's: a log of a machine has longer ones. A client breaks at the last blank before its width, so
a line is the rest of the one before where its first word did not fit there. What is joined leaves
empty lines behind, so that the others keep their numbers.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.parse import klogline, ktapline, stamps
from kseries.parse.ktaptoken import Text

WIDTH = 80  # of a mail's lines, at most
NARROW = 71  # some break only lines that are longer than WIDTH, but these to 72
MIN_STAMPED = 2  # lines of the kernel's that tell how wide all are
MAX_LONGER = 0.02  # of these: a word that is longer than a line is not broken
MAX_PARTS = 40  # lines that one can be broken into

_STAMPED = re.compile(stamps.BEGINS)
_QUOTE = re.compile(r"[ \t]{0,4}(?:>[> ]{0,8}|\| ?)")
_INDENT = re.compile(r"[ \t]{1,16}(?=\S)")


@dataclass(frozen=True)
class Mailed:
    """How a mail client left the lines of a log.

    before: what stands before each of the kernel's lines, None where nothing does. width: the
    longest line of those that it broke, 0 where it broke none.
    """

    before: re.Pattern[str] | None = None
    width: int = 0

    @property
    def spared(self) -> bool:
        """Whether nothing is to be undone."""
        return self.before is None and not self.width

    def lines(self, blocks: Iterable[str]) -> Iterator[str]:
        """Give the lines of a log as they were."""
        parts: list[str] = []  # of a line of the kernel's
        for line in _lines(blocks):
            text = self._without(line)
            stamped = _is_stamped(text)
            if not stamped and 0 < len(parts) <= MAX_PARTS and self._is_rest(parts, text):
                parts.append(text)
                continue
            yield from _whole(parts)
            parts = [text] if stamped else []
            if not stamped:
                yield text
        yield from _whole(parts)

    def _without(self, line: str) -> str:
        """Give a line without what stands before it because it is in a mail."""
        found = self.before.match(line) if self.before else None
        if found is None:
            return line
        rest = line[found.end() :]
        return rest if self.before is _QUOTE or _is_stamped(rest) else line

    def _is_rest(self, parts: Sequence[str], text: str) -> bool:
        """Whether a line goes on with what the one before it, or the last part of that, began."""
        words = text.split()
        if not self.width or not words or not isinstance(ktapline.read(text), Text):
            return False
        # A blank is left at the end of lines that may flow, and counts.
        flows = parts[-1].rstrip("\n").endswith(" ")
        with_word = len(parts[-1].rstrip()) + 1 + len(words[0]) + flows
        whole = len(" ".join(map(str.strip, [*parts, text]))) + flows
        return with_word > min(self.width, NARROW) and whole > self.width


def look(text: str) -> Mailed:
    """Tell from the beginning of a log what was done to it."""
    lines = text.split("\n")
    most, before = sum(map(_is_kernels, lines)), None
    for pattern in (_QUOTE, _INDENT):
        inner = (line[found.end() :] for line in lines if (found := pattern.match(line)))
        if (count := sum(map(_is_kernels, inner))) > most:
            most, before = count, pattern
    undone = Mailed(before)
    whole = map(undone._without, lines)
    lengths = [len(line.rstrip()) for line in whole if _is_stamped(line)]
    longer = sum(length > WIDTH for length in lengths)
    if len(lengths) < MIN_STAMPED or longer > MAX_LONGER * len(lengths):
        return undone
    return Mailed(before, max(length for length in lengths if length <= WIDTH))


def _is_kernels(line: str) -> bool:
    """Whether a line is surely the kernel's, or tells of something wrong as it would."""
    return _is_stamped(line) or bool(klogline.telling().match(line))


def _is_stamped(line: str) -> bool:
    return bool(_STAMPED.match(line))


def _lines(blocks: Iterable[str]) -> Iterator[str]:
    for block in blocks:
        yield from io.StringIO(block)


def _whole(parts: Sequence[str]) -> Iterator[str]:
    """Put a line together, and give an empty one for each of its other parts."""
    if len(parts) > 1:
        yield " ".join(map(str.strip, parts)) + "\n"
        yield from itertools.repeat("\n", len(parts) - 1)
    else:
        yield from parts
