# SPDX-License-Identifier: GPL-2.0
"""What comes from workers and masters is read as what a stranger sends: bounded, or not at all."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from kseries.lib.errors import InfraError, UserError
from seriesbot import tls
from seriesbot.engine import rest, wire
from seriesbot.engine.base import Found, Order, Outcome
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.engine.rest import Rest
from tests.rawserver import http, saying

ORDER = Order("job-1-1", "x-v1", {"0001-a.patch": b"\xff\0\n"}, ("--config", "debug"), 60.0)


def test_an_order_comes_out_as_it_went_in() -> None:
    assert wire.order(wire.order_text(ORDER)) == ORDER


@pytest.mark.parametrize(
    "spoilt",
    [
        {"key": "../x"},
        {"key": "x\n"},
        {"key": ".x"},
        {"name": "a/b"},
        {"files": {"../x": ""}},
        {"files": {"x": "no base64!"}},
        {"files": {"x": 7}},
        {"limit_s": -1},
        {"limit_s": "inf"},
        {"arguments": [7]},
        {"more": 1},
    ],
)
def test_what_is_no_order_is_refused(spoilt: dict[str, object]) -> None:
    told = json.loads(wire.order_text(ORDER))
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        wire.order(json.dumps({**told, **spoilt}))


@pytest.mark.parametrize("text", ["", "x" * 200, "a/b", "..", "a b", "a\n", None, 7, ["a"]])
def test_what_is_no_key_is_known(text: object) -> None:
    assert not wire.is_key(text)
    assert wire.is_key("job-1-2-0a1b2c3d")


def test_an_outcome_comes_out_as_it_went_in() -> None:
    packed = wire.packed(b"{}")
    told = wire.outcome_text(1, "x" * 10_000, len(packed)).encode()
    assert wire.outcome(told, packed) == Outcome(1, b"{}", "x" * wire.MAX_SAID)
    # Not yet, or not all of it.
    assert wire.outcome(told, None) is None
    assert wire.outcome(told, packed[:-1]) is None
    assert wire.outcome(wire.outcome_text(2, "", 0).encode(), None) == Outcome(2, None, "")


BAD = Outcome(3, None, "what the worker sent cannot be read")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'{"exit_code": -9, "said": "", "document": 0}', b"[" * 60_000, b"\xff"],
)
def test_an_outcome_that_cannot_be_read_says_nothing_of_the_series(data: bytes) -> None:
    assert wire.outcome(data, None) == BAD


def test_a_document_is_unpacked_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpacked(data: bytes) -> bytes | None:
        found = wire.outcome(wire.outcome_text(0, "", len(data)).encode(), data)
        assert found is not None
        return found.document

    monkeypatch.setattr(wire, "MAX_BYTES", 100)
    assert unpacked(wire.packed(b"x" * 99)) == b"x" * 99
    assert unpacked(wire.packed(b"x" * 101)) is None
    assert unpacked(zlib.compress(b"x" * 50)[:-2]) is None
    assert unpacked(b"nonsense") is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"7"])
def test_a_base_is_a_json_object(data: bytes) -> None:
    assert wire.base(data) == b""
    assert wire.base(b'{"chosen": "x"}') == b'{"chosen": "x"}'


@contextmanager
def answering(*answers: bytes | None) -> Iterator[tuple[Rest, list[bytes]]]:
    """Be a master that gives some answers; None: no more than the beginning of one."""
    with saying(*answers) as (port, asked):
        yield Rest(f"http://127.0.0.1:{port}", "u", "p"), asked


@pytest.mark.parametrize(
    "answer",
    [
        http(b""),
        http(b"<html>"),
        http(b"[]"),
        http(b"{}"),
        http(b'{"workers": 7}'),
        http(b'{"workers": [7]}'),
        http(b"[" * 100_000),
        http(b"{}", "500 Oops"),
        http(b"{}", "302 Found"),
        b"no http at all\r\n\r\n",
        b"",
    ],
)
def test_an_odd_answer_is_told_as_the_masters_fault(answer: bytes) -> None:
    with answering(*[answer] * rest.TRIES) as (asked, _):  # noqa: SIM117
        with pytest.raises(InfraError, match="The Buildbot master"):
            asked.get("workers")


def test_a_build_without_a_number_is_told() -> None:
    with answering(http(b'{"builders": [{"builderid": "../x"}]}')) as (asked, _):  # noqa: SIM117
        with pytest.raises(InfraError, match="builderid"):
            _ = BuildbotEngine(asked).slots


def test_a_master_is_not_asked_at_each_step_of_the_bot() -> None:
    sets = http(b'{"buildsets": [{"bsid": 1}]}')
    request = http(b'{"buildrequests": [{"buildrequestid": 2, "complete": false}]}')
    builds = http(b'{"builds": []}')
    answers = (sets, request, builds, request, builds, request)
    with answering(*answers, login_answer(b"x"), http(b'{"result": null}')) as (asked, requests):
        engine = BuildbotEngine(asked)
        for _ in range(3):
            assert engine.look("job-1-1") is Found.RUNNING
            assert engine.base("job-1-1") == b""
            assert not engine.forget("job-1-1")
    assert len(requests) == 8


def test_an_order_that_was_not_there_is_asked_about_again() -> None:
    sets = http(b'{"buildsets": []}')
    with answering(sets, sets) as (asked, requests):
        engine = BuildbotEngine(asked)
        for _ in range(2):
            assert engine.look("job-1-1") is Found.GONE
    assert len(requests) == 2


def test_no_more_is_read_than_is_wanted() -> None:
    with answering(http(b"x" * 100), http(b"x" * 101)) as (asked, _):
        assert asked.raw("x", 100) == b"x" * 100
        assert asked.raw("x", 100) is None


def test_an_answer_that_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "MAX_JSON", 20)
    with answering(http(b'{"workers": [{}, {}]}'), http(b'{"workers": []}')) as (asked, _):
        with pytest.raises(InfraError, match="cannot be used: its answer has more than 20 bytes"):
            asked.get("workers")
        assert asked.get("workers") == []  # it was there, and is asked on


def test_an_answer_that_stops_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "READ_S", 0.1)
    with answering(None, None, http(b'{"workers": []}')) as (asked, requests):
        assert asked.get("workers") == []
    assert len(requests) == 3


def test_an_answer_that_is_cut_off_is_asked_for_again() -> None:
    cut = http(b"x" * 9)[:-1]
    with answering(cut, http(b"x" * 9)) as (asked, _):
        assert asked.raw("x", 100) == b"x" * 9
    with answering(*[cut] * 3) as (asked, _), pytest.raises(InfraError, match="IncompleteRead"):
        asked.raw("x", 100)


def test_a_master_that_does_not_answer_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rest, "READ_S", 0.1)
    with answering(None, None, None) as (asked, requests):
        for _ in range(3):
            with pytest.raises(InfraError, match="timed out"):
                asked.get("workers")
        # The bot has other things to do.
        assert asked._until > time.monotonic() + rest.QUIET_S
    assert len(requests) == 3


def test_what_changes_something_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "WRITE_S", 0.1)
    with (
        answering(login_answer(b"x"), None) as (asked, requests),
        pytest.raises(InfraError, match="timed out"),
    ):
        asked.call("x", "force", {})
    assert len(requests) == 2
    assert b"Cookie: TWISTED_SESSION=x\r\n" in requests[1]


def login_answer(word: bytes) -> bytes:
    head = b"HTTP/1.1 302 Found\r\nSet-Cookie: TWISTED_SESSION=%s; Path=/\r\n\r\n"
    return head % word


def test_a_login_that_ran_out_is_made_again() -> None:
    answers = (
        login_answer(b"old"),
        http(b'{"result": 1}'),
        http(b"{}", "403 Forbidden"),
        login_answer(b"new"),
        http(b'{"result": 2}'),
    )
    with answering(*answers) as (asked, requests):
        assert asked.call("x", "force", {}) == 1
        assert asked.call("x", "force", {}) == 2
    assert b"=new" in requests[-1]


def test_a_password_is_shown_nowhere() -> None:
    assert "secret" not in repr(replace(Rest("http://127.0.0.1:1", "u", "secret")))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8010", "https://ci.example.org/buildbot"])
def test_a_password_may_go_here(url: str) -> None:
    tls.require_private(url, "password", where="here", do="something else")


@pytest.mark.parametrize("url", ["http://ci.example.org:8010", "http://127.0.0.1.example.org"])
def test_a_password_goes_nowhere_in_the_clear(url: str) -> None:
    with pytest.raises(UserError, match="in the clear"):
        tls.require_private(url, "password", where="here", do="something else")
