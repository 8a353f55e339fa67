# SPDX-License-Identifier: GPL-2.0
"""Killed at any moment, the bot loses nothing and does nothing twice: real kills, real processes.

KILLS=200 in the environment takes more moments than those of every day.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from seriesbot.store import Store
from tests.killing import Victim
from tests.test_ownlist import mails

KILLS = int(os.environ.get("KILLS", "2"))


def check(victim: Victim) -> None:
    """See that each series was taken in, judged and answered, once."""
    with Store.opened(victim.config.home.store) as store:
        versions = store.rows("SELECT state, number, total FROM version")
        assert Counter(row["state"] for row in versions) == {"judged": victim.posted}
        assert store.value("SELECT count(DISTINCT series) FROM version") == victim.posted
        judged = store.rows("SELECT version, count(*) AS results FROM result GROUP BY version")
        assert [row["results"] for row in judged] == [1] * victim.posted
        assert not store.value("SELECT count(*) FROM job WHERE tidied = 0")
        assert store.value("PRAGMA integrity_check") == "ok"
        doubled = store.value(
            "SELECT count(*) FROM (SELECT message, version FROM part GROUP BY message"
            " HAVING count(*) > 1)"
        )
        assert doubled == 0
        answers = store.rows("SELECT message_id, state FROM answer")
        assert [row["state"] for row in answers] == ["delivered"] * victim.posted
    written = [mail.partition(b"\n\n")[0].decode() for mail in mails(victim.folder / "answers")]
    ids = [re.findall(r"^Message-ID: <(.*)>$", head, re.MULTILINE)[0] for head in written]
    assert sorted(ids) == sorted(row["message_id"] for row in answers)
    assert list((victim.folder / "work/jobs").iterdir()) == []


@pytest.mark.timeout(90 + 15 * KILLS)
def test_kills_of_the_bot_lose_and_double_nothing(tmp_path: Path) -> None:
    victim = Victim(tmp_path / "bot", seed=1)
    victim.post(2)
    victim.kill_at_random(KILLS)
    victim.drain()
    check(victim)
    # What the bot starts outlives it: each series was run once.
    runs = Counter(victim.log.read_text().split())
    assert set(runs.values()) == {1}
    assert len(runs) == victim.posted


@pytest.mark.timeout(90 + 15 * KILLS)
def test_kills_of_whatever_runs_lose_and_double_nothing(tmp_path: Path) -> None:
    victim = Victim(tmp_path / "bot", seed=2)
    victim.post(2)
    victim.kill_at_random(KILLS, runners=True)
    victim.drain()
    check(victim)
