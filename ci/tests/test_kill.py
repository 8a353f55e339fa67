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
from tests import patchworkserver
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
    with patchworkserver.serving() as new:
        server = new()
        more = f'[patchwork]\nurl = "{server.url}"\n[kcidb]\nfolder = "kcidb"\n'
        victim = Victim(tmp_path / "bot", seed=1, more=more)
        # Patchwork reads the lists, too.
        server.add(*(f"s{series}-{n}@x" for series in range(KILLS + 9) for n in (1, 2, 3)))
        victim.post(2)
        victim.kill_at_random(KILLS)
        victim.drain()
        check(victim)
    # What the bot starts outlives it: each series was run once.
    runs = Counter(victim.log.read_text().split())
    assert set(runs.values()) == {1}
    assert len(runs) == victim.posted
    # And other programs were told once.
    posted = [(check["patch"], check["context"]) for check in server.checks]
    assert Counter(posted).most_common(1)[0][1] == 1
    applied = {(one, "kseries-apply"): "success" for one in victim.patches}
    assert server.stands() == applied
    assert len(list((victim.folder / "kcidb").glob("*.json"))) == victim.posted
    assert server.wrong == []


@pytest.mark.timeout(90 + 15 * KILLS)
def test_kills_of_whatever_runs_lose_and_double_nothing(tmp_path: Path) -> None:
    victim = Victim(tmp_path / "bot", seed=2)
    victim.post(2)
    victim.kill_at_random(KILLS, runners=True)
    victim.drain()
    check(victim)
