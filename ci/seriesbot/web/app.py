# SPDX-License-Identifier: GPL-2.0
"""The web page's requests, by which nothing is changed: the store is opened to be read.

What operators change is in `login`.

Whatever a page shows of mails goes through `shown.harmless` and is escaped, and the browser is told
to run and load nothing but the style sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from kseries.lib.errors import KseriesError
from kseries.model import RunResult
from kseries.report import formats, html
from kseries.report import kcidb as reports
from kseries.verdict import document
from seriesbot.answer.public import public
from seriesbot.config import Config
from seriesbot.store import Row, Store, unpack
from seriesbot.web import flakes, metrics, pages, render, shown
from seriesbot.web.forms import Denied
from seriesbot.web.headers import SecurityHeaders
from seriesbot.web.login import Login
from seriesbot.web.reading import Reader
from seriesbot.web.render import Renderer

LOCAL = ("localhost", "127.0.0.1", "[::1]")
# The toolkit's report is one file with its style in it.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)

# Reports in the formats of the toolkit, by the name that they are kept under; and their types.
FILES = {"junit.xml": ("junit", "application/xml"), "kcidb.json": ("kcidb", "application/json")}

Page = Callable[[Reader, Request], "pages.Context | None"]


class Site:
    """All pages of one bot."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._renderer = Renderer(config.told.answer.name)
        self._login = Login(config, self._renderer)
        self._seen = flakes.reader(self._document)
        self._style = _style()

    def routes(self) -> Sequence[Route]:
        """Give what is answered."""
        told = self._config
        return (
            self._shows(
                "/", "overview", lambda reader, _: pages.overview(reader, told, render.now())
            ),
            self._shows(
                "/series", "series", lambda reader, asked: pages.listed(reader, asked.query_params)
            ),
            self._shows(
                "/versions/{number:int}",
                "version",
                lambda reader, asked: pages.version(reader, told, pages.number(asked)),
            ),
            self._shows("/work", "work", lambda reader, _: pages.work(reader, told, render.now())),
            self._shows("/flakes", "flakes", lambda reader, _: pages.flaky(reader, self._seen)),
            Route("/results/{number:int}", self.result),
            Route("/results/{number:int}/{name}", self.file),
            Route("/style.css", self.style),
            Route("/metrics", self.metrics),
            *self._login.routes(),
            Route("/healthz", self.health),
            Route("/readyz", self.ready),
        )

    def _shows(self, path: str, name: str, page: Page) -> Route:
        """Give the route of a page. name: of its template."""

        def answer(request: Request) -> Response:
            with self._opened() as store:
                context = page(Reader(store), request)
                visitor = self._login.visitor(request, store)
            if context is None:
                return self._not_found()
            possible = self._login.possible
            return self._renderer.page(name, context, 200, visitor, can_log_in=possible)

        return Route(path, answer)

    def result(self, request: Request) -> Response:
        """Answer with the toolkit's report of a result, or with why there is none."""
        with self._opened() as store:
            row = Reader(store).result(pages.number(request))
        if row is None:
            return self._not_found()
        if row["document"] is None:
            error = shown.lines(row["error"])
            return self._renderer.page("unjudged", {"row": row, "error": error})
        policy = {"Content-Security-Policy": REPORT_POLICY}
        return HTMLResponse(html.render(_public(row)), headers=policy)

    def file(self, request: Request) -> Response:
        """Answer with a result in a format for programs, as a file to be kept."""
        name = request.path_params["name"]
        with self._opened() as store:
            row = Reader(store).result(pages.number(request))
        if row is None or row["document"] is None or name not in FILES:
            return self._not_found()
        form, kind = FILES[name]
        kcidb = self._config.told.kcidb
        if form == "kcidb" and kcidb is not None:
            text = reports.render(_public(row), kcidb.origin)
        else:
            text = formats.RENDER[form](_public(row))
        kept = f'attachment; filename="result-{row["id"]}-{name}"'
        return Response(text, media_type=kind, headers={"Content-Disposition": kept})

    def style(self, _request: Request) -> Response:
        """Answer with the style sheet."""
        return Response(self._style, media_type="text/css")

    def metrics(self, _request: Request) -> Response:
        """Answer Prometheus."""
        text = metrics.text(self._opened)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def health(self, _request: Request) -> Response:
        """Say that this process answers."""
        return PlainTextResponse("ok\n")

    def ready(self, _request: Request) -> Response:
        """Say whether the store can be read."""
        with self._opened() as store:
            Reader(store).counts()
        return PlainTextResponse("ready\n")

    def failed(self, _request: Request, error: Exception) -> Response:
        """Answer where the store cannot be read. What is wrong is told without its place."""
        told = error.what if isinstance(error, KseriesError) else str(error)
        return self._renderer.page("failed", {"told": told}, 503)

    def denied(self, _request: Request, error: Exception) -> Response:
        """Answer what is not carried out, and why."""
        assert isinstance(error, Denied)
        answer = self._renderer.page("failed", {"told": error.told}, error.status)
        if error.wait_s:
            answer.headers["Retry-After"] = str(error.wait_s)
        return answer

    def missing(self, _request: Request, _error: Exception) -> Response:
        """Answer where there is no such page."""
        return self._not_found()

    def _not_found(self) -> Response:
        return self._renderer.page("failed", {"told": "There is no such page."}, 404)

    def _opened(self) -> AbstractContextManager[Store]:
        return Store.reading(self._config.home.store)

    def _document(self, number: int) -> bytes:
        with self._opened() as store:
            row = Reader(store).result(number)
            return unpack(row["document"]) if row is not None else b""


def make(config: Config, hosts: Sequence[str] = ()) -> Starlette:
    """Make the application. hosts: names it is asked by, beside those of this machine."""
    site = Site(config)
    handlers: dict[Any, Any] = {404: site.missing, 405: site.missing}
    handlers |= {KseriesError: site.failed, Denied: site.denied}
    return Starlette(
        routes=site.routes(),
        middleware=[
            Middleware(SecurityHeaders),
            # A page elsewhere may have its name resolve to this machine.
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL, *hosts]),
        ],
        exception_handlers=handlers,
    )


def _public(row: Row) -> RunResult:
    """Read the document of a result, as others may see it."""
    told = document.parse(unpack(row["document"]), f"result {row['id']}")
    return public(told, row["message_id"])


def _style() -> str:
    palette = resources.files("kseries.report") / "templates/palette.css"
    own = resources.files("seriesbot.web") / "style.css"
    return palette.read_text() + own.read_text()
