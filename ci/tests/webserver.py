# SPDX-License-Identifier: GPL-2.0
"""The web page served on loopback as it is served in earnest, asked as a browser asks."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from kseries.lib.deadline import Deadline


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Served:
    port: int

    def get(self, path: str, *, host: str = "127.0.0.1", method: str = "GET") -> Answer:
        return self.ask(method, path, {"Host": host})

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()


@contextmanager
def served(app: Any) -> Iterator[Served]:
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", server_header=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = Deadline.after(30)
        while not server.started:
            assert thread.is_alive()
            assert not deadline.expired
        yield Served(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
