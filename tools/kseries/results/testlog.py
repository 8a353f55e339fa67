# SPDX-License-Identifier: GPL-2.0
"""The log of one test program: written as it comes, and followed case by case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kseries import publish
from kseries.results.running import RunningCases

LOG_LIMIT = 64 << 20  # bytes kept of a program's output
CUT_NOTE = "# kseries: the rest of the output was left out\n"


class TestLog:
    """Takes lines with their times of arrival."""

    __test__ = False  # not a pytest class

    def __init__(self, sink: IO[str], on_case: Callable[[RunningCases], None]) -> None:
        self.running = RunningCases(time.monotonic())
        self._sink = sink
        self._on_case = on_case
        self._left = LOG_LIMIT

    def take(self, at: float, line: str) -> None:
        """Take the next line."""
        before = (self.running.running, self.running.ended)
        self.running.feed(at, line)
        if (self.running.running, self.running.ended) != before:
            self._on_case(self.running)
        if self._left < 0:
            return
        self._left -= len(line) + 1
        self._sink.write(f"{line}\n" if self._left >= 0 else CUT_NOTE)
        self._sink.flush()


@contextmanager
def open_log(path: Path, on_case: Callable[[RunningCases], None]) -> Iterator[TestLog]:
    """Write the log at `path`, empty at first. `on_case` is told when a case begins or ends."""
    with publish.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", errors="replace") as sink:
            yield TestLog(sink, on_case)
