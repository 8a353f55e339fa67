# SPDX-License-Identifier: GPL-2.0
"""The log of one test program: written as it comes, and followed case by case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kseries.lib import atomicfile
from kseries.lib.bounded import MIB, HeadTail
from kseries.parse.running import RunningCases

LOG_HEAD, LOG_TAIL = 64 * MIB, 1 * MIB  # kept of the beginning and of the end of the output


class TestLog:
    """Takes lines with their times of arrival."""

    __test__ = False  # not a pytest class

    def __init__(self, sink: IO[bytes], on_case: Callable[[RunningCases], None]) -> None:
        self.running = RunningCases(time.monotonic())
        self._sink = sink
        self._on_case = on_case
        self._kept = HeadTail(LOG_HEAD, LOG_TAIL)

    def take(self, at: float, line: str) -> None:
        """Take the next line."""
        before = (self.running.running, self.running.ended)
        self.running.feed(at, line)
        if (self.running.running, self.running.ended) != before:
            self._on_case(self.running)
        if head := self._kept.feed(f"{line}\n".encode(errors="replace")):
            self._sink.write(head)
            self._sink.flush()

    def close(self) -> None:
        """Write the end of what was too much to be written as it came."""
        self._sink.write(self._kept.end())

    @property
    def problems(self) -> tuple[str, ...]:
        """Say that not all results can be in the log; () when all of it was kept."""
        lost = self._kept.lost
        return (f"{lost} bytes of its output were left out of the log",) if lost else ()


@contextmanager
def open_log(path: Path, on_case: Callable[[RunningCases], None]) -> Iterator[TestLog]:
    """Write the log at `path`, empty at first. `on_case` is told when a case begins or ends."""
    with atomicfile.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as sink:
            log = TestLog(sink, on_case)
            try:
                yield log
            finally:
                log.close()
