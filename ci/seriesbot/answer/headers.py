# SPDX-License-Identifier: GPL-2.0
"""Values of headers, written so that nothing in them begins another header. Pure.

Python's own folding parses a value before it writes it, and so finds encoded words, line ends in
them included, in what was plain text. Here a value is written once, checked, and left alone.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from email.message import EmailMessage
from email.policy import EmailPolicy

from kseries.report.words import plain
from seriesbot.people import MAX_NAME

MAX_TEXT = 300  # characters of a subject; the titles of commits have some 70
MAX_ID = 250  # of a message id
MAX_IDS = 30  # of References: the first one and the last ones tell the thread
LINE = 76
WORD = 39  # bytes in an encoded word: its line, which a header's name begins, stays below LINE

_ID = re.compile(r"[!-;=?-~]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


class _Verbatim(EmailPolicy):
    """Takes values as they were made here, and refuses what would begin another header."""

    def header_store_parse(self, name: str, value: str) -> tuple[str, str]:
        """Take a value. Raises ValueError for one that is not ASCII, or ends its header."""
        if not value.isascii() or re.search(r"\r|\n(?![ \t]+\S)|[\x00-\x08\x0b-\x1f\x7f]", value):
            raise ValueError(f"{name}: a value that is no header")
        return name, value


POLICY = _Verbatim(refold_source="none", cte_type="7bit", linesep="\n")


def mail(headers: Iterable[tuple[str, str]], text: str) -> EmailMessage:
    """Make a mail of headers, whose values were made here, and plain text."""
    made = EmailMessage(policy=POLICY)
    for name, value in headers:
        if value:
            made[name] = value
    narrow = text.isascii() and max(map(len, text.split("\n"))) < 990
    made.set_content(text, charset="utf-8", cte="7bit" if narrow else "quoted-printable")
    return made


def text(value: str) -> str:
    """Give a header's text: one line, cut, encoded where it is more than ASCII."""
    return _encoded(_short(plain(value, 4 * MAX_TEXT), MAX_TEXT))


def address(name: str, at: str) -> str:
    """Give a mailbox with its name. at: an address that `people.is_address` takes."""
    name = _short(plain(name, 4 * MAX_NAME), MAX_NAME)
    if not name:
        return at
    if not name.isascii() or "=?" in name:
        return f"{_encoded(name)} <{at}>"
    if not _ATOMS.fullmatch(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{at}>"


def addresses(people: Sequence[tuple[str, str]]) -> str:
    """Give several mailboxes, a line each."""
    return ",\n ".join(address(*one) for one in people)


def message_ids(ids: Sequence[str]) -> str:
    """Give message ids, a line each; of many the first and the last ones, of the others none."""
    good = [one for one in dict.fromkeys(ids) if is_message_id(one)]
    if len(good) > MAX_IDS:
        good = [good[0], *good[1 - MAX_IDS :]]
    return "\n ".join(f"<{one}>" for one in good)


def is_message_id(value: str) -> bool:
    """Whether a text, without <>, can be written as a message id."""
    return len(value) <= MAX_ID and _ID.fullmatch(value) is not None


def _short(value: str, limit: int) -> str:
    value = " ".join(value.split())
    return value if len(value) <= limit else f"{value[: limit - 4]} ..."


def _encoded(value: str) -> str:
    """Give one line as ASCII, folded."""
    if value.isascii() and "=?" not in value:
        lines = textwrap.wrap(value, LINE, break_long_words=False, break_on_hyphens=False)
        return "\n ".join(lines)
    return "\n ".join(_words(value))


def _words(value: str) -> Iterator[str]:
    """Give encoded words (RFC 2047), of whole characters each.

    The library's own encoding is changed for the whole process by who imports b4 or ezpi.
    """
    chunk = b""
    for character in value:
        data = character.encode(errors="replace")
        if len(chunk) + len(data) > WORD:
            yield _word(chunk)
            chunk = b""
        chunk += data
    if chunk:
        yield _word(chunk)


def _word(data: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(data).decode()}?="
