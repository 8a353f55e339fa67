# SPDX-License-Identifier: GPL-2.0
"""Killed at any moment, the bot loses nothing and does nothing twice: real kills, real processes.

KILLS=200 in the environment takes more moments than those of every day, SEED=7 others.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests import patchworkserver
from tests.killing import SETTINGS, Victim

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "2"))
SEED = int(os.environ.get("SEED", "1"))


@pytest.mark.timeout(90 + 15 * KILLS)
def test_kills_of_the_bot_lose_and_double_nothing(tmp_path: Path) -> None:
    with patchworkserver.serving() as new:
        server = new()
        more = f'[patchwork]\nurl = "{server.url}"\n[kcidb]\nfolder = "kcidb"\n'
        victim = Victim(tmp_path / "bot", seed=SEED, settings=SETTINGS + more)
        # Patchwork reads the lists, too.
        server.add(*(f"s{series}-{n}@x" for series in range(KILLS + 9) for n in (1, 2, 3)))
        victim.post(2)
        victim.kill_at_random(KILLS)
        victim.drain()
        victim.check()
    assert list((victim.folder / "work/jobs").iterdir()) == []
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
    victim = Victim(tmp_path / "bot", seed=SEED + 1)
    victim.post(2)
    victim.kill_at_random(KILLS, runners=True)
    victim.drain()
    victim.check()
    assert list((victim.folder / "work/jobs").iterdir()) == []
