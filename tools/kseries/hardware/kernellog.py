# SPDX-License-Identifier: GPL-2.0
"""The kernel log of a lab machine: what the agent reads, then what only a console shows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kseries.hardware import power, serial
from kseries.hardware.target import Console
from kseries.lib import atomicfile
from kseries.machines import consolelog


class KernelLog:
    """The log of all boots of a run, in a file and in `lines`, line by line the same."""

    def __init__(self, file: Path) -> None:
        """Go on with the file where it is there; the times of its lines are not known then."""
        self.lines = consolelog.earlier(file)
        self._file = file
        self._shown: list[tuple[float, str]] = []  # by the console
        self._from = 0  # where that begins of the kernel under test

    @property
    def where(self) -> str:
        """Where it ends, for messages."""
        return f"{self._file}:{len(self.lines)}"

    @contextmanager
    def watching(self, console: Console, file: Path) -> Iterator[None]:
        """Keep what the target's console shows, too, for as long as the block."""
        with power.shown(console, file, self._shown):
            yield

    def begin(self) -> None:
        """Have a kernel start."""
        self._from = len(self._shown)

    def add(self, lines: Sequence[str]) -> None:
        """Put lines behind it."""
        now = time.monotonic()
        with atomicfile.disk_errors(self._file), self._file.open("ab") as sink:
            sink.write("".join(f"{line}\n" for line in lines).encode(errors="replace"))
        self.lines.extend((now, line) for line in lines)

    def last_words(self) -> str:
        """Put behind it what only the console shows of a kernel; give the line of its death."""
        lines = serial.of_kernel([text for _, text in self._shown[self._from :]])
        known = {text for _, text in self.lines}
        self.add([line for line in lines if line not in known])
        self._from = len(self._shown)
        return serial.death(lines)
