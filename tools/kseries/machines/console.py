# SPDX-License-Identifier: GPL-2.0
"""Watch a kernel's console: cut it into lines and know at once when the kernel has died.

Pure: bytes go in, lines and a judgement come out. What a complaint means for the verdict is
decided later, from the whole log; here it matters only whether the machine still runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kseries.lib.bounded import ByteLines
from kseries.model import EventKind
from kseries.parse import klogline

PREFIX = re.compile(r"^(?:<\d+>)?(?:\s*\[[^\]]{0,40}\])*:?\s*")
"""printk's log level, time stamp and caller, before the text of a line."""

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")

PANIC = re.compile(r"Kernel panic - not syncing: ?(?P<why>.*)")
PANIC_END = "end Kernel panic"

HIDES_CAUSE = re.compile(
    r"^(?:Fatal exception|Fatal hardware|Attempted to kill init|panic_on_warn|kernel: panic_on"
    r"|\w*: panic_on|stack-protector|Oops|[Bb]ad mode|UBSAN: panic|KASAN: panic|hung_task"
    r"|softlockup)"
)
"""Panics that say only that something fatal went before."""

MACHINE_ENDS = re.compile(
    r"^(?:reboot: (?:Restarting system|Power down|System halted|machine restart)"
    r"|kseries agent: )"
)
"""Said when the machine goes down without a panic; the last one by the guest's own init."""

SUSPICIOUS = (EventKind.LOCKUP, EventKind.RCU_STALL, EventKind.HUNG_TASK)
"""The kernel says itself that something hangs: the reason, should it not answer later."""


class Lines:
    """Cuts a stream of bytes into lines of text; one of megabytes comes in parts."""

    def __init__(self) -> None:
        self._lines = ByteLines()

    def feed(self, data: bytes) -> list[str]:
        """Take bytes as they come; give the lines that they complete, without line ends."""
        return [decode(line) for line in self._lines.feed(data)]

    def flush(self) -> list[str]:
        """Give what is left of a last line without an end."""
        return [decode(line) for line in self._lines.flush()]


@dataclass
class Watcher:
    """Reads the console's lines and judges whether the machine still runs.

    death: what shows that it does not, None while it does.
    death_line: number of the line that shows it, from 1.
    suspicion: the last line with which the kernel itself says that something hangs, or "".
    last: the last line with text.
    count: lines seen.
    """

    death: str | None = None
    death_line: int = 0
    suspicion: str = ""
    last: str = ""
    count: int = 0
    _cause: str = field(default="", repr=False)

    def take(self, line: str) -> None:
        """Look at the next line."""
        self.count += 1
        text = plain(line)
        if not text:
            return
        self.last = text
        rule = klogline.rule_of(text)
        if rule is not None and rule.kind in SUSPICIOUS:
            self.suspicion = text
        if self.death is not None:
            return
        if rule is not None and rule.kind is not EventKind.PANIC and not self._cause:
            self._cause = text
        death = self._death(text)
        if death is not None:
            self.death, self.death_line = death, self.count

    def _death(self, text: str) -> str | None:
        panic = PANIC.search(text)
        if panic and PANIC_END not in text:
            line = text[panic.start() :]
            if self._cause and HIDES_CAUSE.match(panic["why"]):
                return f"{self._cause} ({line})"
            return line
        return text if MACHINE_ENDS.match(text) else None


def plain(line: str) -> str:
    """Give a line's text without printk's prefix, escape sequences and control characters."""
    return PREFIX.sub("", ESCAPE.sub("", line)).strip()


def decode(line: bytes) -> str:
    """Give a line as text, without what is left of its end."""
    return line.rstrip(b"\r").decode(errors="replace")
