# SPDX-License-Identifier: GPL-2.0
"""Ask a Buildbot master by its REST interface. No answer is believed to be small, or well-formed.

What cannot be asked raises InfraError, and is not asked again for a while: the bot has more to do
than to wait for a master that is down.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode

from kseries.lib.bounded import MIB
from kseries.lib.errors import InfraError
from seriesbot.http import Answer, Client, NoAnswer, TooLarge

API = "/api/v2"
LOGIN = "/auth/login"

# Buildbot 4.3 writes its answers from a thread of its own, which at times (once in some thousands)
# leaves the end of one unsent. So what only reads is asked again.
READ_S, TRIES = 5.0, 3
WRITE_S = 60.0
# Until a master is asked again that did not answer: so long, and the time that it took so often.
QUIET_S, QUIET_TIMES = 3.0, 3
MAX_JSON = 8 * MIB

OK, FOUND, FORBIDDEN, NOT_FOUND = 200, 302, 403, 404


class _LargeError(InfraError):
    """An answer of the master that is larger than it may be."""


@dataclass
class Rest:
    """A master's REST interface. url: where its web page is. context: what https is checked by."""

    url: str
    user: str
    password: str = field(repr=False)
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    _client: Client = field(init=False, repr=False)
    _cookie: str = field(default="", init=False, repr=False)
    _down: str = field(default="", init=False)
    _until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._client = Client(self.url, self.context, tries=TRIES)

    def get(self, path: str, **query: object) -> list[dict[str, Any]]:
        """Read a collection, or one thing as a list of one; none where there is no such thing."""
        wanted = f"?{urlencode(query)}" if query else ""
        answer = self._read(f"{API}/{path}{wanted}", MAX_JSON)
        if answer.status == NOT_FOUND:
            return []
        told = self._json(answer)
        # All of an answer that is not `meta` is a list, by the plural of what was asked for.
        found = next((told[name] for name in told if name != "meta"), None)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._odd(answer)
        return found

    def raw(self, path: str, limit: int) -> bytes | None:
        """Read bytes; None where there are none, or more than a limit."""
        try:
            answer = self._read(f"{API}/{path}", limit)
        except _LargeError:
            return None
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise self._odd(answer)
        return answer.data

    def call(self, path: str, method: str, params: Mapping[str, object]) -> object:
        """Have the master do something, as the user that may; give what it says."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        body = json.dumps(asked).encode()
        answer = self._post(path, body) if self._cookie else None
        if answer is None or answer.status == FORBIDDEN:  # a login does not last for ever
            self._login()
            answer = self._post(path, body)
        return self._json(answer).get("result")

    def _post(self, path: str, body: bytes) -> Answer:
        told = {"Cookie": self._cookie}
        return self._ask(lambda: self._client.post(f"{API}/{path}", body, WRITE_S, MAX_JSON, told))

    def _read(self, path: str, limit: int, headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask(lambda: self._client.get(path, READ_S, limit, headers))

    def _login(self) -> None:
        told = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        answer = self._read(LOGIN, MIB, {"Authorization": f"Basic {told}"})
        self._cookie = _cookie(answer)
        if answer.status not in (OK, FOUND) or not self._cookie:
            raise InfraError(
                f"The Buildbot master does not let '{self.user}' in (status {answer.status}).",
                where=self.url,
                do="see that engine.credentials in bot.toml names the master's own bot.toml",
            )

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, unless the master did not answer a moment ago."""
        if time.monotonic() < self._until:
            raise self._unreachable()
        began = time.monotonic()
        try:
            return ask()
        except TooLarge as error:
            raise _LargeError(
                f"The Buildbot master gives an answer that cannot be used: {error}.", where=self.url
            ) from error
        except NoAnswer as error:
            self._down = str(error)
            now = time.monotonic()
            self._until = now + QUIET_S + QUIET_TIMES * (now - began)
            raise self._unreachable() from error

    def _json(self, answer: Answer) -> dict[str, Any]:
        if answer.status != OK:
            raise self._odd(answer)
        try:
            told = json.loads(answer.data)
        except (ValueError, RecursionError):
            raise self._odd(answer) from None
        if not isinstance(told, dict):
            raise self._odd(answer)
        return told

    def _unreachable(self) -> InfraError:
        return InfraError(
            f"The Buildbot master cannot be asked: {self._down}.",
            where=self.url,
            do="start it: `seriesbot buildbot start DIR`; nothing is lost meanwhile",
        )

    def _odd(self, answer: Answer) -> InfraError:
        said = answer.data[:300].decode(errors="replace")
        return InfraError(
            "The Buildbot master gives an answer that cannot be used"
            f" (status {answer.status}): {said}",
            where=self.url,
            do="see that engine.master in bot.toml is the address of the master's web page",
        )


def _cookie(answer: Answer) -> str:
    """Give the last cookie of an answer, "" where it has none."""
    found = ""
    for line in answer.headers.getlist("Set-Cookie"):
        try:
            told = SimpleCookie(line)
        except CookieError:
            continue
        found = "; ".join(f"{name}={one.value}" for name, one in told.items())
    return found
