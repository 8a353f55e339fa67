# SPDX-License-Identifier: GPL-2.0
"""Text of mails in whatever charset they name, rightly or not: decoded, never refused. Pure."""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re

# What mailers name, and what they then write: as browsers read these names (WHATWG's encodings).
_WIDER = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
# For text that names no charset, or one that nobody knows ("unknown-8bit"), and is not UTF-8.
_GUESS = "windows-1252"

MAX_CHARSET = 64

_UTF8 = ("utf-8", "utf8", "ascii", "us-ascii")  # and what is a part of it
_NO_CHARSET = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined")

# Each part ends where the next may begin, so that the time grows with the length only.
_WORD = re.compile(r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,32})?\?([bBqQ])\?([^?]*+)\?=")
_BETWEEN_WORDS = re.compile(r"\s*+\Z")


def decode(data: bytes, charset: str) -> tuple[str, str]:
    """Give the text of bytes in a charset, and what is wrong with them ("" for nothing)."""
    codec = _codec(charset)
    if not codec:
        try:
            return data.decode(), ""
        except UnicodeDecodeError:
            named = f"names a charset that nobody knows ('{charset[:MAX_CHARSET]}')"
            why = named if charset and charset.lower() not in _UTF8 else "is not UTF-8"
            return data.decode(_GUESS, errors="replace"), f"{why}: read as {_GUESS}"
    wider = _WIDER.get(codec, codec)
    for name in (codec, wider):
        try:
            text = data.decode(name)
            text.encode()  # UTF-7 has code points that are no text
        except UnicodeError:
            continue
        return text, ""
    text = data.decode(wider, errors="replace").encode(errors="replace").decode()
    return text, f"is not valid {charset}: what cannot be read is replaced"


def decode_header(raw: bytes) -> tuple[str, str]:
    """Give the text of a header's value, encoded words in it decoded, on one line.

    The second value says what had to be done to read it, "" for nothing.
    """
    text, note = decode(raw, "")
    parts: list[str] = []
    at, after_word = 0, False
    for word in _WORD.finditer(text):
        between = text[at : word.start()]
        if not (after_word and _BETWEEN_WORDS.match(between)):
            parts.append(between)
        content, lack = _word(word[1], word[2], word[3])
        parts.append(content)
        note = note or lack
        at, after_word = word.end(), True
    parts.append(text[at:])
    # git ends a header there.
    return " ".join("".join(parts).replace("\0", "\ufffd").split()), note


def _word(charset: str, encoding: str, content: str) -> tuple[str, str]:
    raw = content.encode(errors="replace")
    if encoding in "qQ":
        data = quopri.decodestring(raw, header=True)
    else:
        try:
            data = base64.b64decode(raw + b"=" * (-len(raw) % 4))
        except binascii.Error:
            return content, "holds broken base64"
    return decode(data, charset)


def recoded(text: bytes, charset: str, *, mixed: bool = True) -> tuple[bytes, str]:
    """Give text in a charset as UTF-8, and what is wrong with it ("" for nothing).

    mixed: lines that are UTF-8 already stay as they are.
    """
    if not mixed and _codec(charset):
        plain, note = decode(text, charset)
        return plain.encode(errors="replace"), note
    read = [
        (line.decode(), "") if is_utf8(line) else decode(line, charset)
        for line in text.splitlines(keepends=True)
    ]
    plain = "".join(line for line, _ in read)
    return plain.encode(errors="replace"), next((note for _, note in read if note), "")


def is_utf8(data: bytes) -> bool:
    """Whether bytes are text in UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _codec(charset: str) -> str:
    """Give Python's name of a charset; "" where that is UTF-8, ASCII, unknown or no charset."""
    try:
        found = codecs.lookup(charset) if charset.isascii() else None
    except (LookupError, ValueError):
        return ""
    # Python has codecs that pack, or that raise on purpose: no charsets of mails.
    if found is None or not found._is_text_encoding or found.name in _NO_CHARSET:
        return ""
    return "" if found.name in _UTF8 else found.name
