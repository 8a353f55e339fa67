# SPDX-License-Identifier: GPL-2.0
"""The lines that come for a result of a KTAP log, of which the first and the last are kept."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence

from kseries.parse.ktapline import MAX_LINE

MAX_NOTES = 100  # the first half and the last half
HALF = MAX_NOTES // 2

Note = tuple[str, bool]
"""A line, and whether it is a diagnostic."""


class Notes:
    """Keeps lines. Of most that are skimmed nobody will ask, so they are kept as they came."""

    def __init__(self) -> None:
        self._first: list[Note] = []
        self._last: deque[tuple[str, bool | Callable[[str], str]]] = deque(maxlen=HALF)

    def add(self, text: str, diagnostic: bool) -> None:
        """Keep a line."""
        if len(self._first) < HALF:
            self._first.append((text, diagnostic))
        else:
            self._last.append((text, diagnostic))

    def skim(self, lines: Sequence[str], shown: Callable[[str], str]) -> None:
        """Keep lines of text. shown: gives what is kept of one."""
        room = HALF - len(self._first)
        if room:
            self._first += [_made(line, shown) for line in lines[:room]]
        self._last.extend(zip(lines[room:][-HALF:], itertools.repeat(shown)))

    def all(self) -> list[Note]:
        """Give what is kept, in order."""
        if not self._last:
            return self._first
        return [*self._first, *itertools.starmap(_made, self._last)]

    def clear(self) -> None:
        """Forget all."""
        if self._first:
            self._first = []
            self._last.clear()


def _made(line: str, how: bool | Callable[[str], str]) -> Note:
    if isinstance(how, bool):
        return line, how
    text = how(line)[:MAX_LINE]
    return text, text.lstrip()[:1] == "#"
