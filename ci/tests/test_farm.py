# SPDX-License-Identifier: GPL-2.0
"""Whatever of a Buildbot farm dies, hangs or lies: real processes, killed for good.

KILLS=200 in the environment takes more moments than those of every day, SEED=7 others.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.lib.errors import InfraError
from seriesbot.engine.base import Found, Outcome
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.farm import setting_up, starting
from seriesbot.http import Client
from seriesbot.orders import Made
from seriesbot.store import Row, Store
from seriesbot.worker import Worker
from tests.archives import thread
from tests.desk import Desk
from tests.farms import TOY, Farm, ended, order, wait_for
from tests.killing import SETTINGS, Victim
from tests.signing import Signer

KILLS = int(os.environ.get("KILLS", "10"))
SEED = int(os.environ.get("SEED", "3"))

pytestmark = [pytest.mark.farm, pytest.mark.timeout(300 + 30 * KILLS)]


def at_work(farm: Farm, key: str) -> str:
    """Give the worker that has an order."""
    wait_for(lambda: key in farm.calls())
    (found,) = [name for name in farm.names if (farm.folder / name / "series/jobs" / key).exists()]
    return found


def test_a_worker_that_is_killed_takes_its_run_along_and_another_begins(
    farm: Farm, engine: BuildbotEngine, key: str
) -> None:
    engine.submit(order(key, "TOY-SLEEP"))
    name = at_work(farm, key)
    assert engine.look(key) is Found.RUNNING
    first = engine.page(key)
    below = {each.pid for each in proc.descendants(farm.running[name].pid)}
    assert len(below) > 1
    farm.kill(name)
    wait_for(lambda: not {each.pid for each in proc.processes() if each.state != "Z"} & below)
    wait_for(lambda: farm.calls().count(key) == 2)
    # Both can be seen there; the bot links the one that goes on.
    wait_for(lambda: engine.look(key) is Found.RUNNING and engine.page(key) != first)
    wait_for(lambda: engine.forget(key))
    farm.start_all()


def test_what_kills_workers_is_not_begun_for_ever(
    farm: Farm, engine: BuildbotEngine, key: str
) -> None:
    engine.submit(order(key, "TOY-SLEEP"))
    for times in (1, 2, 3):
        wait_for(lambda times=times: farm.calls().count(key) == times)  # type: ignore[misc]
        busy = [
            name
            for name in farm.running
            if any(key.encode() in _words(each.pid) for each in _below(farm, name))
        ]
        (name,) = busy
        farm.kill(name)
        farm.start(name)
    assert ended(engine, key) is Found.GONE
    assert farm.calls().count(key) == 3
    farm.wait_until_up()


def _below(farm: Farm, name: str) -> list[proc.Process]:
    return list(proc.descendants(farm.running[name].pid))


def _words(pid: int) -> bytes:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_build_that_is_stuck_is_submitted_again_to_another_worker(
    farm: Farm, engine: BuildbotEngine, desk: Desk, key: str
) -> None:
    Signer(1).join(desk.config.keyring)
    desk.post(*map(Signer(1).sign, thread("a", 1)))
    desk.admit()

    def made(_version: Row, job: Row) -> Made:
        words = b"TOY-SLEEP" if job["attempt"] == 1 else b""
        return Made("toy-v1", {"0001-x.patch": words}, ())

    worker = Worker(desk.store, desk.config, engine, made)
    worker.work(desk.now)
    first = desk.store.value("SELECT key FROM job")
    name = at_work(farm, first)
    farm.running[name].send_signal(signal.SIGSTOP)
    try:
        desk.now = desk.store.value("SELECT deadline FROM job")
        worker.work(desk.now)
        assert desk.store.value("SELECT attempt FROM job") == 2
        assert desk.store.value("SELECT key FROM attempt") == first

        def judged() -> bool:
            worker.work(desk.now + 1)
            return desk.states() == ["judged"]

        wait_for(judged)
    finally:
        farm.running[name].send_signal(signal.SIGCONT)
    # It comes to itself, and is told that nobody wants it.
    wait_for(lambda: worker.work(desk.now + 2) or not desk.store.value("SELECT * FROM attempt"))
    assert desk.store.value("SELECT count(*) FROM result") == 1


def test_a_master_that_is_down_is_told_and_keeps_what_it_has(
    farm: Farm, engine: BuildbotEngine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.submit(order(f"{key}-over"))
    over = ended(engine, f"{key}-over")
    engine.submit(order(key, "TOY-SLEEP"))
    wait_for(lambda: key in farm.calls())
    farm.kill("master")
    with pytest.raises(InfraError, match="cannot be asked"):
        engine.look(key)
    asked = threading.Event()
    monkeypatch.setattr(Client, "_once", lambda *_: asked.set())
    with pytest.raises(InfraError, match="cannot be asked"):
        engine.submit(order(key))
    assert not asked.is_set()  # not asked for a while
    monkeypatch.undo()
    farm.start_all()
    # What ran was cut off; it is begun again.
    again = farm.engine()
    assert again.look(f"{key}-over") == over
    assert again.look(key) is Found.RUNNING
    again.submit(order(key, "TOY-SLEEP"))
    wait_for(lambda: farm.calls().count(key) == 2)
    assert len(again.rest.get("buildsets", external_idstring=key)) == 1
    wait_for(lambda: again.forget(key))


def test_a_build_that_an_operator_cancels_is_lost(
    farm: Farm, engine: BuildbotEngine, key: str
) -> None:
    engine.submit(order(key, "TOY-SLEEP"))
    wait_for(lambda: key in farm.calls())
    (request,) = engine.rest.get("buildsets", external_idstring=key)
    (asked,) = engine.rest.get("buildrequests", buildsetid=request["bsid"])
    (build,) = engine.rest.get(f"buildrequests/{asked['buildrequestid']}/builds")
    engine.rest.call(f"builds/{build['buildid']}", "stop", {"reason": "for a test"})
    assert ended(engine, key) is Found.GONE


def test_a_master_that_is_told_to_read_again_while_it_starts_lives(farm: Farm) -> None:
    farm.kill("master")
    farm.start("master")

    def up() -> bool:
        starting.read_again(farm.master)
        assert farm.running["master"].poll() is None
        return farm.slots() == 2

    wait_for(up)


def test_workers_come_and_go_while_the_master_runs(farm: Farm, engine: BuildbotEngine) -> None:
    login = farm.master / "logins/three.toml"
    assert "the master that runs takes it up" in list(setting_up.master(farm.master, {}, ["three"]))
    address = f"127.0.0.1:{farm.port}"
    list(setting_up.worker(farm.folder / "three", address, login, TOY))
    farm.start("three")
    wait_for(lambda: engine.slots == 3)
    login.unlink()
    list(setting_up.master(farm.master, {}, []))
    wait_for(lambda: engine.slots == 2)
    farm.kill("three")
    assert engine.slots == 2


HOSTILE = """\
#!/bin/sh
[ "$1" = run ] || exit 0
mkdir -p "$2" && cd "$2" || exit
{what}
exit 0
"""
GOOD = """echo '{"exit_code": 0, "said": "", "document": 0}' >outcome.json"""


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("true", Found.GONE),
        ("echo nonsense >outcome.json", Outcome(3, None, "what the worker sent cannot be read")),
        ("head -c 100000 /dev/zero >outcome.json", Found.GONE),
        (GOOD.replace('"document": 0', '"document": 7'), Found.GONE),
        (GOOD.replace('"exit_code": 0', '"exit_code": -9'), "cannot be read"),
        (GOOD + "; head -c 40000000 /dev/zero >document.z", Outcome(0, None, "")),
        (GOOD + "; ln -s /etc/shadow outcome.json", Outcome(0, None, "")),
        (GOOD.replace("0}", "4}") + "; printf abcd >document.z", Outcome(0, None, "")),
    ],
)
def test_what_a_worker_sends_is_not_believed(
    farm: Farm, engine: BuildbotEngine, key: str, what: str, expected: object
) -> None:
    kept = {name: (farm.folder / name / "carry-out").read_bytes() for name in farm.names}
    try:
        for name in farm.names:
            file = farm.folder / name / "carry-out"
            file.write_text(HOSTILE.format(what=what))
        engine.submit(order(key))
        found = ended(engine, key)
    finally:
        for name, data in kept.items():
            (farm.folder / name / "carry-out").write_bytes(data)
    if isinstance(expected, str):
        assert isinstance(found, Outcome)
        assert expected in found.said
    else:
        assert found == expected


@dataclass
class Site:
    """A bot and its farm, of which anything may be killed."""

    farm: Farm
    victim: Victim
    chance: random.Random
    bot: subprocess.Popen[bytes] | None = None

    def kill_at_random(self, times: int) -> Counter[str]:
        """Kill one thing after another; and at times another while the first comes up again."""
        killed: Counter[str] = Counter()
        for _ in range(times):
            self.victim.post(self.chance.choice((0, 0, 1)))
            self._start_what_is_missing()
            if self.chance.random() < 0.7:
                self.farm.wait_until_up()  # else it is killed on its way there
            for _ in range(self.chance.choice((1, 1, 2))):
                time.sleep(self.chance.uniform(0.0, 5.0))
                name = self.chance.choice(("bot", "bot", "master", *self.farm.names))
                if self._kill(name):
                    killed[name] += 1
            self._spare_what_was_hit_often()
        self._start_what_is_missing()
        self.farm.wait_until_up()
        self._kill("bot")
        return killed

    def _spare_what_was_hit_often(self) -> None:
        """Let a job end that was submitted three times: after the fourth it would be given up."""
        tried = "SELECT 1 FROM job WHERE attempt > 2 AND state NOT IN ('ended', 'cancelled')"

        def over() -> bool:
            with Store.reading(self.victim.config.home.store) as store:
                return store.value(tried) is None

        if not over():
            self._start_what_is_missing()
            wait_for(over, 600)

    def _start_what_is_missing(self) -> None:
        self.farm.start(*({"master", *self.farm.names} - {*self.farm.running}))
        if self.bot is None:
            self.bot = self.victim.start()

    def _kill(self, name: str) -> bool:
        if name in self.farm.running:
            self.farm.kill(name)
            return True
        if name == "bot" and self.bot is not None:
            self.bot.kill()
            self.bot.wait()
            self.bot = None
            return True
        return False


def test_kills_of_anything_lose_and_double_nothing(tmp_path: Path) -> None:
    farm = Farm(tmp_path / "farm", seconds=1.0)
    engine = f'[engine]\nkind = "buildbot"\nmaster = "{farm.url}"\n'
    engine += f'credentials = "{farm.master}/bot.toml"\n'
    settings = re.sub(r"(?s)\[engine\].*?(?=\[answer)", engine, SETTINGS, count=1)
    site = Site(farm, Victim(tmp_path / "bot", SEED, settings), random.Random(SEED))
    try:
        site.victim.post(3)
        killed = site.kill_at_random(KILLS)
        site.victim.drain(20 * site.victim.posted)
        site.victim.check()
        told = farm.rest().get("buildsets")
        keys = Counter(one["external_idstring"] for one in told)
        assert set(keys.values()) == {1}  # each key once
        assert len(keys) >= site.victim.posted
        attempts = max(int(key.split("-")[2]) for key in keys)
        print(
            f"killed {dict(killed)}; {site.victim.posted} series, {len(keys)} submitted,", end=" "
        )
        print(f"{len(farm.calls())} begun, at most {attempts} attempts")
    finally:
        site._kill("bot")
        farm.end()
