# SPDX-License-Identifier: GPL-2.0
"""The engine of this machine: real processes, found again, lost, cancelled."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kseries.lib import proc
from seriesbot.engine.base import Found, Order, Outcome
from seriesbot.engine.local import LocalEngine, lay_out
from tests import toykseries

TOY = (sys.executable, "-P", str(Path(__file__).parent / "toykseries.py"))
LIMIT_S = 60.0


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def engine(tmp_path: Path, log: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "work", TOY)
    yield engine
    for folder in (tmp_path / "work/jobs").glob("*"):
        (folder / "cancel").touch()
    wait_for(lambda: all(engine.forget(f.name) for f in (tmp_path / "work/jobs").glob("job*")))


def wait_for(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


def order(words: str = "", key: str = "job-1-1", *arguments: str) -> Order:
    patch = f"Subject: [PATCH] {words}\n".encode()
    return Order(key, "toy-v1", {"0001-x.patch": patch}, arguments, LIMIT_S)


def ended(engine: LocalEngine, key: str = "job-1-1") -> Outcome | Found:
    wait_for(lambda: engine.look(key) is not Found.RUNNING)
    return engine.look(key)


def runner(engine: LocalEngine, key: str = "job-1-1") -> int:
    file = engine.work / "jobs" / key / "pid"
    wait_for(lambda: file.exists() and bool(file.read_text()))
    return int(file.read_text())


def calls(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_an_order_ends_with_its_document(engine: LocalEngine, log: Path) -> None:
    assert engine.look("job-1-1") is Found.GONE
    engine.submit(order())
    found = ended(engine)
    assert isinstance(found, Outcome)
    assert found.exit_code == 0
    assert b'"verdict": "partial"' in (found.document or b"")
    assert engine.base("job-1-1").decode().strip() == toykseries.BASE
    engine.submit(order())  # over already
    assert engine.look("job-1-1") == found
    wait_for(lambda: engine.forget("job-1-1"))
    assert engine.look("job-1-1") is Found.GONE
    assert engine.forget("job-1-1")
    assert calls(log) == ["job-1-1"]


@pytest.mark.parametrize(
    ("words", "code", "document"),
    [("TOY-FAIL", 1, True), ("TOY-LOST", 3, False), ("TOY-NOTHING", 2, False)],
)
def test_what_a_run_says_is_told(
    engine: LocalEngine, words: str, code: int, document: bool
) -> None:
    engine.submit(order(words))
    found = ended(engine)
    assert isinstance(found, Outcome)
    assert (found.exit_code, found.document is not None) == (code, document)
    assert document or found.said.endswith(("is gone\n", "no such source.\n"))
    assert bool(engine.base("job-1-1")) == (words != "TOY-LOST")


def test_the_bots_own_variables_stay_with_it(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERIESBOT_SMTP_PASSWORD", "secret")
    engine.command = ("/bin/sh", "-c", "env", "sh")
    engine.submit(order("", "job-1-1"))
    ended(engine)
    log = engine.work / "jobs/job-1-1/output.log"
    assert "PYTHONUNBUFFERED=1" in log.read_text()
    assert "secret" not in log.read_text()


def test_who_names_a_source_is_asked_for_no_base(engine: LocalEngine) -> None:
    engine.submit(order("", "job-1-1", "--source", "mine"))
    ended(engine)
    assert engine.base("job-1-1") == b""


def test_a_document_of_an_earlier_run_is_not_taken(engine: LocalEngine) -> None:
    engine.submit(order())
    ended(engine)
    engine.submit(order("TOY-NOTHING", "job-2-1"))
    found = ended(engine, "job-2-1")
    assert isinstance(found, Outcome)
    assert found.document is None


def test_another_bot_finds_what_runs_and_starts_it_no_second_time(
    engine: LocalEngine, log: Path
) -> None:
    engine.submit(order("TOY-SLEEP"))
    runner(engine)
    second = LocalEngine(engine.work, TOY)
    assert second.look("job-1-1") is Found.RUNNING
    second.submit(order("TOY-SLEEP"))
    assert second.look("job-1-1") is Found.RUNNING
    wait_for(lambda: calls(log) == ["job-1-1"])
    wait_for(lambda: second.forget("job-1-1"))
    assert engine.look("job-1-1") is Found.GONE
    assert calls(log) == ["job-1-1"]


def test_a_runner_that_is_killed_takes_its_run_along(engine: LocalEngine, log: Path) -> None:
    engine.submit(order("TOY-SLEEP"))
    pid = runner(engine)
    wait_for(lambda: bool(calls(log)))
    below = [each.pid for each in proc.descendants(pid)]
    assert len(below) > 1
    os.kill(pid, signal.SIGKILL)
    assert ended(engine) is Found.GONE
    wait_for(lambda: not {each.pid for each in proc.processes() if each.state != "Z"} & {*below})


def test_a_run_that_is_killed_is_lost(engine: LocalEngine, log: Path) -> None:
    engine.submit(order("TOY-SLEEP"))
    pid = runner(engine)
    wait_for(lambda: bool(calls(log)))
    (child,) = [each.pid for each in proc.descendants(pid) if each.pid != pid]
    os.kill(child, signal.SIGKILL)
    found = ended(engine)
    assert isinstance(found, Outcome)
    assert (found.exit_code, found.document) == (3, None)


def test_an_order_has_a_limit(engine: LocalEngine) -> None:
    engine.submit(Order("job-1-1", "toy-v1", {"a.patch": b"TOY-SLEEP"}, (), 1.0))
    found = ended(engine)
    assert isinstance(found, Outcome)
    assert found.exit_code == 3
    assert "did not end within 1 s" in found.said


def test_orders_wait_for_a_free_workspace(engine: LocalEngine, log: Path) -> None:
    engine.submit(order("TOY-SLEEP"))
    wait_for(lambda: calls(log) == ["job-1-1"])
    engine.submit(order("", "job-2-1"))
    runner(engine, "job-2-1")
    assert engine.look("job-2-1") is Found.RUNNING
    wait_for(lambda: engine.forget("job-1-1"))
    assert isinstance(ended(engine, "job-2-1"), Outcome)
    assert calls(log) == ["job-1-1", "job-2-1"]


def test_what_does_not_end_when_it_is_told_to_is_killed(
    engine: LocalEngine, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seriesbot.engine.local.GRACE_S", 0.2)
    engine.submit(order("TOY-SLEEP"))
    pid = runner(engine)
    wait_for(lambda: bool(calls(log)))
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: engine.forget("job-1-1"))
    assert engine.look("job-1-1") is Found.GONE


def test_what_a_kill_left_half_made_is_made_anew(engine: LocalEngine, log: Path) -> None:
    jobs = engine.work / "jobs"
    (jobs / ".part-job-1-1~x/series").mkdir(parents=True)
    engine.submit(order())
    assert isinstance(ended(engine), Outcome)
    assert [each.name for each in jobs.iterdir()] == ["job-1-1"]
    # Laid out, but never started.
    lay_out(jobs / "job-2-1", order("", "job-2-1"), TOY, 1)
    assert engine.look("job-2-1") is Found.GONE
    engine.submit(order("", "job-2-1"))
    assert isinstance(ended(engine, "job-2-1"), Outcome)
