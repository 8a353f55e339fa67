# SPDX-License-Identifier: GPL-2.0
"""A server that is told of results: what it answers, as what that means for the outbox.

A POST that may have been carried out is uncertain: the outbox tries it later, when it has looked.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urlencode

from kseries.report.words import plain
from seriesbot import http
from seriesbot.delivery import LONGEST_WAIT_S, Fate, Sent

MAX_BYTES = 8 << 20  # of an answer
MAX_NOTE = 300  # characters of a server's words
TRIES = 4  # that what may be asked twice is asked at once
BACKOFF_S = 0.2  # until the second of these, then twice as long
BUSY = (408, 425, 429, 500, 502, 503, 504)
LOGIN = (401, 403, 407)

_NEXT = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')


class Failed(Exception):
    """A request that came to nothing."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(sent.note)
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    """What a server answered. following: the address of the next page, "" where there is none."""

    data: Any
    following: str = ""


class Server:
    """A server. authorization: the header's value. context: of TLS, what it is checked by."""

    def __init__(
        self, url: str, authorization: str, timeout_s: float, context: ssl.SSLContext
    ) -> None:
        self._timeout_s = timeout_s
        told = {"Authorization": authorization, "Accept": "application/json"}
        # Retry-After is not waited for: it could ask for hours, and the bot has other things to
        # do. The outbox waits.
        self._client = http.Client(url, context, told, TRIES, BUSY, BACKOFF_S)

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Ask for something. Raises Failed."""
        target = f"{path}?{urlencode(query)}"
        try:
            return _answer(self._client.get(target, self._timeout_s, MAX_BYTES), Fate.LATER)
        except http.NoAnswer as error:
            raise Failed(Sent(Fate.LATER, note(str(error)))) from error

    def post(self, path: str, document: bytes) -> Answer:
        """Hand over JSON. Raises Failed, whose fate is UNCERTAIN where it may have arrived."""
        try:
            answer = self._client.post(path, document, self._timeout_s, MAX_BYTES)
        except http.NoAnswer as error:
            fate = Fate.UNCERTAIN if error.arrived else Fate.LATER
            raise Failed(Sent(fate, note(str(error)))) from error
        return _answer(answer, Fate.UNCERTAIN)


def _answer(found: http.Answer, odd: Fate) -> Answer:
    """Read what a server says. odd: what it means where it took something and says no JSON."""
    if not 200 <= found.status < 300:
        _refused(found)
    try:
        data = json.loads(found.data)
    except (ValueError, RecursionError) as error:
        raise Failed(Sent(odd, note(f"it answers what is no JSON: {error}"))) from error
    following = _NEXT.search(found.headers.get("Link", ""))
    return Answer(data, following[1] if following else "")


def _refused(found: http.Answer) -> NoReturn:
    status, headers = found.status, found.headers
    words = note(f"{status} {found.data[:4000].decode(errors='replace')}")
    if 300 <= status < 400:
        words = note(f"{status}: it is at {headers.get('Location', 'another place')}; set url")
        raise Failed(Sent(Fate.LATER, words))
    if status in LOGIN:
        raise Failed(Sent(Fate.LATER, f"the token is not enough: {words}"))
    if status in BUSY:
        raise Failed(Sent(Fate.LATER, words, _wait_s(headers.get("Retry-After", ""))))
    raise Failed(Sent(Fate.REFUSED if 400 <= status < 500 else Fate.LATER, words))


def _wait_s(told: str) -> float:
    """Read Retry-After: seconds, or a date; 0 where it says nothing."""
    if re.fullmatch(r"[0-9]{1,9}", told):
        return min(int(told), LONGEST_WAIT_S)
    try:
        passes = parsedate_to_datetime(told).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0
    return min(max(0.0, passes), LONGEST_WAIT_S)


def note(text: str) -> str:
    """Give what a server says as one short line that can be kept."""
    return plain(text, MAX_NOTE)
