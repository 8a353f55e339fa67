# SPDX-License-Identifier: GPL-2.0
"""Patchwork's REST API in small, on loopback: patches by message id, checks, pages.

What it takes and refuses is what the schema of its API says (version 1.3); a request that is none
of that is kept in `wrong`, and no test may leave one there. Checks are kept as they are posted,
each of them: as Patchwork does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.webserver import served

TOKEN = "0123456789abcdef"
BREAK = "break"  # takes the request, and breaks off the answer

CHECK = Draft202012Validator(
    {
        "type": "object",
        "required": ["state"],
        "additionalProperties": False,
        "properties": {
            "state": {"enum": ["pending", "success", "warning", "fail"]},
            "context": {
                "type": "string",
                "pattern": "^[-a-zA-Z0-9_]+$",
                "minLength": 1,
                "maxLength": 255,
            },
            "description": {"type": ["string", "null"]},
            "target_url": {"type": ["string", "null"], "maxLength": 200, "pattern": "^https?://"},
        },
    }
)
# Parameters of a list that the schema knows, of those that are asked for here.
LISTS = {"page", "per_page", "order", "q"}
OF_PATCHES = LISTS | {"msgid", "project", "series", "state", "hash", "submitter", "archived"}
OF_CHECKS = LISTS | {"user", "state", "context", "before", "since"}


class _Broken(Response):
    """Begins an answer, and does not end it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionResetError("as the test wants it")


@dataclass
class Server:
    """patches: (id, message id, project). say: what is answered to the next POSTs, then 201.

    busy: statuses of what is answered to the next GETs.

    filters: whether it knows `msgid`, as those of before 2020 do not.
    """

    port: int = 0
    patches: list[tuple[int, str, str]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    say: list[int | str] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    page: int = 100  # rows of a page at most
    filters: bool = True
    user: int = 1
    link: str = ""  # what its links begin with, "" for its own address

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, *ids: str, project: str = "netdev") -> None:
        for one in ids:
            self.patches.append((len(self.patches) + 1, one, project))

    def stands(self) -> dict[tuple[str, str], str]:
        """Give (message id, context) and state of the last check of each."""
        names = {number: one for number, one, _ in self.patches}
        return {(names[one["patch"]], one["context"]): one["state"] for one in self.checks}

    async def list_patches(self, request: Request) -> Response:
        if refused := self._refused(request, OF_PATCHES):
            return refused
        query = request.query_params
        found = [
            {"id": number, "msgid": f"<{one}>", "project": {"link_name": project}}
            for number, one, project in self.patches
            if (not self.filters or query.get("msgid") in (None, one))
            and query.get("project") in (None, project)
        ]
        return self._page(request, found)

    async def list_checks(self, request: Request) -> Response:
        if refused := self._refused(request, OF_CHECKS):
            return refused
        patch = request.path_params["patch"]
        if patch not in [number for number, _, _ in self.patches]:
            return JSONResponse({"detail": "Not found."}, 404)
        if request.method == "POST":
            return await self._create(request, patch)
        context = request.query_params.get("context")
        rows = [one for one in self.checks if one["patch"] == patch]
        return self._page(request, [one for one in rows if context in (None, one["context"])])

    async def _create(self, request: Request, patch: int) -> Response:
        told = self.say.pop(0) if self.say else 201
        if isinstance(told, int) and told != 201:
            return PlainTextResponse("no\x1b[31m", told, headers=self.headers)
        check = json.loads(await request.body())
        mistakes = [error.message for error in CHECK.iter_errors(check)]
        if mistakes:
            self.wrong += mistakes
            return JSONResponse({"detail": mistakes}, 400)
        made = {
            "target_url": None,
            "description": None,
            "context": "default",
            **check,
            "id": len(self.checks) + 1,
            "patch": patch,
            "user": {"id": self.user, "username": f"user{self.user}"},
        }
        self.checks.append(made)
        return _Broken() if told == BREAK else JSONResponse(made, 201)

    def _refused(self, request: Request, known: set[str]) -> Response | None:
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
        self.wrong += [name for name in request.query_params if name not in known]
        if request.method == "POST" and request.headers["content-type"] != "application/json":
            self.wrong.append(request.headers["content-type"])
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return JSONResponse({"detail": "Invalid token."}, 401)
        if request.method == "GET" and self.busy:
            return PlainTextResponse("busy", self.busy.pop(0), headers=self.headers)
        return None

    def _page(self, request: Request, rows: Sequence[Mapping[str, Any]]) -> Response:
        query = request.query_params
        size = min(int(query.get("per_page", "30")), self.page)
        page = int(query.get("page", "1"))
        pages = max(1, -(-len(rows) // size))
        if page > pages:
            return JSONResponse({"detail": "Invalid page."}, 404)
        base = f"{self.link or self.url}{request.url.path}?per_page={size}"
        links = [f'<{base}&page={page + 1}>; rel="next"'] if page < pages else []
        links += [f'<{base}&page={page - 1}>; rel="prev"'] if page > 1 else []
        links += [f'<{base}&page=1>; rel="first"', f'<{base}&page={pages}>; rel="last"']
        body = rows[(page - 1) * size : page * size]
        return JSONResponse(body, headers={"Link": ", ".join(links)})


class Address:
    """Where a server answers: another one for each test, as starting takes a while."""

    def __init__(self) -> None:
        self.server = Server()

    async def patches(self, request: Request) -> Response:
        return await self.server.list_patches(request)

    async def checks(self, request: Request) -> Response:
        return await self.server.list_checks(request)


@contextmanager
def serving() -> Iterator[Callable[[], Server]]:
    """Give what puts a new server there."""
    address = Address()
    checks = "/api/1.3/patches/{patch:int}/checks/"
    routes = [
        Route("/api/1.3/patches/", address.patches),
        Route(checks, address.checks, methods=["GET", "POST"]),
    ]
    with served(Starlette(routes=routes)) as site:

        def new() -> Server:
            address.server = Server(site.port)
            return address.server

        yield new
