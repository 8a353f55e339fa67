# SPDX-License-Identifier: GPL-2.0
"""The mail that is answered: who wrote it, to whom, in which thread. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kseries.report.words import plain
from kseries.series.headers import Headers, read_headers
from seriesbot.answer.headers import is_message_id
from seriesbot.people import Person, people

MAX_PEOPLE = 100  # that are answered; busy threads have some 40

_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")


@dataclass(frozen=True)
class Thread:
    """What is answered: the cover letter, else the first patch."""

    message_id: str  # without <>
    subject: str  # decoded, on one line
    author: Person
    others: tuple[Person, ...]  # of To and Cc, without the author, each once
    references: tuple[str, ...]  # message ids, oldest first
    automatic: bool = False  # written by a program, which is not to be answered

    @property
    def people(self) -> frozenset[str]:
        """Addresses of all who are in it."""
        return frozenset(one.address for one in (self.author, *self.others))


def read(raw: bytes) -> Thread | None:
    """Read the headers of a mail; None where it cannot be answered: no message id or sender."""
    headers = read_headers(raw)
    ids = _MESSAGE_ID.findall(headers.raw("Message-ID"))
    authors = [*people(headers, "From")]
    if len(ids) != 1 or not is_message_id(ids[0]) or not authors:
        return None
    author = authors[0]
    listed = (*authors[1:], *people(headers, "To"), *people(headers, "Cc"))
    replied = _MESSAGE_ID.findall(headers.raw("In-Reply-To"))
    references = [*_MESSAGE_ID.findall(headers.raw("References")), *replied]
    return Thread(
        message_id=ids[0],
        subject=plain(headers.text("Subject")),
        author=author,
        # Reply-To is passed over: it may name somebody who has nothing to do with all this.
        others=_once(listed, author.address)[:MAX_PEOPLE],
        references=tuple(one for one in dict.fromkeys(references) if is_message_id(one)),
        automatic=_automatic(headers),
    )


def _once(people: Iterable[Person], but: str) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    for one in people:
        if one.address != but:
            found.setdefault(one.address, one)
    return tuple(found.values())


def _automatic(headers: Headers) -> bool:
    submitted = headers.raw("Auto-Submitted").partition(";")[0].strip().lower()
    return submitted not in ("", "no")
