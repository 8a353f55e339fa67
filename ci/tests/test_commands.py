# SPDX-License-Identifier: GPL-2.0
"""What replies ask for is done for those who may ask it, once, and for nobody else."""

from __future__ import annotations

import pytest

from seriesbot import commands
from seriesbot.commands import Commands
from seriesbot.rules import Rule
from tests.archives import diff, mail, thread
from tests.desk import Desk, make_home
from tests.signing import Signer
from tests.test_admission import ALLOWING, PROOF

OTHER = "J <j@example.org>"


@pytest.fixture
def judged(desk: Desk) -> Desk:
    """A signed series of two patches that was judged; Zoë's key is known."""
    signer = Signer(1)
    signer.join(desk.config.keyring)
    desk.post(*map(signer.sign, thread("a", 2)))
    desk.admit()
    with desk.store.transaction() as write:
        write.execute("UPDATE job SET state = 'ended'")
    desk.end(1)
    return desk


def ask(
    desk: Desk,
    text: str,
    *,
    signed: bool = True,
    name: str = "r@x",
    answers: str = "a-2@x",
    sender: str = "Zoë <zoe@example.org>",
) -> None:
    raw = mail("Re: [PATCH] a", name, text, answers=answers, sender=sender)
    desk.post(Signer(1).sign(raw) if signed else raw)
    Commands(desk.store, desk.config).step(desk.now)


def told(desk: Desk) -> tuple[str, str]:
    row = desk.store.row("SELECT * FROM decision WHERE what = 'asked' ORDER BY id DESC")
    assert row is not None
    return row["outcome"], row["reason"]


def test_again_is_a_job(judged: Desk) -> None:
    ask(judged, "#kseries again\n")
    assert judged.states() == ["queued"]
    assert judged.jobs() == [(1, "ended"), (1, "waiting")]
    assert judged.store.value("SELECT cause FROM job WHERE id = 2") == "again"
    assert told(judged) == ("done", "#kseries again")
    # Once: the reply has been looked at.
    assert not Commands(judged.store, judged.config).step(judged.now)
    ask(judged, "#kseries again\n", name="r2@x")
    assert told(judged)[1].endswith("there is work on the series already")
    assert len(judged.jobs()) == 2


def test_a_test_is_a_job_with_the_reply_as_its_fix(judged: Desk) -> None:
    ask(judged, f"#kseries test\n\n{diff('net/fix.c')}")
    job = judged.store.row("SELECT * FROM job WHERE id = 2")
    assert job is not None
    fix = judged.store.value("SELECT message_id FROM message WHERE id = ?", job["fix"])
    assert (job["cause"], fix) == ("test", "r@x")


def test_a_test_without_a_patch_is_told(judged: Desk) -> None:
    ask(judged, "#kseries test\n")
    assert told(judged) == ("not done", "#kseries test: there is no patch below the command")


@pytest.mark.parametrize(
    ("text", "changes", "why"),
    [
        ("#kseries again\n", {"signed": False}, "stranger: the reply is not signed"),
        ("#kseries again\n", {"signed": False, "sender": OTHER}, "stranger"),
        ("#kseries again\n", {"sender": OTHER}, "not by j@example.org"),
        ("#kseries again\n", {"answers": "who@knows"}, "answers no series"),
    ],
)
def test_work_is_for_known_senders(
    text: str, changes: dict[str, object], why: str, judged: Desk
) -> None:
    ask(judged, text, **changes)  # type: ignore[arg-type]
    assert judged.jobs() == [(1, "ended")]
    outcome, reason = told(judged)
    assert outcome == "not done"
    assert why in reason


def test_what_is_held_waits_for_the_operator_whoever_asks(judged: Desk) -> None:
    judged.end(1, "held")
    ask(judged, "#kseries again\n")
    assert told(judged)[1].startswith("#kseries again: the series is held")
    assert judged.jobs() == [(1, "ended")]


def test_text_asks_for_nothing(judged: Desk) -> None:
    ask(judged, "> #kseries again\n\nWhat is that?\n")
    assert judged.jobs() == [(1, "ended")]
    assert judged.store.value("SELECT handled FROM message WHERE message_id = 'r@x'") == 1
    assert not judged.store.value("SELECT count(*) FROM decision WHERE what = 'asked'")


def test_a_reply_to_our_answer_is_one_to_its_series(judged: Desk) -> None:
    with judged.store.transaction() as write:
        write.execute(
            "INSERT INTO result (id, job, version, at, verdict, exit_code, error) VALUES"
            " (1, 1, 1, 0, 'fail', 1, '')"
        )
        write.execute(
            "INSERT INTO answer (result, version, message_id, channel, state, at, due)"
            " VALUES (1, 1, 'ours@bot', 'inbox', 'delivered', 0, 0)"
        )
    ask(judged, "#kseries again\n", answers="ours@bot")
    assert told(judged) == ("done", "#kseries again")


def test_no_more_runs_than_are_allowed_a_day(judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "A_DAY", 2)
    for number in range(3):
        ask(judged, "#kseries again\n", name=f"r{number}@x")
        with judged.store.transaction() as write:
            write.execute("UPDATE job SET state = 'ended'")
    assert len(judged.jobs()) == 3
    assert told(judged)[1].endswith("zoe@example.org asked 2 times within a day")
    judged.now += commands.DAY_S + 1
    ask(judged, "#kseries again\n", name="later@x")
    assert told(judged)[0] == "done"


def opted_out(desk: Desk) -> list[str]:
    return [row["address"] for row in desk.store.rows("SELECT address FROM optout")]


def test_off_is_for_the_sender_himself(judged: Desk) -> None:
    ask(judged, "#kseries off\n")
    assert opted_out(judged) == ["zoe@example.org"]
    ask(judged, "#kseries off\n", name="r2@x", sender=OTHER, signed=False)
    assert opted_out(judged) == ["j@example.org", "zoe@example.org"]


def test_nobody_ends_the_answers_of_one_who_proves_himself(desk: Desk) -> None:
    desk.config = make_home(desk.config.home.path, ALLOWING)
    desk.rules = [Rule("all")]
    desk.post(*thread("a", 2, headers=[PROOF]))
    desk.admit()
    ask(desk, "#kseries off\n", signed=False)
    assert opted_out(desk) == []
    assert "nothing proves" in told(desk)[1]
    raw = mail("Re: x", "r2@x", "#kseries off\n", answers="a-0@x", headers=[PROOF])
    desk.post(raw)
    Commands(desk.store, desk.config).step(desk.now)
    assert opted_out(desk) == ["zoe@example.org"]
