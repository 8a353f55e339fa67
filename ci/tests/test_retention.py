# SPDX-License-Identifier: GPL-2.0
"""What is old goes, what may be needed stays."""

from __future__ import annotations

from seriesbot.config import KeepFile
from seriesbot.retention import DAY_S, EVERY_S, Retention
from tests.archives import diff, mail, thread
from tests.desk import Desk

KEEP = KeepFile(talk_days=10, series_days=100, results_days=50)


def kept(desk: Desk) -> list[str]:
    rows = desk.store.rows("SELECT message_id FROM message WHERE raw IS NOT NULL ORDER BY id")
    return [row["message_id"] for row in rows]


def test_what_is_old_goes(desk: Desk) -> None:
    desk.post(*thread("a", 1), mail("Re: [PATCH 1/1] a 1", "re@x", answers="a-1@x"))
    desk.post(mail("Re: [PATCH 1/1] a 1", "fix@x", diff("f"), answers="a-1@x"))
    desk.admit()
    desk.end(1)
    fix = desk.store.value("SELECT id FROM message WHERE message_id = 'fix@x'")
    with desk.store.transaction() as write:
        write.execute(
            "INSERT INTO job (version, sender, cause, fix, state, wanted)"
            " VALUES (1, '', 'test', ?, 'ended', 0)",
            [fix],
        )
        write.execute(
            "INSERT INTO result (job, version, at, verdict, exit_code, error, document)"
            " VALUES (1, 1, ?, 'pass', 0, '', x'00')",
            [desk.now],
        )
        for state in ("delivered", "failed", "withheld", "written"):
            write.execute(
                "INSERT INTO submission (key, sink, result, version, target, body, state, at)"
                " VALUES (?, 'kcidb', 1, 1, '', '', ?, ?)",
                [state, state, desk.now],
            )
    retention = Retention(desk.store, KEEP)
    everything = ["a-0@x", "a-1@x", "re@x", "fix@x"]
    for days, left, documents, told in (
        (10, everything, 1, 4),
        (11, ["a-0@x", "a-1@x", "fix@x"], 1, 1),
        (51, ["a-0@x", "a-1@x", "fix@x"], 0, 1),
        (101, [], 0, 1),
    ):
        retention.step(desk.now + days * DAY_S)
        assert kept(desk) == left
        query = "SELECT count(*) FROM result WHERE document IS NOT NULL"
        assert desk.store.value(query) == documents
        assert desk.store.value("SELECT count(*) FROM submission") == told
    assert desk.store.value("SELECT count(*) FROM message") == 4


def test_what_is_held_stays(desk: Desk) -> None:
    desk.post(*thread("a", 1))
    desk.admit()
    assert desk.states() == ["held"]
    Retention(desk.store, KEEP).step(desk.now + 101 * DAY_S)
    assert kept(desk) == ["a-0@x", "a-1@x"]


def test_it_is_looked_for_now_and_then(desk: Desk) -> None:
    retention = Retention(desk.store, KEEP)
    retention.step(desk.now)
    desk.post(mail("hello", "a@x"))
    with desk.store.transaction() as write:
        write.execute("UPDATE message SET arrived = 1")
    retention.step(desk.now + EVERY_S - 1)
    assert kept(desk) == ["a@x"]
    retention.step(desk.now + EVERY_S)
    assert kept(desk) == []
