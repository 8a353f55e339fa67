# SPDX-License-Identifier: GPL-2.0
"""Follow a build by what make prints: objects done, warnings, time left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from kseries.kbuild.diagnostics import Parser
from kseries.lib.progress import Progress

# make's quiet output: two spaces, the kind of command, the file it makes.
MADE = re.compile(r"  (?:CC|AS|LD|AR|HOSTCC|HOSTLD|HOSTCXX|LINK|RUSTC)(?: \[[MN]\])? +(\S+)")
# Measured on 6.12: 1,911 objects for 673 options that are on.
OBJECTS_AN_OPTION = 2.84
UPDATE_EVERY_S = 0.2


class BuildWatch:
    """Takes the lines of a build and tells a listener how it goes, a few times a second.

    expected: objects that a build from nothing makes; 0 when there is no saying, as when only
    some files changed. rough: whether that is guessed from the number of options.
    """

    def __init__(
        self,
        progress: Progress,
        parser: Parser,
        *,
        expected: int = 0,
        rough: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._parser = parser
        self._expected = expected
        self._rough = rough
        self._clock = clock
        self._started = clock()
        self._told = float("-inf")
        self.objects = 0

    def feed(self, line: str) -> None:
        """Take one line, without its newline."""
        self._parser.feed(line)
        if MADE.match(line):
            self.objects += 1
        now = self._clock()
        if now - self._told >= UPDATE_EVERY_S:
            self._told = now
            self.tell()

    def tell(self) -> None:
        """Tell the listener the present state."""
        total = self._expected if self._is_known else None
        self._progress.update(self.text(), done=self.objects, total=total)

    @property
    def _is_known(self) -> bool:
        return 0 < self._expected >= self.objects

    def text(self) -> str:
        """Give what the numbers do not tell: "objects, 3:05 left, 1 warning".

        What matters most comes first, as the end of a line is cut off on a narrow terminal.
        """
        elapsed_s = self._clock() - self._started
        words = ["objects"]
        if self._is_known and self.objects and elapsed_s > 1:
            left_s = elapsed_s * (self._expected - self.objects) / self.objects
            words.append(f"{'about ' if self._rough else ''}{clock_text(left_s)} left")
        if self._parser.warnings:
            words.append(_number(self._parser.warnings, "warning"))
        return ", ".join(words)


def rough_objects(enabled: int) -> int:
    """Guess from the number of options that are on how many objects a kernel has."""
    return round(enabled * OBJECTS_AN_OPTION)


def clock_text(seconds: float) -> str:
    """Write a time as minutes and seconds, "4:07"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
