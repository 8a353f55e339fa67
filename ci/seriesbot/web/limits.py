# SPDX-License-Identifier: GPL-2.0
"""How often a password may be tried. Pure, but for what it remembers.

An address that fails has to wait, and so have all together where many do: else somebody with many
addresses could go on. The command line is always there.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 900.0
OF_ONE, OF_ALL = 5, 50  # tries within that time that fail
MAX_ADDRESSES = 10_000


@dataclass
class Tries:
    """What failed lately."""

    _of_one: dict[str, deque[float]] = field(default_factory=dict)
    _of_all: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, address: str, now: float) -> float:
        """Note a try as one that fails; give for how long none is allowed, 0 where this one is."""
        with self._lock:
            if len(self._of_one) > MAX_ADDRESSES:
                self._forget(now)
            of_one = self._of_one.setdefault(address, deque())
            waits = max(_wait(of_one, OF_ONE, now), _wait(self._of_all, OF_ALL, now))
            if waits <= 0:
                of_one.append(now)
                self._of_all.append(now)
            return max(waits, 0.0)

    def succeed(self, address: str) -> None:
        """Take back the last try of an address: it was none that fails."""
        with self._lock:
            of_one = self._of_one.get(address)
            if of_one:
                last = of_one.pop()
                if last in self._of_all:
                    self._of_all.remove(last)

    def _forget(self, now: float) -> None:
        for address, tries in list(self._of_one.items()):
            if not tries or tries[-1] < now - WINDOW_S:
                del self._of_one[address]
        if len(self._of_one) > MAX_ADDRESSES:  # there is still the limit of all together
            self._of_one.clear()


def _wait(tries: deque[float], most: int, now: float) -> float:
    while tries and tries[0] <= now - WINDOW_S:
        tries.popleft()
    return tries[-most] + WINDOW_S - now if len(tries) >= most else 0.0
