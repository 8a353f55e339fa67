# SPDX-License-Identifier: GPL-2.0
"""One server that is asked by HTTP. The only user of urllib3.

What may be asked twice is asked again at once, a few times, by urllib3; a POST is not, as it may
have been carried out: the outbox tries it later, when it has looked. Nothing is sent elsewhere: a
redirect is told, and not followed.
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

import urllib3
from urllib3.util import Retry, Timeout

from kseries.report.words import plain
from seriesbot.delivery import LONGEST_WAIT_S, Fate, Sent

MAX_BYTES = 8 << 20  # of an answer
MAX_NOTE = 300  # characters of a server's words
AGAIN = 3  # times that what may be asked twice is asked at once
BACKOFF = 0.2  # seconds before the second of these, then twice as long
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
        self, url: str, authorization: str, timeout_s: float, context: ssl.SSLContext | None = None
    ) -> None:
        self._url, self._timeout_s = url.rstrip("/"), timeout_s
        retries = Retry(
            total=AGAIN,
            backoff_factor=BACKOFF,
            status_forcelist=BUSY,
            allowed_methods=("GET",),
            # It could ask for hours, and the bot has other things to do: the outbox waits for it.
            respect_retry_after_header=False,
            redirect=False,
            raise_on_status=False,
        )
        self._pool = urllib3.PoolManager(
            num_pools=1,
            headers={
                "Authorization": authorization,
                "Accept": "application/json",
                "User-Agent": "kseries-seriesbot",
            },
            retries=retries,
            timeout=Timeout(total=timeout_s),
            ssl_context=context,
        )

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Ask for something. Raises Failed."""
        return self._ask("GET", f"{path}?{urlencode(query)}", None)

    def post(self, path: str, document: bytes) -> Answer:
        """Hand over JSON. Raises Failed, whose fate is UNCERTAIN where it may have arrived."""
        return self._ask("POST", path, document)

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {**self._pool.headers, **({"Content-Type": "application/json"} if body else {})}
        try:
            answer = self._pool.request(
                *(method, f"{self._url}{path}"),
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            data = self._read(answer)
        except urllib3.exceptions.HTTPError as error:
            fate = Fate.LATER if body is None or _is_unsent(error) else Fate.UNCERTAIN
            raise Failed(Sent(fate, note(f"{type(error).__name__}: {error}"))) from error
        if not 200 <= answer.status < 300:
            _refused(answer.status, answer.headers, data)
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            fate = Fate.UNCERTAIN if body else Fate.LATER
            raise Failed(Sent(fate, note(f"it answers what is no JSON: {error}"))) from error
        following = _NEXT.search(answer.headers.get("Link", ""))
        return Answer(found, following[1] if following else "")

    def _read(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        """Read an answer, of whatever length and however slow. Raises HTTPError."""
        limit = time.monotonic() + self._timeout_s
        data = bytearray()
        while chunk := answer.read1(1 << 16):
            data += chunk
            if len(data) > MAX_BYTES or time.monotonic() > limit:
                answer.close()
                raise urllib3.exceptions.ResponseError("its answer does not end")
        return bytes(data)


def _is_unsent(error: urllib3.exceptions.HTTPError) -> bool:
    """Whether no connection came about."""
    reason = getattr(error, "reason", None) or error
    kinds = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.SSLError,
    )
    return isinstance(reason, kinds)


def _refused(status: int, headers: Mapping[str, str], data: bytes) -> NoReturn:
    words = note(f"{status} {data[:4000].decode(errors='replace')}")
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
