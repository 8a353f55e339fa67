# SPDX-License-Identifier: GPL-2.0
"""What a reply asks the bot to do. Pure; whether its sender may ask that is decided elsewhere.

A command is a line of its own at the margin of the text that the sender wrote himself:

    #kseries test      runs the series with the patch below it on top
    #kseries again     runs the series once more
    #kseries off       no more answers to the sender

Anything else is text: what is quoted, however the mailer marks that, what is forwarded or follows a
signature, and a command in a line with other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from enum import StrEnum

from kseries.report.words import plain
from kseries.series.charsets import decode
from seriesbot.answer import headers
from seriesbot.answer.thread import Thread

MAX_MAIL = 4 << 20  # bytes of a mail that is looked at
MAX_TEXT = 256 << 10  # characters of its text among which commands are looked for
MAX_PATCH = 1 << 20  # bytes
MAX_PARTS = 50
MAX_HEADER = 1000  # characters of each

_COMMAND = re.compile(r"#kseries[ \t]++(\S++)[ \t]*+$")
# Where what others wrote begins without a mark at each line.
_QUOTED_BELOW = re.compile(
    r"-{2,}+ ?(?:original|forwarded|reply|urspr\w+|begin forwarded)\b.*"
    r"|_{10,}+$"
    r"|-- ?$"
    r"|(?:from|von|de|sent|gesendet): \S.*"
    r"|(?:on|am|le|op|il|el) .{1,200}(?:wrote|schrieb|écrit|schreef|scritto|escribió).{0,40}: ?$",
    re.IGNORECASE,
)
_DIFF = re.compile(r"diff --git \S|--- (?:a/|/dev/null)")
_HUNK = re.compile(r"@@ -\d")
_PATCHES = ("text/x-patch", "text/x-diff")


class Wish(StrEnum):
    """What can be asked."""

    TEST = "test"
    AGAIN = "again"
    OFF = "off"


@dataclass(frozen=True)
class Asked:
    """A command. patch: for a test, the text of a diff; wrong: why it cannot be carried out."""

    wish: Wish
    patch: str = ""
    wrong: str = ""


class _Brief(Compat32):
    """Keeps the beginning of each header: Python takes quadratic time for their parameters."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_HEADER]


def parse(raw: bytes) -> Asked | None:
    """Read the command of a reply; None where there is none."""
    if len(raw) > MAX_MAIL:
        return None
    try:
        mail = BytesParser(policy=_Brief()).parsebytes(raw)
        parts = [*_parts(mail)]
    except RecursionError:  # parts in parts in parts
        return None
    if _automatic(mail):
        return None
    own = next((part for part in parts if _is_text(part)), None)
    if own is None:
        return None
    lines = _text(own)[:MAX_TEXT].splitlines()
    found = [*_commands(lines)]
    if not found:
        return None
    at, wish = found[0]
    if len({one for _, one in found}) > 1:
        return Asked(wish, wrong="the mail asks for different things")
    return _with_patch(own, lines[at + 1 :], parts) if wish is Wish.TEST else Asked(wish)


def fix_mail(asked: Asked, thread: Thread) -> bytes:
    """Give the patch of a test as a mail that git am takes, by who asked for it."""
    author = thread.author
    values = (
        ("From", headers.address(author.name, author.address)),
        ("Subject", "[PATCH] a fix to try"),
        ("Date", "Thu, 1 Jan 1970 00:00:00 +0000"),
    )
    text = f"Asked for in <{plain(thread.message_id)}>.\n---\n\n{asked.patch}"
    return bytes(headers.mail(values, text))


def _commands(lines: Sequence[str]) -> Iterator[tuple[int, Wish]]:
    """Give the commands with their places, of the text before what is quoted below."""
    for at, line in enumerate(lines):
        if _QUOTED_BELOW.match(line) or _DIFF.match(line):
            return
        found = _COMMAND.match(line)
        if found and found[1] in Wish.__members__.values():
            yield at, Wish(found[1])


def _with_patch(own: Message, below: Sequence[str], parts: Sequence[Message]) -> Asked:
    """Read the patch of a test: below the command, else in a part of its own."""
    patch = _diff(below)
    if patch and str(own.get_param("format", "")).lower() == "flowed":
        return Asked(Wish.TEST, wrong="the patch came as format=flowed, which breaks its lines")
    if not patch:
        texts = (_text(part) for part in parts if part.get_content_type() in _PATCHES)
        patch = next(filter(None, (_diff(text.splitlines()) for text in texts)), "")
    if not patch:
        return Asked(Wish.TEST, wrong="there is no patch below the command")
    if len(patch.encode()) > MAX_PATCH:
        return Asked(Wish.TEST, wrong=f"its patch has more than {MAX_PATCH >> 10} KiB")
    return Asked(Wish.TEST, patch)


def _diff(lines: Sequence[str]) -> str:
    """Give the diff among lines, up to a signature; "" where there is none with a hunk."""
    start = next((at for at, line in enumerate(lines) if _DIFF.match(line)), len(lines))
    end = next((at for at in range(start, len(lines)) if lines[at] in ("--", "-- ")), len(lines))
    diff = lines[start:end]
    return "\n".join([*diff, ""]) if any(map(_HUNK.match, diff)) else ""


def _parts(mail: Message) -> Iterator[Message]:
    """Give the parts with text, but not those of a mail in it, which others wrote."""
    waiting = [mail]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if part.get_content_maintype() == "multipart":
            content = part.get_payload()
            inner = content if isinstance(content, list) else []
            waiting += [one for one in reversed(inner) if isinstance(one, Message)]
        elif part.get_content_maintype() == "text":
            yield part


def _is_text(part: Message) -> bool:
    return (
        part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment"
    )


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    return decode(data, str(part.get_param("charset", "")))[0].replace("\r\n", "\n")


def _automatic(mail: Message) -> bool:
    value = str(mail.get("Auto-Submitted", "")).partition(";")[0].strip().lower()
    return value not in ("", "no")
