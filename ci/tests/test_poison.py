# SPDX-License-Identifier: GPL-2.0
"""A mail that brings out a fault of the bot stops nothing but itself.

What does so is not known (or it would be put right), so the fault is put in by hand.
"""

from __future__ import annotations

from typing import Any

import pytest

from kseries.lib.errors import InfraError
from kseries.lib.proc import CommandTimeout
from kseries.series import patchmail
from seriesbot import admission, assembling, mails, postings
from tests.archives import diff, mail, thread
from tests.desk import Desk


def failing(real: Any, when: Any, error: Exception) -> Any:
    def wrapped(*words: Any, **named: Any) -> Any:
        if when(*words, **named):
            raise error
        return real(*words, **named)

    return wrapped


def patches(*tags: str) -> list[bytes]:
    return [
        mail(f"[PATCH] {tag}", f"{tag}@x", diff(f"net/{tag}"), sender=f"{tag}@x.org")
        for tag in tags
    ]


def test_when_it_is_put_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = failing(assembling.make, lambda row, *_: row["title"] == "evil", ValueError("odd"))
    monkeypatch.setattr("seriesbot.admission.make", evil)
    desk.post(*patches("evil", "good"))
    desk.admit()
    assert desk.states() == ["broken", "held"]
    assert desk.reasons()[0] == "a fault of the bot (ValueError('odd'))"


def test_when_a_program_does_not_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    late = CommandTimeout("git did not end.", where="", completed=None)
    evil = failing(patchmail.check_complete, lambda patch, _: patch.title == "evil", late)
    monkeypatch.setattr("seriesbot.assembling.check_complete", evil)
    desk.post(*patches("evil", "good"))
    desk.admit()
    assert desk.states() == ["broken", "held"]


def test_when_the_machine_fails_it_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    full = failing(
        assembling.make, lambda row, *_: row["title"] == "evil", InfraError("The disk is full.")
    )
    monkeypatch.setattr("seriesbot.admission.make", full)
    desk.post(*patches("evil", "good"))
    with pytest.raises(InfraError, match="The disk is full"):
        desk.admit()
    assert desk.states() == ["gathering", "held"]
    assert desk.due()[0] == admission.RETRY_S
    desk.admit()  # not before its time
    monkeypatch.setattr("seriesbot.admission.make", assembling.make)
    desk.wait(5)
    desk.admit()
    assert desk.states() == ["held", "held"]


def test_when_it_is_sorted_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = failing(
        postings.postings,
        lambda known, _: any("evil" in one.mail.subject for one in known),
        RecursionError("deep"),
    )
    monkeypatch.setattr("seriesbot.gather.postings", evil)
    desk.post(*patches("evil", "good"))
    assert desk.states() == ["gathering"]
    told = desk.store.value("SELECT reason FROM decision WHERE message_id = 'evil@x'")
    assert told == "a fault of the bot (RecursionError('deep'))"


def test_when_it_is_taken_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = failing(mails.read, lambda data: b"evil" in data, UnicodeError("odd"))
    monkeypatch.setattr(mails, "read", evil)
    desk.post(*patches("evil", "good"), *thread("a", 1))
    assert len(desk.states()) == 2


def test_a_part_that_comes_a_hundred_times_is_kept_four_times(desk: Desk) -> None:
    raws = thread("a", 2)
    desk.post(*raws)
    desk.admit()
    for n in range(4):
        again = [raws[1].replace(b"a-1@x>", b"b%d-%d@x>" % (n, k), 1) for k in range(5)]
        desk.post(*again)
        desk.admit()
    assert desk.states() == ["held"]
    assert [number for number, _ in desk.parts(1)] == [0, 1, 1, 1, 1, 2]
    assert desk.parts(1)[1] == (1, "a-1@x")
    assert desk.parts(1)[4] == (1, "b3-4@x")
