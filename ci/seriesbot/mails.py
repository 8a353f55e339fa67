# SPDX-License-Identifier: GPL-2.0
"""What the bot reads in the headers of a mail. Pure; anything can stand in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses
from pathlib import Path

from kseries.series import headers as headers_of
from kseries.series.mailbox import Mail, parse
from seriesbot.people import people
from seriesbot.states import Kind

MAX_ADDRESSES = 16 << 10  # characters of a header with addresses that are looked at
MAX_REFERENCES = 100  # of one mail that are kept: the first, and the last

_ADDRESS = re.compile(r"[^\s<>@,;:\"\\()\[\]]{1,100}@[A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?")
_PULL = re.compile(r"\s*+\[[^\]]*?\bpull\b", re.IGNORECASE)
_PATCH = re.compile(r"\s*+\[[^\]]*?\bpatch", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    """A mail, as its headers place it. sender: the address of From, "" for none that is plain."""

    mail: Mail
    kind: Kind
    sender: str


def read(data: bytes) -> Seen:
    """Read the headers of a mail."""
    headers = headers_of.read_headers(data)
    mail = parse(headers, Path(), "")
    sender = next((one.address for one in people(headers, "From")), "")
    # What answers by itself is never answered, our own mails least of all (RFC 3834).
    automatic = headers.text("Auto-Submitted").casefold() not in ("", "no")
    return Seen(mail, Kind.OTHER if automatic else _kind(mail), sender)


def _kind(mail: Mail) -> Kind:
    label = mail.label
    if label.reply:
        return Kind.REPLY
    if not label.tagged or (_PULL.match(mail.subject) and not _PATCH.match(mail.subject)):
        return Kind.REPLY if mail.references else Kind.OTHER
    return Kind.COVER if label.number == 0 else Kind.PATCH


def references(mail: Mail) -> list[str]:
    """Give what a mail answers, as much of it as is kept: the beginning of a thread, its end."""
    found = list(mail.references)
    half = MAX_REFERENCES // 2
    return found if len(found) <= MAX_REFERENCES else [*found[:half], *found[-half:]]


def addresses(text: str) -> tuple[str, ...]:
    """Give the addresses of a header with several; what is none is left out."""
    pairs = getaddresses([text[:MAX_ADDRESSES]])
    found = [one.strip().lower() for _, one in pairs if _ADDRESS.fullmatch(one.strip())]
    return tuple(dict.fromkeys(found))
