# SPDX-License-Identifier: GPL-2.0
"""What waits to be run, what runs, and who is to take what: shared by machines side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from kseries.test.shards import Piece


class Board:
    """Pieces that wait and pieces at work. Each method may be called from any thread."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        """Put up the pieces in this order; those that want to be alone come last."""
        ordered = sorted(pieces, key=lambda piece: piece.program.alone)
        self._waiting = deque(ordered)
        self._working: list[Piece] = []
        self._closed = False
        self._changed = threading.Condition()

    def take(self) -> Piece | None:
        """Wait for a piece that may run now; None when there will be no more."""
        with self._changed:
            while not self._may_begin():
                if self._closed or not (self._waiting or self._working):
                    return None
                self._changed.wait()
            piece = self._waiting.popleft()
            self._working.append(piece)
            return piece

    def done(self, piece: Piece, *rest: Piece) -> None:
        """Say that a piece came to its end; `rest` is what is left of it, and comes first."""
        with self._changed:
            self._working.remove(piece)
            self._waiting.extendleft(reversed(rest))
            self._changed.notify_all()

    def close(self) -> tuple[Piece, ...]:
        """Hand out no more; give what was not begun."""
        with self._changed:
            self._closed = True
            left = tuple(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _may_begin(self) -> bool:
        if self._closed or not self._waiting:
            return False
        if any(piece.program.alone for piece in self._working):
            return False
        return not (self._waiting[0].program.alone and self._working)
