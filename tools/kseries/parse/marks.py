# SPDX-License-Identifier: GPL-2.0
"""Lines of our own in the kernel log, which nobody else can write. Pure.

Tests are root in the guest: they can write anything into the kernel log and to the console, also
what looks like a mark of ours. So each mark carries a number that is used once and a code over all
of it, made with a secret of the run that never reaches the guest. A mark that was copied comes a
second time and counts only the first.

Two sorts: `start`, `end` and `close` are written into the guest's log around each program; notes
are put into the console's file by the host, and say what other witnesses saw.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from kseries.parse.klogline import MARK
from kseries.parse.stamps import message

START, END, CLOSE = "start", "end", "close"
TAINT, HIDDEN, STARVED = "taint", "hidden", "starved"

NONCE, CODE = 12, 16  # hex digits
SECRET_BYTES = 32

_LINE = re.compile(rf"{MARK}(\w+) (.*?) ?\[([0-9a-f]{{{NONCE}}})([0-9a-f]{{{CODE}}})\]$")


@dataclass(frozen=True)
class Mark:
    """A line of ours. text: of a mark the program's label, of a note what it says."""

    kind: str
    text: str


@dataclass(frozen=True)
class Marks:
    """Makes and knows the marks of one run."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Marks:
        """Give marks that nobody else can make."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    def line(self, kind: str, text: str = "") -> str:
        """Make a mark, a new one each time; what cannot stand in one line is left out of it."""
        text = shown(text)
        nonce = secrets.token_hex(NONCE // 2)
        return f"{MARK}{kind} {text}{' ' * bool(text)}[{nonce}{self._code(kind, text, nonce)}]"

    def read(self, lines: Iterable[str]) -> list[Mark | None]:
        """Give for each line of a kernel log the mark that it is, None for all others."""
        seen: set[str] = set()
        found: list[Mark | None] = []
        for line in lines:
            mark = None
            # Nearly no line is one: one look for a word is all the others cost.
            if MARK in line and (told := _LINE.match(message(line))):
                kind, text, nonce, code = told.groups()
                good = hmac.compare_digest(code, self._code(kind, text, nonce))
                if good and nonce not in seen:
                    seen.add(nonce)
                    mark = Mark(kind, text)
            found.append(mark)
        return found

    def _code(self, kind: str, text: str, nonce: str) -> str:
        data = "\0".join((kind, text, nonce)).encode(errors="replace")
        return hmac.new(self.secret, data, hashlib.sha256).hexdigest()[:CODE]


def shown(text: str) -> str:
    """Give a text as it stands in a mark: in one line, of characters that can be printed."""
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text).strip()


def imitates(line: str) -> bool:
    """Whether a line looks like a mark of ours."""
    return MARK in line and message(line).startswith(MARK)
