# SPDX-License-Identifier: GPL-2.0
"""A server that is asked by HTTP, by the engine and by what tells others. The only user of urllib3.

No answer is believed to be small, or to end. What only reads is asked again at once, a few times;
a POST is not, as it may have been carried out. Nothing is sent elsewhere: a redirect is told, and
not followed.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException

from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

CHUNK = 1 << 16
USER_AGENT = "kseries-seriesbot"


class NoAnswer(Exception):
    """A request that got none. arrived: whether the server may have taken it."""

    def __init__(self, why: str, *, arrived: bool) -> None:
        super().__init__(why)
        self.arrived = arrived


class TooLarge(NoAnswer):
    """A request whose answer is larger than it may be."""


@dataclass(frozen=True)
class Answer:
    """What a server answered, whole."""

    status: int
    headers: HTTPHeaderDict
    data: bytes


@dataclass
class Client:
    """A server. Used by one thread at a time.

    context: what it is checked by, for https. headers: of each request. tries: how often what
    only reads is asked; busy: statuses for which it is asked again. backoff_s: until the second
    of these times, then twice as long.
    """

    url: str
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tries: int = 1
    busy: Collection[int] = ()
    backoff_s: float = 0.0
    _connection: HTTPConnection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = parse_url(self.url)
        host = (place.host or "").removeprefix("[").removesuffix("]")
        if place.scheme == "https":
            self._connection = HTTPSConnection(host, place.port, ssl_context=self.context)
        else:
            self._connection = HTTPConnection(host, place.port)
        # It is kept for the next request as long as its server keeps it.
        weakref.finalize(self, self._connection.close)

    def get(
        self, path: str, limit_s: float, limit: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for something: `tries` times for at most limit_s, and limit bytes of it.

        path: what follows the url. Raises NoAnswer.
        """
        for tried in range(1, self.tries + 1):
            try:
                answer = self._once("GET", path, None, headers or {}, limit_s, limit)
            except TooLarge:
                raise
            except NoAnswer:
                if tried == self.tries:
                    raise
            else:
                if answer.status not in self.busy or tried == self.tries:
                    return answer
            time.sleep(self.backoff_s * 2 ** (tried - 1))
        raise AssertionError

    def post(
        self,
        path: str,
        body: bytes,
        limit_s: float,
        limit: int,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Hand over JSON, once. Raises NoAnswer."""
        told = {"Content-Type": "application/json", **(headers or {})}
        return self._once("POST", path, body, told, limit_s, limit)

    def _once(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        limit_s: float,
        limit: int,
    ) -> Answer:
        until = time.monotonic() + limit_s
        told = {"User-Agent": USER_AGENT, **self.headers, **headers}
        target = (parse_url(self.url).path or "").rstrip("/") + path
        there = self._connection
        arrived = False
        try:
            self._connect(limit_s)
            with _cut_off(there.sock, until):
                arrived = True
                there.request(method, target, body, told, preload_content=False)
                answer = there.getresponse()
                return Answer(answer.status, answer.headers, _read(answer, limit))
        except (OSError, HTTPException, HTTPError, TooLarge) as error:
            there.close()
            if isinstance(error, TooLarge):
                raise
            why = f"{type(error).__name__}: {error}"
            if isinstance(error, TimeoutError):
                why = f"it timed out: no whole answer within {limit_s:g} s"
            raise NoAnswer(why, arrived=arrived) from error

    def _connect(self, limit_s: float) -> None:
        """Be connected. It takes limit_s for each address of a host, and for TLS, at most."""
        self._connection.timeout = limit_s
        if not self._connection.is_connected:  # never was, or the server ended it
            self._connection.close()
            self._connection.connect()


def _read(answer: BaseHTTPResponse, limit: int) -> bytes:
    data = bytearray()
    while chunk := answer.read1(CHUNK, decode_content=False):
        data += chunk
        if len(data) > limit:
            raise TooLarge(f"its answer has more than {limit} bytes", arrived=True)
    return bytes(data)


@contextmanager
def _cut_off(sock: socket.socket, until: float) -> Iterator[None]:
    """Cut a connection off at a moment: a socket's own time limit begins anew with each byte.

    Raises TimeoutError then, for what was cut off can look whole.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            # Not as SSLSocket does it, which pulls the rug from under the thread that reads.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(until - time.monotonic(), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPException, HTTPError) as error:
        if over.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError
