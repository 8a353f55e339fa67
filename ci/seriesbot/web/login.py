# SPDX-License-Identifier: GPL-2.0
"""What operators do on the page, behind a login: they release series that are held, or refuse them.

It is decided as by `seriesbot release` and `seriesbot refuse`. Nothing is changed without a form of
ours, sent by a browser that is logged in, to a name of this machine or by TLS.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kseries.lib.errors import UserError
from seriesbot import holding, operators
from seriesbot.config import Config
from seriesbot.store import Store
from seriesbot.web import forms, pages, render
from seriesbot.web.forms import Denied
from seriesbot.web.limits import Tries
from seriesbot.web.reading import Reader
from seriesbot.web.render import Renderer
from seriesbot.web.sessions import NOBODY, Sessions, Visitor, is_far

Fields = Mapping[str, str]
Decide = Callable[[Store, int, str, int], None]

WRONG = "No operator has this name and this password."


class Login:
    """The requests of operators, and who they are."""

    def __init__(self, config: Config, renderer: Renderer) -> None:
        self._config, self._renderer = config, renderer
        self._tries = Tries()

    def routes(self) -> Sequence[Route]:
        """Give what is answered."""
        return (
            Route("/login", self.form),
            Route("/login", self._posted(self._log_in), methods=["POST"]),
            Route("/logout", self._posted(self._log_out), methods=["POST"]),
            Route("/held", self.held),
            Route(
                "/versions/{number:int}/release",
                self._posted(self._decides(holding.release)),
                methods=["POST"],
            ),
            Route(
                "/versions/{number:int}/refuse",
                self._posted(self._decides(holding.refuse)),
                methods=["POST"],
            ),
        )

    @property
    def possible(self) -> bool:
        """Whether anybody can log in."""
        return os.path.lexists(self._config.home.operators)

    def visitor(self, request: Request, store: Store) -> Visitor:
        """Tell who looks at a page. What is wrong with the operators' file keeps nobody from it."""
        if not request.cookies or not self.possible:
            return NOBODY
        try:
            sessions = self._sessions(request)
        except (UserError, Denied):
            return NOBODY
        return sessions.known(sessions.of(request), store, render.now())

    def form(self, request: Request) -> Response:
        """Answer with the form."""
        sessions = self._sessions(request)
        return self._form(request, sessions, "")

    def held(self, request: Request) -> Response:
        """Answer with the series that are held; who is not logged in is sent to the form."""
        sessions = self._sessions(request)
        with Store.reading(self._config.home.store) as store:
            visitor = sessions.known(sessions.of(request), store, render.now())
            if not visitor.operator:
                return RedirectResponse("/login", 303)
            return self._page("held", pages.held(Reader(store)), visitor)

    def _posted(
        self, act: Callable[[Request, Sessions, Visitor, Fields], Response]
    ) -> Callable[[Request], object]:
        """Give the endpoint for a form, which is checked before anything is done."""

        async def endpoint(request: Request) -> Response:
            fields = await forms.read(request)
            return await run_in_threadpool(checked, request, fields)

        def checked(request: Request, fields: Fields) -> Response:
            sessions = self._sessions(request)
            visitor = sessions.of(request)
            if not sessions.is_token(visitor, fields.get("token", "")):
                raise Denied(403, "This form is too old, or none of ours: load its page again.")
            return act(request, sessions, visitor, fields)

        return endpoint

    def _sessions(self, request: Request) -> Sessions:
        """Read who can log in. Raises Denied where nobody can, or a password would be heard."""
        found = operators.read(self._config.home.operators)
        if found is None:
            raise Denied(404, "There is no such page.")
        scheme = urlsplit(self._config.told.answer.site or "").scheme
        if is_far(request) and scheme != "https":
            raise Denied(403, "From afar, operators log in by https:// alone (answer.site).")
        return Sessions(found)

    def _log_in(
        self, request: Request, sessions: Sessions, visitor: Visitor, fields: Fields
    ) -> Response:
        address = request.client.host if request.client else ""
        waits = self._tries.begin(address, time.monotonic())
        if waits:
            told = f"Too many tries: wait {int(waits) // 60 + 1} min."
            raise Denied(429, told, int(waits) + 1)
        name = fields.get("name", "")
        if not operators.is_password(sessions.operators, name, fields.get("password", "")):
            return self._form(request, sessions, WRONG, 403)
        self._tries.succeed(address)
        with Store.opened(self._config.home.store) as store:
            sessions.end(store, visitor)
            made = sessions.begin(store, name, render.now())
        answer = RedirectResponse("/held", 303)
        sessions.give(request, answer, made)
        return answer

    def _log_out(
        self, request: Request, sessions: Sessions, visitor: Visitor, _fields: Fields
    ) -> Response:
        with Store.opened(self._config.home.store) as store:
            sessions.end(store, visitor)
        answer = RedirectResponse("/", 303)
        sessions.take(request, answer)
        return answer

    def _decides(self, decide: Decide) -> Callable[..., Response]:
        def act(request: Request, sessions: Sessions, visitor: Visitor, fields: Fields) -> Response:
            number = pages.number(request)
            with Store.opened(self._config.home.store) as store:
                known = sessions.known(visitor, store, render.now())
                if not known.operator:
                    raise Denied(403, "Log in first.")
                try:
                    decide(store, number, f"{known.operator}, on the web page", int(render.now()))
                except UserError as error:
                    raise Denied(409, error.what) from error
            to = "/held" if fields.get("back") == "held" else f"/versions/{number}"
            return RedirectResponse(to, 303)

        return act

    def _form(
        self, request: Request, sessions: Sessions, wrong: str, status: int = 200
    ) -> Response:
        visitor = sessions.of(request)
        made = visitor if visitor.id else sessions.new()
        answer = self._page("login", {"wrong": wrong}, made, status)
        if not visitor.id:
            sessions.give(request, answer, made)
        return answer

    def _page(
        self, name: str, context: pages.Context, visitor: Visitor, status: int = 200
    ) -> Response:
        return self._renderer.page(name, context, status, visitor, can_log_in=True)
