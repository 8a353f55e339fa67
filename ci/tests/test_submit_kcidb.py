# SPDX-License-Identifier: GPL-2.0
"""Reports to KCIDB, handed to a server as KCIDB's own is, and put into a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kcidb_io.schema import V5_3
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kseries.model import RunResult
from kseries.report import kcidb
from seriesbot.config import Config
from seriesbot.submit.outbox import Outbox
from seriesbot.submit.settings import KCIDB_TOKEN
from tests.desk import Desk
from tests.patchworkserver import TOKEN
from tests.test_submissions import NOW, configured, judged, rows, secret
from tests.test_writing import put
from tests.webserver import served


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KCIDB_TOKEN, raising=False)


@dataclass
class Spool:
    """A server that takes reports. say: statuses of the next answers, then 200."""

    port: int = 0
    say: list[int] = field(default_factory=list)
    answer: bytes = b""  # in place of what it would say
    taken: list[dict[str, Any]] = field(default_factory=list)

    async def submit(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"id": "0", "status": "error", "message": "JWT is required"}, 401)
        if self.say:
            return JSONResponse({"id": "0", "status": "error", "message": "x"}, self.say.pop(0))
        if self.answer:
            return Response(self.answer, media_type="application/json")
        self.taken.append(V5_3.validate(await request.json()))
        return JSONResponse({"id": f"wvTu6{len(self.taken)}", "status": "ok", "message": "y"})


@contextmanager
def spool() -> Iterator[Spool]:
    found = Spool()
    with served(Starlette(routes=[Route("/submit", found.submit, methods=["POST"])])) as site:
        found.port = site.port
        yield found


def to_server(desk: Desk, server: Spool, more: str = "") -> Config:
    secret(desk)
    url = f"http://127.0.0.1:{server.port}"
    return configured(desk, f'[kcidb]\nurl = "{url}"\ncredentials = "token.toml"\n{more}')


def files(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]


def test_a_report_is_handed_over_once(
    desk: Desk, passing_run: RunResult, failing_run: RunResult
) -> None:
    with spool() as server:
        config = to_server(desk, server)
        writer, box = judged(desk, config, passing_run), Outbox(desk.store, config)
        put(desk.store, failing_run, cause="again")
        put(desk.store, "it applies to no tree", cause="again")
        put(desk.store, passing_run, cause="again", exit_code=3)
        assert writer.step(NOW)
        assert [box.step(NOW), box.step(NOW)] == [2, 0]
    # As `kseries report --format kcidb` gives it: what is sent twice adds nothing.
    assert server.taken == [json.loads(kcidb.render(one)) for one in (passing_run, failing_run)]
    assert rows(desk) == [("delivered", 1, "as wvTu61"), ("delivered", 1, "as wvTu62")]


def test_under_the_name_that_kcidb_gave_us(desk: Desk, passing_run: RunResult) -> None:
    config = configured(desk, '[kcidb]\nfolder = "out"\norigin = "my_lab"\n')
    judged(desk, config, passing_run).step(NOW)
    assert Outbox(desk.store, config).step(NOW) == 1
    (report,) = files(config.home.path / "out")
    V5_3.validate(report)
    every = [*report["checkouts"], *report["builds"], *report["tests"]]
    assert len(every) > 5
    assert {one["origin"] for one in every} == {"my_lab"}
    assert {one["id"].partition(":")[0] for one in every} == {"my_lab"}


def test_into_a_folder_once_whatever_happens(desk: Desk, passing_run: RunResult) -> None:
    config = configured(desk, '[kcidb]\nfolder = "out"\n')
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    box.step(NOW)
    with desk.store.transaction() as write:  # as who was killed before he noted it finds it
        write.execute("UPDATE submission SET state = 'written'")
    box.step(NOW)
    assert len(list((config.home.path / "out").iterdir())) == 1


def test_a_folder_that_cannot_be_written(desk: Desk, passing_run: RunResult) -> None:
    config = configured(desk, '[kcidb]\nfolder = "bot.toml/out"\n')
    judged(desk, config, passing_run).step(NOW)
    box = Outbox(desk.store, config)
    assert box.step(NOW) == 0
    assert rows(desk)[0][:2] == ("written", 1)


def test_both_are_told(desk: Desk, passing_run: RunResult) -> None:
    with spool() as server:
        config = to_server(desk, server, 'folder = "out"\n')
        judged(desk, config, passing_run).step(NOW)
        assert Outbox(desk.store, config).step(NOW) == 2
    assert files(config.home.path / "out") == server.taken


@pytest.mark.parametrize(
    ("said", "state"), [(400, "failed"), (413, "failed"), (500, "written"), (503, "written")]
)
def test_what_a_server_says(said: int, state: str, desk: Desk, passing_run: RunResult) -> None:
    with spool() as server:
        config = to_server(desk, server)
        judged(desk, config, passing_run).step(NOW)
        server.say = [said]
        box = Outbox(desk.store, config)
        assert box.step(NOW) == 0
        assert rows(desk)[0][:2] == (state, 1)
        assert box.step(NOW + 60) == (1 if state == "written" else 0)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b'{"status": "ok", "id": "\\ud800\\u001b[2J\\n"}', "delivered"),
        (b'{"status": "ok", "id": {"a": [1]}}', "delivered"),
        (b'{"status": "ok"}', "delivered"),
        (b'{"status": "error"}', "written"),
        (b'["ok"]', "written"),
        (b"[" * 100_000, "written"),
        (b"9" * 5000, "written"),
        (b"\xff", "written"),
        (b"<html>", "written"),
    ],
)
def test_an_answer_of_any_kind_is_borne(
    said: bytes, state: str, desk: Desk, passing_run: RunResult
) -> None:
    with spool() as server:
        config = to_server(desk, server)
        judged(desk, config, passing_run).step(NOW)
        server.answer = said
        Outbox(desk.store, config).step(NOW)
    assert rows(desk)[0][:2] == (state, 1)
    assert rows(desk)[0][2].isprintable()


def test_a_document_that_is_gone_or_none(desk: Desk, passing_run: RunResult) -> None:
    config = configured(desk, '[kcidb]\nfolder = "out"\n')
    writer = judged(desk, config, passing_run)
    put(desk.store, passing_run, cause="again")
    writer.step(NOW)
    with desk.store.transaction() as write:
        write.execute("UPDATE result SET document = NULL WHERE id = 1")
        write.execute("UPDATE result SET document = x'789c030000000001' WHERE id = 2")
    Outbox(desk.store, config).step(NOW)
    assert [state for state, _, _ in rows(desk)] == ["failed", "failed"]


def test_settings_that_are_none(desk: Desk) -> None:
    for told in ('origin = "My Lab"', 'url = "ftp://x"', "nonsense = 1"):
        with pytest.raises(Exception, match="a mistake"):
            configured(desk, f"[kcidb]\n{told}\n")
