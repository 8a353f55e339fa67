# SPDX-License-Identifier: GPL-2.0
"""Who a mail names in its headers. Pure; anything can stand there.

A header is taken apart before anything in it is decoded: the name of a mailbox may hold commas and
addresses, in encoded words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import getaddresses

from kseries.report.words import plain
from kseries.series.charsets import decode_header
from kseries.series.headers import Headers

MAX_HEADER = 16 << 10  # bytes of a header with addresses that are looked at
MAX_NAME = 80  # characters
MAX_ADDRESS = 254  # characters; RFC 5321 allows no more

ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Person:
    """A mailbox. address: in lower case; name: harmless, perhaps ""."""

    name: str
    address: str


def people(headers: Headers, name: str) -> Iterator[Person]:
    """Give the mailboxes of a header; what is no address is passed over."""
    raw = headers.values.get(name.lower(), b"")[:MAX_HEADER]
    value = " ".join(raw.decode("latin-1").split())
    if _CONTROL.search(value):  # readers differ in what they make of it
        return
    try:
        pairs = getaddresses([value])
    except RecursionError:  # comments in comments in comments
        return
    for found, address in pairs:
        # Made of what stands around comments, it would be somebody else's.
        if is_address(address) and address in value:
            decoded = decode_header(found.encode("latin-1"))[0]
            yield Person(plain(decoded, MAX_NAME).strip(), address.lower())


def is_address(value: str) -> bool:
    """Whether mail can be sent to it; what needs quotes or more than ASCII is left alone."""
    return len(value) <= MAX_ADDRESS and ADDRESS.fullmatch(value) is not None
