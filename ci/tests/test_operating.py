# SPDX-License-Identifier: GPL-2.0
"""What an operator is shown stays short, whatever there is."""

from __future__ import annotations

import pytest

from seriesbot import decisions, operating
from seriesbot.operating import DECISIONS
from tests.archives import diff, mail
from tests.desk import Desk

LISTED = 5


def test_long_queues_are_cut_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operating, "LISTED", LISTED)
    desk.post(*(mail(f"[PATCH] x{n}", f"x{n}@x", diff(f"net/{n}")) for n in range(LISTED + 3)))
    desk.admit()
    held = list(operating.queue(desk.store, desk.now))
    assert len([line for line in held if line.startswith("held ")]) == LISTED
    assert held[-1] == "… 3 more are held"
    for n in range(LISTED + 3):
        list(operating.release(desk.store, f"x{n}@x", desk.now))
    waiting = list(operating.queue(desk.store, desk.now + 90))
    assert waiting[0].startswith("waits 1 min 30 s v1 x0  <x0@x>")
    assert waiting[-1] == "… 3 more wait"


def test_of_many_decisions_the_last_are_told(desk: Desk) -> None:
    desk.post(mail("[PATCH] x", "x@x", diff("net/x")))
    with desk.store.transaction() as write:
        for n in range(DECISIONS + 4):
            decisions.note(write, desk.now, "x@x", "test", f"outcome {n}", "")
    told = list(operating.why(desk.store, "x@x"))
    assert "… 5 earlier decisions" in told
    assert told[-1].endswith(f"outcome {DECISIONS + 3}: ")
