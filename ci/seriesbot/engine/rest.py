# SPDX-License-Identifier: GPL-2.0
"""Ask a Buildbot master by its REST interface. No answer is believed to be small, or well-formed.

What cannot be asked raises InfraError, and is not asked again for a while: the bot has more to do
than to wait for a master that is down.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from kseries.lib.bounded import MIB
from kseries.lib.errors import InfraError

API = "api/v2"
LOGIN = "auth/login"

# Buildbot 4.3 writes its answers from a thread of its own, which at times (once in some thousands)
# leaves the end of one unsent. So what only reads is asked again.
READ_S, TRIES = 5.0, 3
WRITE_S = 60.0
# Until a master is asked again that did not answer: so long, and the time that it took so often.
QUIET_S, QUIET_TIMES = 3.0, 3
MAX_JSON = 8 * MIB

OK, FOUND, FORBIDDEN, NOT_FOUND = 200, 302, 403, 404


@dataclass
class Rest:
    """A master's REST interface. url: where its web page is."""

    url: str
    user: str
    password: str = field(repr=False)
    _cookie: str = field(default="", repr=False)
    _down: str = ""
    _until: float = 0.0

    def get(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Read a collection, or one thing as a list of one; none where there is no such thing."""
        wanted = f"?{urlencode(query)}" if query else ""
        status, data = self._ask("GET", f"{API}/{path}{wanted}", limit=MAX_JSON)
        if status == NOT_FOUND:
            return []
        told = self._json(status, data)
        # All of an answer that is not `meta` is a list, by the plural of what was asked for.
        found = next((told[name] for name in told if name != "meta"), None)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._odd(data)
        return found

    def raw(self, path: str, limit: int) -> bytes | None:
        """Read bytes; None where there are none, or more than a limit."""
        status, data = self._ask("GET", f"{API}/{path}", limit=limit)
        if status == NOT_FOUND or len(data) > limit:
            return None
        if status != OK:
            raise self._odd(data, status)
        return data

    def call(self, path: str, method: str, params: Mapping[str, object]) -> object:
        """Have the master do something, as the user that may; give what it says."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        body = json.dumps(asked).encode()
        status, data = self._post(path, body) if self._cookie else (FORBIDDEN, b"")
        if status == FORBIDDEN:  # a login does not last for ever
            self._login()
            status, data = self._post(path, body)
        return self._json(status, data).get("result")

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        return self._ask("POST", f"{API}/{path}", body, headers, MAX_JSON)

    def _login(self) -> None:
        told = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {told}"}
        status, _ = self._ask("GET", LOGIN, headers=headers, limit=MIB)
        if status not in (OK, FOUND) or not self._cookie:
            raise InfraError(
                f"The Buildbot master does not let '{self.user}' in (status {status}).",
                where=self.url,
                do="see that engine.credentials in bot.toml names the master's own bot.toml",
            )

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = MAX_JSON,
    ) -> tuple[int, bytes]:
        """Give status and body, of which one byte more than the limit is read."""
        if time.monotonic() < self._until:
            raise self._unreachable()
        began = time.monotonic()
        for left in reversed(range(TRIES if method == "GET" else 1)):
            try:
                return self._once(method, path, body, headers or {}, limit)
            except (OSError, http.client.HTTPException) as error:
                if left and isinstance(error, TimeoutError | http.client.IncompleteRead):
                    continue
                self._down = str(error) or type(error).__name__
                now = time.monotonic()
                self._until = now + QUIET_S + QUIET_TIMES * (now - began)
                raise self._unreachable() from error
        raise AssertionError

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limit: int
    ) -> tuple[int, bytes]:
        place = urlsplit(self.url)
        secure = place.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        timeout = READ_S if method == "GET" else WRITE_S
        connection = kind(place.hostname or "", place.port, timeout=timeout)
        try:
            target = f"{place.path.rstrip('/')}/{path}"
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            if path == LOGIN:
                self._keep_cookie(answer)
            data = answer.read(limit + 1)
            if answer.length and len(data) <= limit:
                raise http.client.IncompleteRead(data, answer.length)
            return answer.status, data
        finally:
            connection.close()

    def _keep_cookie(self, answer: http.client.HTTPResponse) -> None:
        self._cookie = ""
        for line in answer.headers.get_all("Set-Cookie", []):
            try:
                found = SimpleCookie(line)
            except CookieError:
                continue
            self._cookie = "; ".join(f"{name}={one.value}" for name, one in found.items())

    def _json(self, status: int, data: bytes) -> dict[str, Any]:
        if status != OK:
            raise self._odd(data, status)
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            raise self._odd(data) from None
        if not isinstance(told, dict):
            raise self._odd(data)
        return told

    def _unreachable(self) -> InfraError:
        return InfraError(
            f"The Buildbot master cannot be asked: {self._down}.",
            where=self.url,
            do="start it: `seriesbot buildbot start DIR`; nothing is lost meanwhile",
        )

    def _odd(self, data: bytes, status: int = OK) -> InfraError:
        said = data[:300].decode(errors="replace")
        return InfraError(
            f"The Buildbot master gives an answer that cannot be used (status {status}): {said}",
            where=self.url,
            do="see that engine.master in bot.toml is the address of the master's web page",
        )
