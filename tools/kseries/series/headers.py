# SPDX-License-Identifier: GPL-2.0
"""The headers of a mail, read in time that grows with their length only. Pure, on bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.series.charsets import decode_header

MAX_HEADERS = 1 << 20  # bytes that are looked at; a busy list's mails have some 10 KiB
MAX_VALUE = 64 << 10  # bytes of one header that are looked at

# Of others, such as hundreds of addresses, a part will do.
_DECISIVE = ("from", "subject", "date", "content-type", "content-transfer-encoding")

_END = re.compile(rb"\r?\n\r?\n")
_HEADER_LINE = re.compile(rb"[A-Za-z][\w-]*+:[ \t\r\n]")
_MAIL_HEADER = re.compile(rb"^(?:From|Subject):", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(rb"^([A-Za-z][\w-]*+):([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?", re.MULTILINE)
_CHARSET = re.compile(rb"charset\s{0,9}=\s{0,9}\"?([\w.:+-]{1,64})", re.IGNORECASE)
# A header of a mail or of a part of it; no line of a diff begins so.
_CONTENT_TYPE = re.compile(
    rb"^Content-Type:[^\n]*+(?:\n[ \t][^\n]*+)*+", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Headers:
    """The headers of one mail, by their names in lower case; of two with one name the first."""

    values: dict[str, bytes]
    too_long: bool = False  # some of it was not looked at

    def raw(self, name: str) -> str:
        """Give the value of a header as it stands, "" where there is none."""
        return self.values.get(name.lower(), b"").decode(errors="replace")

    def text(self, name: str) -> str:
        """Give the value of a header, decoded, on one line; "" where there is none."""
        return decode_header(self.values.get(name.lower(), b""))[0]


def read_headers(data: bytes) -> Headers:
    """Read the headers that lead a mail, a leading "From " line aside; none where it has none."""
    start = envelope_end(data)
    end = _block_end(data, start)
    if not _is_mail(data[start:end]):
        return Headers({})
    values: dict[str, bytes] = {}
    too_long = end - start >= MAX_HEADERS
    for field in _FIELD.finditer(data, start, end):
        name, value = field[1].decode().lower(), field[2]
        too_long = too_long or (name in _DECISIVE and len(value) > MAX_VALUE)
        values.setdefault(name, value[:MAX_VALUE].strip())
    return Headers(values, too_long)


def all_values(data: bytes, name: str) -> list[str]:
    """Give the values of all headers of a name, as they stand, topmost first."""
    start = envelope_end(data)
    wanted = name.lower().encode()
    return [
        field[2][:MAX_VALUE].decode(errors="replace").strip()
        for field in _FIELD.finditer(data, start, _block_end(data, start))
        if field[1].lower() == wanted
    ]


def has_headers(data: bytes) -> bool:
    """Whether text begins like a mail. "From " lines do not count."""
    return _is_mail(data[: _block_end(data, 0)])


def enveloped(data: bytes) -> bool:
    """Whether the line that begins a mail in an mbox comes first."""
    return data.startswith(b"From ")


def envelope_end(data: bytes) -> int:
    """Where the headers begin: behind the line that begins a mail in an mbox."""
    return data.find(b"\n") + 1 or len(data) if enveloped(data) else 0


def with_plain_headers(data: bytes, names: tuple[str, ...]) -> tuple[bytes, list[str]]:
    """Write some headers of a mail anew in UTF-8, unless they are ASCII without encoded words.

    git reads encoded words of charsets that iconv knows, and refuses a mail with others. The
    list says what was wrong with which header.
    """
    start = envelope_end(data)
    end = _block_end(data, start)
    wanted = {name.lower().encode() for name in names}
    notes: list[str] = []

    def plain(field: re.Match[bytes]) -> bytes:
        name, value = field[1], field[2]
        if name.lower() not in wanted or (value.isascii() and b"=?" not in value):
            return field[0]
        text, note = decode_header(value.strip())
        if note:
            notes.append(f"its header {name.decode()} {note}")
        return name + b": " + text.encode(errors="replace") + b"\n"

    return data[:start] + _FIELD.sub(plain, data[start:end]) + data[end:], notes


def charset_of(data: bytes) -> str:
    """Give the charset that a mail or the first of its parts names, "" where none does."""
    found = next(_charsets(data), None)
    return found[1].decode() if found else ""


def without_charsets(data: bytes) -> bytes:
    """Name UTF-8 wherever a mail names a charset: git then leaves the text as it is."""
    return _CONTENT_TYPE.sub(lambda field: _CHARSET.sub(b"charset=utf-8", field[0]), data)


def _charsets(data: bytes) -> Iterator[re.Match[bytes]]:
    for field in _CONTENT_TYPE.finditer(data):
        yield from _CHARSET.finditer(field[0])


def _is_mail(block: bytes) -> bool:
    # "Index: file" leads a plain diff, "Description:" a Debian one: neither is a mail.
    return _HEADER_LINE.match(block) is not None and _MAIL_HEADER.search(block) is not None


def _block_end(data: bytes, start: int) -> int:
    """Where the empty line is that ends the headers, at most MAX_HEADERS further."""
    limit = min(len(data), start + MAX_HEADERS)
    found = _END.search(data, start, limit)
    return found.start() + 1 if found else limit
