# SPDX-License-Identifier: GPL-2.0
"""The kernel log as /dev/kmsg gives it (Documentation/ABI/testing/dev-kmsg). Pure.

A record is `priority,number,microseconds,flags;text`, its text with escapes. Two things make it a
better witness than the console: a program's records have another facility than the kernel's own,
whatever they say, and numbers without a gap prove that nothing is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_TEXT = 4 << 20  # characters kept of what the kernel said between two marks

_RECORD = re.compile(r"(\d{1,5}),(\d{1,20}),(\d{1,20}),([^;\n]{0,100});([^\n]*)")
_CALLER = re.compile(r"caller=([TC]\d{1,10})")  # CONFIG_PRINTK_CALLER
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
_FACILITIES = 8  # priorities below are the kernel's own


class NoRecord(Exception):
    """What came is no record of the kernel log."""


@dataclass
class Log:
    """What came of the log since the last mark.

    said: the kernel's own lines, with time stamps and callers as on a console. lost: records that
    nobody read. left_out: lines of the kernel's that were too many to keep. marked: whether the
    mark was there.
    """

    said: list[str] = field(default_factory=list)
    lost: int = 0
    left_out: int = 0
    marked: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """Say what of it is not there, a line for each."""
        said = (
            (not self.marked, "a mark is not in the kernel log"),
            (self.lost, f"{self.lost} records of the kernel log are missing"),
            (self.left_out, f"{self.left_out} lines of the kernel log were too many to keep"),
        )
        return tuple(text for is_so, text in said if is_so)


class Reader:
    """Takes records as they come, in the order of their numbers."""

    def __init__(self, on_line: Callable[[str], None] = lambda _: None) -> None:
        """on_line: gets what is kept of the kernel's own lines, as they come."""
        self.awaited = ""  # the text of a mark
        self._on_line = on_line
        self._next = 0
        self._log = Log()
        self._room = MAX_TEXT

    def feed(self, data: bytes) -> None:
        """Take whole records. Raises NoRecord for what is none."""
        for line in data.decode(errors="replace").split("\n"):
            # What follows a record, "KEY=value", begins with a space.
            if line and not line.startswith(" "):
                self._take(line)

    def take(self) -> Log:
        """Give what came since this was last called."""
        log, self._log = self._log, Log()
        self._room = MAX_TEXT
        return log

    def _take(self, line: str) -> None:
        found = _RECORD.match(line)
        if found is None:
            raise NoRecord(line[:100])
        priority, number, stamp = (int(word) for word in found.groups()[:3])
        if number < self._next:
            raise NoRecord(f"record {number} came after record {self._next - 1}")
        self._log.lost += number - self._next
        self._next = number + 1
        text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), found[5])
        if priority < _FACILITIES:
            caller = _CALLER.search(found[4])
            self._keep(stamp, f"[{caller[1]:>6}]" if caller else "", text)
        elif text == self.awaited:
            self._log.marked = True

    def _keep(self, stamp: int, caller: str, text: str) -> None:
        seconds, micros = divmod(stamp, 1_000_000)
        for part in text.split("\n"):
            line = f"[{seconds:5d}.{micros:06d}]{caller} {part}"
            self._room -= len(line)
            if self._room < 0:
                self._log.left_out += 1
            else:
                self._log.said.append(line)
                self._on_line(line)
