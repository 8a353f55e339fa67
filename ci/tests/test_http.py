# SPDX-License-Identifier: GPL-2.0
"""The one client for HTTP: whatever a server does, a request ends in its time, and is bounded."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seriesbot import tls
from seriesbot.http import Answer, Client, NoAnswer, TooLarge
from tests.rawserver import http, saying
from tests.smtpserver import certificate

LIMIT_S = 0.3
LONG_S = 60.0  # for what comes at once
HEAD = b"HTTP/1.1 200 OK\r\n"


def trickling(before: bytes, again: bytes) -> Callable[[socket.socket], None]:
    """Give an answer that goes on for ever, a few bytes at a time."""

    def say(one: socket.socket) -> None:
        one.sendall(before)
        while True:
            one.sendall(again)
            time.sleep(0.02)

    return say


def client(port: int, **told: object) -> Client:
    return Client(f"http://127.0.0.1:{port}/below/", **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (b"", b"H"),  # no line of its own
        (HEAD, b"X: y\r\n"),
        (HEAD + b"X: ", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Length: 9000\r\n\r\n", b"x"),
        (HEAD + b"\r\n", b"x"),  # up to the end of the connection
        (HEAD + b"Connection: close\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1", b"0"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    ],
)
def test_what_trickles_is_cut_off(before: bytes, again: bytes) -> None:
    with saying(trickling(before, again)) as (port, _):  # noqa: SIM117
        with pytest.raises(NoAnswer, match="timed out") as told:
            client(port).get("/x", LIMIT_S, 1 << 20)
    assert told.value.arrived


def test_what_trickles_through_tls_is_cut_off(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    with saying(trickling(HEAD, b"X: y\r\n"), http(b"x"), context=context) as (port, _):
        asked = Client(f"https://127.0.0.1:{port}", tls.context(str(trusted), tmp_path))
        with pytest.raises(NoAnswer, match="timed out"):
            asked.get("/x", LIMIT_S, 1 << 20)
        assert asked.get("/x", LONG_S, 1).data == b"x"


def test_who_does_not_take_what_he_is_given_is_left() -> None:
    with saying(lambda _: time.sleep(LIMIT_S * 3)) as (port, _):  # noqa: SIM117
        with pytest.raises(NoAnswer, match="timed out") as told:
            client(port).post("/x", b"x" * (64 << 20), LIMIT_S, 1)
    assert told.value.arrived


def test_who_says_nothing_to_tls_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = Client(f"https://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(NoAnswer, match="timed out") as told:
            asked.post("/x", b"{}", LIMIT_S, 1)
    assert not told.value.arrived


@pytest.mark.parametrize(
    "answer",
    [
        http(b"x" * 101),
        HEAD + b"\r\n" + b"x" * 101,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n",
    ],
)
def test_no_more_is_read_than_is_wanted(answer: bytes) -> None:
    with saying(answer, http(b"x" * 100)) as (port, asked):
        with pytest.raises(TooLarge, match="more than 100 bytes"):
            client(port, tries=3).get("/x", LONG_S, 100)
        assert len(asked) == 1  # it would be as large the next time
        assert len(client(port).get("/x", LONG_S, 100).data) == 100


def test_nothing_is_unpacked() -> None:
    bomb = gzip.compress(bytes(10 << 20))
    with saying(http(bomb, "200 OK", "Content-Encoding: gzip")) as (port, _):
        assert client(port).get("/x", LONG_S, 1 << 20).data == bomb


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http(b"x" * 9)[:-1],
        b"no http at all\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: y\r\n" * 200 + b"\r\n",
        HEAD + b"X: " + b"y" * (1 << 17) + b"\r\n\r\n",
    ],
)
def test_what_only_reads_is_asked_again_and_a_post_is_not(answer: bytes) -> None:
    with saying(answer, answer, http(b"x"), answer) as (port, asked):
        assert client(port, tries=3).get("/x", LONG_S, 9).data == b"x"
        assert len(asked) == 3
        with pytest.raises(NoAnswer) as told:
            client(port, tries=3).post("/x", b"{}", LONG_S, 9)
        assert len(asked) == 4
    assert told.value.arrived


def test_who_is_busy_is_asked_again_where_that_is_wanted() -> None:
    busy = http(b"", "503 Busy")
    with saying(*[busy] * 4) as (port, asked):
        told = client(port, tries=2, busy=(503,))
        assert told.get("/x", LONG_S, 9).status == 503
        assert len(asked) == 2
        assert told.post("/x", b"{}", LONG_S, 9).status == 503
        assert client(port, tries=2).get("/x", LONG_S, 9).status == 503
        assert len(asked) == 4


def test_what_reached_nobody_has_not_arrived(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NoAnswer, match="refused") as told:
        client(port).post("/x", b"{}", LONG_S, 1)
    assert not told.value.arrived
    # A certificate that nobody vouches for: not a word is said.
    context, _ = certificate(tmp_path)
    with saying(http(b""), context=context) as (port, asked):  # noqa: SIM117
        with pytest.raises(NoAnswer, match="certificate") as told:
            Client(f"https://127.0.0.1:{port}").post("/x", b"{}", LONG_S, 1)
    assert not told.value.arrived
    assert asked == []


def test_a_connection_is_kept_as_long_as_its_server_keeps_it() -> None:
    kept = HEAD + b"Content-Length: 1\r\n\r\nx"

    def twice(one: socket.socket) -> None:
        one.sendall(kept)
        more.append(one.recv(1 << 16))
        one.sendall(kept)

    more: list[bytes] = []
    with saying(twice, http(b"z")) as (port, asked):
        told = client(port)
        found = [told.get(f"/{number}", LONG_S, 9).data for number in range(2)]
        time.sleep(0.1)  # so that its end comes
        found.append(told.post("/2", b"{}", LONG_S, 9).data)
    assert found == [b"x", b"x", b"z"]
    assert [one.split(b" ")[1] for one in (asked[0], *more, asked[1])] == [
        b"/below/0",
        b"/below/1",
        b"/below/2",
    ]


def test_a_redirect_is_told_and_not_followed() -> None:
    moved = http(b"", "302 Found", "Location: http://127.0.0.1:1/")
    with saying(moved) as (port, _):
        found = client(port, headers={"Authorization": "x"}).get("/x", LONG_S, 9)
    assert isinstance(found, Answer)
    assert (found.status, found.headers["Location"]) == (302, "http://127.0.0.1:1/")


def test_a_secret_is_shown_nowhere() -> None:
    assert "secret" not in repr(client(1, headers={"Authorization": "secret"}))
