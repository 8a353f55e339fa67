# SPDX-License-Identifier: GPL-2.0
"""Jobs: submitted once, looked after, submitted again when they are lost, in fair turns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from kseries.model import Verdict
from kseries.verdict import document
from seriesbot import fairness, orders, work
from seriesbot.engine.base import Engine, Found, Order, Outcome
from seriesbot.rules import Rule
from seriesbot.states import JobState
from seriesbot.store import unpack
from seriesbot.worker import ATTEMPTS, GRACE_S, RETRY_S, Worker
from tests import toykseries
from tests.archives import mail, patch_body, thread
from tests.desk import Desk
from tests.signing import Signer


def results(code: int = 0) -> bytes:
    return toykseries.results("run", code).encode()


def _plain(key: str) -> str:
    return key.rpartition("-")[0]


@dataclass
class Forgetful:
    """An engine that tests tell what became of orders. It is asked as any other.

    Tests know orders by job and attempt: "job-1-1", without the chance in their keys.
    """

    slots: int = 1
    orders: dict[str, Order] = field(default_factory=dict)
    fates: dict[str, Outcome | Found] = field(default_factory=dict)
    bases: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def submit(self, order: Order) -> None:
        self.orders.setdefault(_plain(order.key), order)
        self.keys.add(order.key)

    def look(self, key: str) -> Outcome | Found:
        return self.fates.get(_plain(key), Found.RUNNING)

    def base(self, key: str) -> bytes:
        return self.bases.get(_plain(key), b"")

    def page(self, key: str) -> str:
        return self.pages.get(_plain(key), "")

    def forget(self, key: str) -> bool:
        self.forgotten.append(_plain(key))
        return True


@pytest.fixture
def engine() -> Forgetful:
    return Forgetful()


@pytest.fixture
def worker(desk: Desk, engine: Forgetful) -> Worker:
    Signer(1).join(desk.config.keyring)
    checked: Engine = engine
    made = orders.maker(desk.store, desk.config, lambda: desk.rules)
    return Worker(desk.store, desk.config, checked, made)


def post(desk: Desk, *tags: str, words: str = "") -> None:
    for tag in tags:
        desk.post(*map(Signer(1).sign, thread(tag, 2, title=words)))
    desk.admit()


def test_a_job_is_submitted_with_its_series_and_judged(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    (order,) = engine.orders.values()
    assert list(engine.orders) == ["job-1-1"]
    assert order.name == "a-things-v1"
    assert list(order.files) == ["0000-cover-letter.eml", "0001-a-1.patch", "0002-a-2.patch"]
    assert b"Message-ID: <a-1@x>" in order.files["0001-a-1.patch"]
    assert desk.states() == ["running"]
    worker.work(desk.now)
    assert desk.jobs() == [(1, "submitted")]
    engine.fates["job-1-1"] = Outcome(0, results(), "")
    worker.work(desk.now + 60)
    assert desk.states() == ["judged"]
    assert desk.jobs() == [(1, "ended")]
    (row,) = desk.store.rows("SELECT * FROM result")
    assert (row["verdict"], row["exit_code"], row["version"]) == ("partial", 0, 1)
    assert document.parse(unpack(row["document"]), "").verdict is Verdict.PARTIAL
    assert engine.forgotten == ["job-1-1"]
    worker.work(desk.now + 61)
    assert engine.forgotten == ["job-1-1"]
    assert desk.reasons() == ["partial: it is a toy"]


def test_what_the_engine_loses_is_submitted_again_three_times(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    for attempt in range(1, ATTEMPTS + 1):
        worker.work(desk.now)
        assert desk.store.value("SELECT attempt FROM job") == attempt
        engine.fates[f"job-1-{attempt}"] = Found.GONE
    worker.work(desk.now)
    assert list(engine.orders) == [f"job-1-{n}" for n in range(1, 5)]
    assert desk.states() == ["given up"]
    assert desk.jobs() == [(1, "lost")]
    assert desk.reasons() == ["attempt 4 of 4: the engine lost it"]
    assert set(engine.forgotten) == set(engine.orders)
    assert desk.store.value("SELECT count(*) FROM result") == 1
    assert desk.store.value("SELECT count(*) FROM attempt") == 0


def test_a_result_counts_once_however_often_the_engine_tells_it(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    engine.fates["job-1-1"] = Found.GONE
    worker.work(desk.now)
    engine.fates["job-1-1"] = Outcome(0, results(), "")  # after all
    engine.fates["job-1-2"] = Outcome(1, results(1), "")
    for _ in range(3):
        worker.work(desk.now)
    assert [row["verdict"] for row in desk.store.rows("SELECT verdict FROM result")] == ["fail"]


def test_a_deadline_of_its_own_ends_what_is_stuck(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    worker.work(desk.now + 240 * 60 + GRACE_S - 1)
    assert list(engine.orders) == ["job-1-1"]
    worker.work(desk.now + 240 * 60 + GRACE_S)
    assert list(engine.orders) == ["job-1-1", "job-1-2"]
    assert "job-1-1" in engine.forgotten
    assert "job-1-2" not in engine.forgotten


@pytest.mark.parametrize(
    ("outcome", "verdict", "state", "reason"),
    [
        (Outcome(1, results(1), ""), "fail", "judged", "fail: it is a toy"),
        (Outcome(2, None, "a\nno such source\n"), "", "judged", "no verdict: no such source"),
        (Outcome(0, b"{}", "x"), "", "judged", "no verdict: This is not a result document."),
        (Outcome(0, None, ""), "", "judged", "no verdict: exit code 0, and no document"),
    ],
)
def test_outcomes(
    desk: Desk,
    worker: Worker,
    engine: Forgetful,
    outcome: Outcome,
    verdict: str,
    state: str,
    reason: str,
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    engine.fates["job-1-1"] = outcome
    worker.work(desk.now)
    assert desk.states() == [state]
    assert desk.reasons()[0].startswith(reason)
    assert desk.store.value("SELECT verdict FROM result") == verdict


@pytest.mark.parametrize(
    ("fits", "outcome", "reason"),
    [
        (True, "debian-6.12", "it applies there"),
        (False, "none", "it applies nowhere (debian-6.12: patch 1: no x.c; debian-7.3: )"),
    ],
)
def test_the_base_is_told_before_the_work_is_done(
    desk: Desk, worker: Worker, engine: Forgetful, fits: bool, outcome: str, reason: str
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    why_not = ("", "") if fits else ("patch 1: no x.c", "")
    engine.bases["job-1-1"] = json.dumps(
        {
            "chosen": "debian-6.12",
            "why": "it applies there",
            "fits": fits,
            "candidates": [
                {"source": "debian-6.12", "why_not": why_not[0]},
                {"source": "debian-7.3", "why_not": why_not[1]},
            ],
        }
    ).encode()
    for _ in range(2):
        worker.work(desk.now)
    rows = desk.store.rows("SELECT outcome, reason FROM decision WHERE what = 'base'")
    assert [tuple(row) for row in rows] == [(outcome, reason)]
    assert json.loads(desk.store.value("SELECT base FROM version"))["fits"] is fits


@pytest.mark.parametrize("told", [b"{", b"[]", b"\xff", b'{"fits": 1}', b"[" * 100_000])
def test_a_base_that_cannot_be_read_stops_nothing(
    desk: Desk, worker: Worker, engine: Forgetful, told: bytes
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    engine.bases["job-1-1"] = told
    worker.work(desk.now)
    assert desk.store.value("SELECT outcome FROM decision WHERE what = 'base'") == "unknown"


def test_of_a_base_no_more_is_said_than_can_be_read(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a", "b")
    words = "x" * 100_000
    for fits, key in ((True, "job-1-1"), (False, "job-2-1")):
        told = {"source": "s", "why_not": words}
        found = {"chosen": words, "why": words, "fits": fits, "candidates": [told]}
        engine.bases[key] = json.dumps(found).encode()
    engine.slots = 2
    worker.work(desk.now)
    worker.work(desk.now)
    rows = desk.store.rows("SELECT outcome, reason FROM decision WHERE what = 'base'")
    assert len(rows) == 2
    assert max(len(text) for row in rows for text in row) < 5000


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (
            "begins\nkseries: The disk is full.\n  where: /a\n         /b\n  do:    free it\n",
            "The disk is full. where: /a /b",
        ),
        ("kseries: One.\nkseries: Two.\n  do:    wait\n", "Two."),
        ("killed\n\n", "killed"),
        ("", "exit code 3, and no document"),
    ],
)
def test_what_went_wrong_is_told_and_not_what_to_do(
    desk: Desk, worker: Worker, engine: Forgetful, printed: str, told: str
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    engine.fates["job-1-1"] = Outcome(3, None, printed)
    worker.work(desk.now)
    assert desk.reasons() == [f"attempt 1 of 4: could not be carried out: {told}"]


def test_lost_infrastructure_is_tried_again(desk: Desk, worker: Worker, engine: Forgetful) -> None:
    post(desk, "a")
    worker.work(desk.now)
    # What is printed last need not be what was wrong: the document tells that.
    engine.fates["job-1-1"] = Outcome(3, results(), "disk full\nshow again: kseries report x")
    worker.work(desk.now)
    worker.work(desk.now + RETRY_S - 1)
    assert list(engine.orders) == ["job-1-1"]
    assert desk.reasons() == ["attempt 1 of 4: could not be carried out: it is a toy"]
    worker.work(desk.now + RETRY_S)
    assert list(engine.orders) == ["job-1-1", "job-1-2"]
    engine.fates["job-1-2"] = Outcome(3, None, "disk full")
    worker.work(desk.now + RETRY_S)
    worker.work(desk.now + 4 * RETRY_S - 1)
    assert list(engine.orders) == ["job-1-1", "job-1-2"]
    worker.work(desk.now + 4 * RETRY_S)
    assert list(engine.orders) == ["job-1-1", "job-1-2", "job-1-3"]
    assert desk.store.value("SELECT count(*) FROM result") == 0


def test_what_a_new_version_replaces_is_ended(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    worker.work(desk.now)
    desk.post(*map(Signer(1).sign, thread("a", 2, prefix="PATCH v2", ids="b", line="b = 1;")))
    desk.admit()
    worker.work(desk.now)
    assert "job-1-1" in engine.forgotten
    assert list(engine.orders) == ["job-1-1", "job-2-1"]
    engine.fates["job-1-1"] = Outcome(0, results(), "")
    worker.work(desk.now)
    assert desk.states() == ["replaced", "running"]


def test_a_fix_is_put_on_top(desk: Desk, worker: Worker, engine: Forgetful) -> None:
    post(desk, "a")
    desk.end(1)
    with desk.store.transaction() as write:
        write.execute("UPDATE job SET state = 'ended'")
    reply = mail(
        "Re: [PATCH 2/2] a 2", "fix@x", "#kseries test\n" + patch_body("net/fix.c"), answers="a-2@x"
    )
    desk.post(reply)
    fix = desk.store.value("SELECT id FROM message WHERE message_id = 'fix@x'")
    with desk.store.transaction() as write:
        assert work.enqueue(write, 1, desk.now, cause="test", fix=fix)
        assert not work.enqueue(write, 1, desk.now, cause="again")
    worker.work(desk.now)
    files: Mapping[str, bytes] = engine.orders["job-2-1"].files
    assert list(files)[-1] == "9999-fix.patch"
    assert b"net/fix.c" in files["9999-fix.patch"]


def test_mails_that_make_no_series_any_more_are_told(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    with desk.store.transaction() as write:
        write.execute("UPDATE message SET raw = NULL WHERE message_id = 'a-1@x'")
    worker.work(desk.now)
    assert engine.orders == {}
    assert desk.states() == ["judged"]
    assert "misses 1 patch of 2: 1." in desk.reasons()[0]


def test_the_arguments_are_those_of_engine_and_rule(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    desk.rules = [Rule("debug", arguments=("--config", "debug"))]
    post(desk, "a")
    worker.work(desk.now)
    assert engine.orders["job-1-1"].arguments == ("--config", "debug")


# ---------------------------------------------------------------- turns


def want(desk: Desk, sender: str, count: int = 1) -> None:
    """Want jobs of a sender, each on a version of its own."""
    with desk.store.transaction() as write:
        for _ in range(count):
            series = write.execute(
                "INSERT INTO series (sender, title, begun) VALUES (?, '', 0)", [sender]
            ).lastrowid
            version = write.execute(
                "INSERT INTO version (series, number, total, message_id, sender, title, state,"
                " reason, since, due) VALUES (?, 1, 1, 'm', ?, 't', 'queued', '', 0, 0)",
                [series, sender],
            ).lastrowid
            write.execute(
                "INSERT INTO job (version, sender, cause, state, wanted) VALUES (?, ?, '', ?, ?)",
                [version, sender, JobState.WAITING, desk.now],
            )


def turns(desk: Desk, count: int, a_day: int = 1000) -> str:
    """Begin jobs one after the other; give whose they are."""
    found = ""
    for _ in range(count):
        job = fairness.next_job(desk.store, a_day, desk.now)
        if job is None:
            break
        desk.now += 1
        with desk.store.transaction() as write:
            write.execute(
                "UPDATE job SET state = 'ended', started = ?, attempt = 1 WHERE id = ?",
                [desk.now, job["id"]],
            )
        found += job["sender"]
    return found


def test_senders_take_turns(desk: Desk) -> None:
    want(desk, "a", 3)
    want(desk, "b", 2)
    want(desk, "c", 1)
    assert turns(desk, 9) == "abcaba"


def test_a_flood_costs_the_others_a_tenth(desk: Desk) -> None:
    want(desk, "F", 1000)
    for name in "abcdefghijklmnopqrst":
        want(desk, name, 4)
    found = turns(desk, 80)
    assert found.count("F") == 8
    assert found.index("b") <= 2
    rest = turns(desk, 20)
    assert rest.endswith("F" * 10)  # who floods gets what nobody else wants


def test_two_who_flood_share_the_tenth(desk: Desk) -> None:
    want(desk, "F", 500)
    want(desk, "G", 500)
    for name in "abcdefghij":
        want(desk, name, 4)
    found = turns(desk, 40)
    assert found.count("F") + found.count("G") == 4
    assert abs(found.count("F") - found.count("G")) <= 1


def test_a_sender_has_a_limit_a_day(desk: Desk) -> None:
    want(desk, "a", 5)
    assert turns(desk, 9, a_day=3) == "aaa"
    desk.now += fairness.DAY_S
    assert turns(desk, 9, a_day=3) == "aa"


def test_without_work_nobody_has_a_turn(desk: Desk) -> None:
    assert fairness.next_job(desk.store, 10, desk.now) is None


def test_a_store_that_is_restored_gives_no_key_again(
    desk: Desk, worker: Worker, engine: Forgetful
) -> None:
    post(desk, "a")
    before = "UPDATE job SET state = 'waiting', attempt = 0, key = ''"
    for _ in range(2):
        with desk.store.transaction() as write:
            write.execute(before)
        worker.work(desk.now)
    assert list(engine.orders) == ["job-1-1"]
    assert len(engine.keys) == 2
