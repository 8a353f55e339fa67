# SPDX-License-Identifier: GPL-2.0
"""Who looks at the page: a signed cookie, and who logged in with it, in the store.

The only user of itsdangerous. What is not signed by us is never looked up. A form carries a token
that is made of the cookie, so that no other site can fill it in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer
from starlette.requests import Request
from starlette.responses import Response

from seriesbot.operators import Operators
from seriesbot.store import Store
from seriesbot.tls import LOOPBACK

LASTS_S = 12 * 3600
ID_BYTES = 32


@dataclass(frozen=True)
class Visitor:
    """Who asks. id: what the cookie has, "" for none. operator: who logged in, "" for nobody.

    token: for forms.
    """

    id: str = ""
    operator: str = ""
    token: str = ""


NOBODY = Visitor()


@dataclass(frozen=True)
class Sessions:
    """Reads and writes cookies, with the key of the file of operators."""

    operators: Operators

    def new(self) -> Visitor:
        """Give somebody who has no cookie yet one."""
        return self._visitor(secrets.token_urlsafe(ID_BYTES), "")

    def of(self, request: Request) -> Visitor:
        """Tell whose cookie it is, before the store is asked who logged in."""
        told = request.cookies.get(_name(request), "")[:200]
        try:
            return self._visitor(self._signer("cookie").unsign(told).decode(), "")
        except (BadSignature, UnicodeError):
            return NOBODY

    def known(self, visitor: Visitor, store: Store, now: float) -> Visitor:
        """Tell who logged in with a cookie."""
        if not visitor.id:
            return visitor
        query = "SELECT operator FROM session WHERE id = ? AND until > ?"
        name = store.value(query, _digest(visitor.id), int(now))
        # Who was taken out of the file by hand has logged in for nothing.
        return self._visitor(visitor.id, name if name in self.operators.operator else "")

    def begin(self, store: Store, operator: str, now: float) -> Visitor:
        """Note that somebody logged in; his cookie is a new one, which nobody can have known."""
        made = self._visitor(secrets.token_urlsafe(ID_BYTES), operator)
        with store.transaction() as write:
            write.execute("DELETE FROM session WHERE until <= ?", [int(now)])
            write.execute(
                "INSERT INTO session (id, operator, at, until) VALUES (?, ?, ?, ?)",
                [_digest(made.id), operator, int(now), int(now) + LASTS_S],
            )
        return made

    def end(self, store: Store, visitor: Visitor) -> None:
        """Note that somebody logged out: his cookie is worth nothing any more."""
        with store.transaction() as write:
            write.execute("DELETE FROM session WHERE id = ?", [_digest(visitor.id)])

    def is_token(self, visitor: Visitor, token: str) -> bool:
        """Tell whether a form is one that we gave to this visitor."""
        same = hmac.compare_digest(visitor.token.encode(), token.encode(errors="replace"))
        return bool(visitor.id) and same

    def give(self, request: Request, response: Response, visitor: Visitor) -> None:
        """Have the browser keep a cookie, and send it back to us alone."""
        response.set_cookie(
            _name(request),
            self._signer("cookie").sign(visitor.id).decode(),
            max_age=LASTS_S if visitor.operator else None,
            secure=is_far(request),
            httponly=True,
            samesite="strict",
        )

    def take(self, request: Request, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(
            _name(request), secure=is_far(request), httponly=True, samesite="strict"
        )

    def _visitor(self, name: str, operator: str) -> Visitor:
        return Visitor(name, operator, self._signer("form").get_signature(name).decode())

    def _signer(self, what: str) -> Signer:
        return Signer(self.operators.key, f"seriesbot {what}", digest_method=hashlib.sha256)


def is_far(request: Request) -> bool:
    """Whether the page is asked by a name that is not this machine's: by TLS, or not at all."""
    return request.url.hostname not in LOOPBACK


def _name(request: Request) -> str:
    # The prefix keeps other hosts of the domain from setting it.
    return "__Host-seriesbot" if is_far(request) else "seriesbot"


def _digest(name: str) -> str:
    """Give what stands in the store: who reads a backup cannot log in by it."""
    return hashlib.sha256(name.encode()).hexdigest()
