# SPDX-License-Identifier: GPL-2.0
"""The engine of many machines: a real Buildbot master, with two workers, on loopback."""

from __future__ import annotations

import copy
import json
import shlex
import stat
import threading
from pathlib import Path

import pytest

from kseries.lib.errors import InfraError
from seriesbot.engine import wire
from seriesbot.engine.base import Found, Outcome
from seriesbot.engine.buildbot import BuildbotEngine
from tests import toykseries
from tests.farms import LIMIT_S, Farm, ended, order, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_an_order_is_taken_once_and_ends_with_its_document(
    farm: Farm, engine: BuildbotEngine, key: str, tmp_path: Path
) -> None:
    assert engine.slots == 2
    assert engine.look(key) is Found.GONE
    # What a mail may say, and more than it may.
    words = f"$(touch {tmp_path}/one) `touch {tmp_path}/two`; touch {tmp_path}/three %(prop:key)s"
    hostile = order(key, words, "-x", words)
    config = (farm.master / "master.cfg").read_bytes()
    # Asked at the same moment, and by a bot that does not know whether it was heard.
    others = [threading.Thread(target=farm.engine().submit, args=[hostile]) for _ in range(4)]
    for one in others:
        one.start()
    for one in others:
        one.join()
    found = ended(engine, key)
    assert isinstance(found, Outcome)
    assert found.exit_code == 0
    assert b'"verdict": "partial"' in (found.document or b"")
    assert shlex.quote(words) in found.said
    assert engine.base(key).decode().strip() == toykseries.BASE
    engine.submit(hostile)  # over already
    assert engine.look(key) == farm.engine().look(key) == found  # another bot finds it
    wait_for(lambda: engine.forget(key))
    assert len(engine.rest.get("buildsets", external_idstring=key)) == 1
    assert farm.calls().count(key) == 1
    # No shell saw it, and no config.
    assert list(tmp_path.iterdir()) == []
    assert (farm.master / "master.cfg").read_bytes() == config


def test_what_a_run_says_is_told(engine: BuildbotEngine, key: str) -> None:
    told = {"TOY-FAIL": (1, True), "TOY-LOST": (3, False)}
    for words in told:
        engine.submit(order(f"{key}-{words}", words))
    for words, (code, document) in told.items():
        found = ended(engine, f"{key}-{words}")
        assert isinstance(found, Outcome)
        assert (found.exit_code, found.document is not None) == (code, document)
        assert document or found.said.endswith("is gone\n")
    # The master's page shows what was printed.
    (one,) = engine.rest.get("buildsets", external_idstring=f"{key}-TOY-LOST")
    (request,) = engine.rest.get("buildrequests", buildsetid=one["bsid"])
    (build,) = engine.rest.get(f"buildrequests/{request['buildrequestid']}/builds")
    assert (
        engine.page(f"{key}-TOY-LOST")
        == f"#/builders/{build['builderid']}/builds/{build['number']}"
    )
    steps = engine.rest.get(f"builds/{build['buildid']}/steps")
    (step,) = [step for step in steps if step["name"] == "kseries run"]
    log = engine.rest.raw(f"steps/{step['stepid']}/logs/stdio/raw", 1 << 20) or b""
    assert b"the machine is gone\n" in log
    assert "toy-v1" in step["state_string"]


def test_what_nobody_wants_any_more_is_ended(farm: Farm, engine: BuildbotEngine, key: str) -> None:
    (farm.master / "orders/over.json").write_text("{}")
    engine.submit(order(key, "TOY-SLEEP"))
    # Of orders that are over nothing is kept.
    assert not (farm.master / "orders/over.json").exists()
    wait_for(lambda: key in farm.calls())
    assert (farm.master / f"orders/{key}.json").exists()
    assert not engine.forget(key)
    wait_for(lambda: farm.engine().forget(key))
    assert engine.look(key) is Found.GONE


def test_only_who_has_the_login_may_start_and_stop(farm: Farm, key: str) -> None:
    stranger = farm.rest("wrong")
    with pytest.raises(InfraError, match="does not let 'seriesbot' in"):
        BuildbotEngine(stranger).submit(order(key))
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "force", "params": {}}).encode()
    for path in (f"forceschedulers/{wire.SCHEDULER}", "buildrequests/1", "workers/1"):
        assert farm.rest()._post(path, body).status == 403
    assert farm.engine().look(key) is Found.GONE


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"key": "../../x", "order": "{}"},
        {"key": "x\n", "order": "{}"},
        {"key": "x", "order": "{}"},
        {"key": "x", "order": wire.order_text(order("y"))},
        {"key": "x", "order": wire.order_text(order("x")).replace("0001-x", "../x")},
        {"key": "x", "order": wire.order_text(order("x")).replace("toy-v1", "..")},
        {"key": "x", "order": {"key": "x"}},
        {"key": ["x"], "order": "x"},
    ],
)
def test_what_is_no_order_is_not_taken(engine: BuildbotEngine, told: dict[str, object]) -> None:
    with pytest.raises(InfraError, match="status 400"):
        engine.rest.call(f"forceschedulers/{wire.SCHEDULER}", "force", told)


def test_secrets_are_kept_and_nothing_listens_beyond_this_machine(farm: Farm) -> None:
    for folder in (farm.master, farm.master / "logins", farm.master / "orders", *_workers(farm)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secret = [*farm.master.glob("*.toml"), *(farm.master / "logins").iterdir()]
    secret += [file for folder in _workers(farm) for file in folder.glob("*.toml")]
    for file in (*secret, farm.master / ".database-of"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    passwords = [
        line for file in secret for line in file.read_text().splitlines() if "pass" in line
    ]
    assert len(set(passwords)) == 3  # of the bot and each worker; of a worker at both ends
    told = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {one.rpartition(":")[2]: one.partition(":")[0] for one in told}
    for port in (farm.www, farm.port):
        assert ports[f"{port:04X}"] == "0100007F"
    for name in (*farm.names, "master"):
        command = Path("/proc", str(farm.running[name].pid), "cmdline").read_bytes()
        assert not any(line.split('"')[1].encode() in command for line in passwords)


def _workers(farm: Farm) -> list[Path]:
    return [farm.folder / name for name in farm.names]


def test_one_of_a_folder_runs(farm: Farm) -> None:
    again = copy.copy(farm)
    again.running = {}
    again.start("master", "one")
    codes = {name: one.wait(timeout=LIMIT_S) for name, one in again.running.items()}
    assert codes == {"master": 2, "one": 2}
    assert "It runs already" in (farm.folder / "master.log").read_text()
    assert farm.engine().slots == 2
