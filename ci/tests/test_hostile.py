# SPDX-License-Identifier: GPL-2.0
"""Mails of all kinds: no crash, no loss, and what is meant well is taken as it was meant.

HOSTILE=2000 SEEDS=1,2,3 in the environment takes more mails than those of every day.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from seriesbot import mails, operating
from tests import hostile
from tests.desk import Desk

COUNT = int(os.environ.get("HOSTILE", "150"))


@pytest.mark.timeout(120 + COUNT)
@pytest.mark.parametrize("seed", [*map(int, os.environ.get("SEEDS", "1").split(","))])
def test_mails_of_all_kinds(desk: Desk, seed: int) -> None:
    made = hostile.generate(seed, COUNT)
    for at in range(0, len(made.mails), 40):
        desk.post(*made.mails[at : at + 40])
        desk.admit()
        desk.now += 5
    desk.wait(60)
    desk.admit()
    states = {
        row["message_id"]: row["state"]
        for row in desk.store.rows("SELECT message_id, state FROM version ORDER BY id DESC")
    }
    wanted = {hostile.WHOLE: {"held", "repeated"}, hostile.MISSING: {"incomplete"}}
    wrong = {
        name: states.get(name)
        for name, fate in made.fates.items()
        if (fate in wanted and states.get(name) not in wanted[fate])
        or (fate == hostile.NOTHING and name in states)
    }
    assert wrong == {}
    sent = {mails.read(raw).mail.message_id for raw in made.mails} - {""}
    assert sent == {row[0] for row in desk.store.rows("SELECT message_id FROM message")}
    # Nobody who is not known has caused work, whatever he wrote.
    assert desk.jobs() == []
    assert (
        desk.store.value("SELECT count(*) FROM message WHERE handled = 0 AND kind = 'patch'") == 0
    )
    assert (
        Counter(row["state"] for row in desk.store.rows("SELECT state FROM version"))["gathering"]
        == 0
    )
    for row in desk.store.rows("SELECT message_id FROM message"):
        for line in operating.why(desk.store, row["message_id"]):
            assert line.isprintable() or not line
    for line in operating.queue(desk.store, desk.now):
        assert line.isprintable()


def test_the_same_seed_makes_the_same_mails() -> None:
    assert hostile.generate(3, 60) == hostile.generate(3, 60)
    assert hostile.generate(3, 60) != hostile.generate(4, 60)
