# SPDX-License-Identifier: GPL-2.0
"""What waits to be run, what runs, and who is to take what: shared by machines side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from kseries.test.shards import Shard


class Queue:
    """Shards that wait and shards at work. Each method may be called from any thread."""

    def __init__(self, shards: Iterable[Shard]) -> None:
        """Put up the shards in this order; those that want to be alone come last."""
        ordered = sorted(shards, key=lambda shard: shard.program.alone)
        self._waiting = deque(ordered)
        self._working: list[Shard] = []
        self._closed = False
        self._changed = threading.Condition()

    def take(self) -> Shard | None:
        """Wait for a shard that may run now; None when there will be no more."""
        with self._changed:
            while not self._may_begin():
                if self._closed or not self._working:
                    return None
                self._changed.wait()
            shard = self._waiting.popleft()
            self._working.append(shard)
            return shard

    def has_more(self) -> bool:
        """Whether a shard waits, whoever may take it."""
        with self._changed:
            return bool(self._waiting)

    def done(self, shard: Shard, *rest: Shard) -> tuple[Shard, ...]:
        """Say that a shard came to its end; `rest` is what is left of it, and comes first.

        Gives what of the rest will not run, as no more is handed out.
        """
        with self._changed:
            self._working.remove(shard)
            self._changed.notify_all()
            if self._closed:
                return rest
            self._waiting.extendleft(reversed(rest))
            return ()

    def close(self) -> tuple[Shard, ...]:
        """Hand out no more; give what was not begun."""
        with self._changed:
            self._closed = True
            left = tuple(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _may_begin(self) -> bool:
        if not self._waiting:
            return False
        # Behind one that wants to be alone none comes that does not.
        return not (self._waiting[0].program.alone and self._working)
