# SPDX-License-Identifier: GPL-2.0
"""Answers on their way: what was sent is known whatever happens, and waits as long as it has to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import RunResult
from seriesbot import delivery
from seriesbot.answer import compose, deciding
from seriesbot.answer.deciding import Channel
from seriesbot.answer.outbox import DAY_S, Outbox
from seriesbot.answer.settings import AnswerFile, SmtpFile
from seriesbot.store import Store, pack
from tests import smtpserver
from tests.smtpserver import DROP, OK, Server
from tests.test_answer import BOT, THREAD, answer
from tests.test_ownlist import mails

NOW = 1_795_342_500
AUTHOR = THREAD.author.address


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.opened(tmp_path / "store.sqlite", create=True) as store:
        with store.transaction() as write:
            write.execute("INSERT INTO series VALUES (1, 'zoe@example.org', 'x', 0)")
            write.execute(
                "INSERT INTO version (id, series, number, total, message_id, sender, title, state,"
                " reason, since, due) VALUES (1, 1, 1, 1, 'a@x', ?, 'x', 'judged', '', 0, 0)",
                (AUTHOR,),
            )
        yield store


def put(
    store: Store, count: int = 1, channel: Channel = Channel.INBOX, text: str | None = None
) -> list[bytes]:
    """Put answers into the outbox; give the mails."""
    raws = []
    to = deciding.recipients(THREAD, channel, (), (BOT.address,))
    with store.transaction() as write:
        for number in range(count):
            run = f"job-{number}"
            made = compose.compose(answer(text or "No.", run=run, recipients=to))
            raws.append(bytes(made))
            write.execute(
                "INSERT INTO job (id, version, sender, cause, state, wanted) VALUES"
                " (?, 1, ?, 'posted', 'ended', 0)",
                (number + 1, AUTHOR),
            )
            write.execute(
                "INSERT INTO result (id, job, version, at, verdict, exit_code, error) VALUES"
                " (?, ?, 1, 0, 'fail', 1, '')",
                (number + 1, number + 1),
            )
            write.execute(
                "INSERT INTO answer (result, version, message_id, channel, state, at, due, raw)"
                " VALUES (?, 1, ?, ?, 'written', ?, 0, ?)",
                (
                    number + 1,
                    compose.message_id(THREAD, run, BOT.address),
                    channel,
                    NOW,
                    pack(raws[-1]),
                ),
            )
    return raws


def states(store: Store) -> list[tuple[str, int]]:
    return [(row["state"], row["tries"]) for row in store.rows("SELECT * FROM answer ORDER BY id")]


def note(store: Store) -> str:
    return str(store.value("SELECT note FROM answer"))


def smtp(server: Server, channel: str = "author", **changes: object) -> AnswerFile:
    told = SmtpFile("127.0.0.1", server.port, tls="none", timeout_seconds=10)
    made = AnswerFile(channel=channel, address=BOT.address, smtp=told)  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


def test_by_default_answers_go_to_the_bots_own_list(store: Store, tmp_path: Path) -> None:
    raws = put(store, 3)
    box = Outbox(store, AnswerFile(), tmp_path)
    assert box.step(NOW) == 3
    assert box.step(NOW) == 0
    assert mails(tmp_path / "answers") == raws
    assert states(store) == [("delivered", 1)] * 3


def test_to_the_author_alone_or_to_the_thread(store: Store, tmp_path: Path) -> None:
    with smtpserver.served() as server:
        put(store, channel=Channel.AUTHOR)
        assert Outbox(store, smtp(server), tmp_path).step(NOW) == 1
        with store.transaction() as write:
            write.execute("DELETE FROM answer")
            write.execute("DELETE FROM result")
            write.execute("DELETE FROM job")
        put(store, channel=Channel.THREAD)
        assert Outbox(store, smtp(server, "thread"), tmp_path).step(NOW) == 1
    assert [one.rcpt_tos for one in server.taken] == [
        [AUTHOR],
        [AUTHOR, "io-uring@vger.example.org", "j@doe.example.org"],
    ]
    assert not (tmp_path / "answers").exists()


def test_what_fails_is_tried_again_later_and_later(store: Store, tmp_path: Path) -> None:
    with smtpserver.served() as server:
        server.to_data = ["451 busy", DROP, OK]
        (raw,) = put(store, channel=Channel.AUTHOR)
        box = Outbox(store, smtp(server), tmp_path)
        assert box.step(NOW) == 0
        assert note(store) == "later: 451 busy"
        assert box.step(NOW + 59) == 0
        assert states(store) == [("written", 1)]
        assert box.step(NOW + 60) == 0
        assert note(store).startswith("uncertain: ")
        assert box.step(NOW + 60 + 119) == 0
        assert box.step(NOW + 60 + 120) == 1
    # What may have arrived is sent again as it was: the same mail with the same Message-ID.
    assert server.mails == [raw, raw]
    assert states(store) == [("delivered", 3)]


def test_a_server_that_takes_nothing_is_asked_once(store: Store, tmp_path: Path) -> None:
    with smtpserver.served() as server:
        server.to_data = ["451 busy"]
        put(store, 3, channel=Channel.AUTHOR)
        box = Outbox(store, smtp(server), tmp_path)
        assert [box.step(NOW), box.step(NOW + 59)] == [0, 0]
        assert states(store) == [("written", 1), ("written", 0), ("written", 0)]
        assert box.step(NOW + 60) == 3


def test_waits_grow_and_end() -> None:
    waits = [delivery.wait(tries) for tries in (0, 1, 2, 3, 8, 9, 50)]
    assert waits == [60, 120, 240, 480, 15360, 21600, 21600]


def test_what_is_refused_is_not_tried_again(store: Store, tmp_path: Path) -> None:
    with smtpserver.served() as server:
        server.to_data = ["550 spam"]
        put(store, channel=Channel.AUTHOR)
        box = Outbox(store, smtp(server), tmp_path)
        assert [box.step(NOW), box.step(NOW + DAY_S)] == [0, 0]
    assert states(store) == [("failed", 1)]
    assert note(store) == "550 spam"


def test_after_four_days_it_is_given_up(store: Store, tmp_path: Path) -> None:
    put(store, channel=Channel.AUTHOR)
    box = Outbox(store, AnswerFile(channel="author"), tmp_path)
    box.step(NOW)
    assert note(store) == "later: bot.toml names no mail server (answer.smtp)"
    box.step(NOW + delivery.GIVE_UP_S + 1)
    assert states(store) == [("failed", 2)]
    assert note(store).startswith("given up after 2 tries: ")


def test_no_more_than_are_allowed_a_day(store: Store, tmp_path: Path) -> None:
    put(store, 5)
    box = Outbox(store, AnswerFile(a_day=2), tmp_path)
    assert box.step(NOW) == 2
    assert box.step(NOW + DAY_S - 1) == 0
    assert box.step(NOW + DAY_S) == 2
    assert box.step(NOW + 2 * DAY_S) == 1
    assert len(mails(tmp_path / "answers")) == 5


def test_who_opted_out_meanwhile_gets_nothing(store: Store, tmp_path: Path) -> None:
    put(store, channel=Channel.THREAD)
    with smtpserver.served() as server:
        box = Outbox(store, smtp(server, "thread"), tmp_path)
        with store.transaction() as write:
            write.execute("INSERT INTO optout VALUES ('j@doe.example.org', 0, 'x')")
        assert box.step(NOW) == 1
        assert server.taken[0].rcpt_tos == [AUTHOR, "io-uring@vger.example.org"]
        with store.transaction() as write:
            write.execute("INSERT INTO optout VALUES (?, 0, 'x')", (AUTHOR,))
            write.execute("UPDATE answer SET state = 'written'")
        assert box.step(NOW) == 0
    assert len(server.taken) == 1
    assert states(store)[0][0] == "withheld"


def test_a_password_that_others_may_read_is_told_and_nothing_is_sent(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text('user = "a"\npassword = "b"\n')
    (tmp_path / "secret").chmod(0o644)
    put(store, channel=Channel.AUTHOR)
    with smtpserver.served() as server:
        told = smtp(server)
        assert told.smtp is not None
        told = replace(told, smtp=replace(told.smtp, credentials="secret"))
        assert Outbox(store, told, tmp_path).step(NOW) == 0
    assert server.taken == []
    assert "Others may read" in note(store)


DELIVERER = """
import sys
from pathlib import Path
from seriesbot.answer.outbox import Outbox
from seriesbot.answer.settings import AnswerFile, SmtpFile
from seriesbot.store import Store
home, port = Path(sys.argv[1]), int(sys.argv[2])
smtp = SmtpFile("127.0.0.1", port, tls="none")
told = AnswerFile(channel="author" if port else "inbox", smtp=smtp)
with Store.opened(home / "store.sqlite") as store:
    print("ready", flush=True)
    Outbox(store, told, home).step(1_795_342_500)
    print("done", flush=True)
"""


@pytest.mark.parametrize("wait_ms", [3, 30])
@pytest.mark.parametrize("channel", [Channel.INBOX, Channel.AUTHOR])
def test_a_kill_at_any_moment_loses_nothing(
    channel: Channel, wait_ms: int, store: Store, tmp_path: Path
) -> None:
    raws = put(store, 8, channel)
    with smtpserver.served() as server:
        port = server.port if channel is Channel.AUTHOR else 0
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        argv = [sys.executable, "-c", DELIVERER, str(tmp_path), str(port)]
        for _ in range(2):  # and the recovery is killed, too
            with subprocess.Popen(argv, stdout=subprocess.PIPE, env=env) as child:
                assert child.stdout is not None
                child.stdout.readline()
                try:
                    child.wait(wait_ms / 1000)
                except subprocess.TimeoutExpired:
                    child.send_signal(signal.SIGKILL)
        told = AnswerFile() if channel is Channel.INBOX else smtp(server)
        Outbox(store, told, tmp_path).step(NOW)
    assert {state for state, _ in states(store)} == {"delivered"}
    if channel is Channel.INBOX:
        assert mails(tmp_path / "answers") == raws  # once
    else:
        assert set(server.mails) == set(raws)  # at least once, always the same mail
        tries = sum(tries for _, tries in states(store))
        assert len(server.mails) <= tries


def test_a_result_of_a_run_gets_there_whole(
    store: Store, tmp_path: Path, failing_run: RunResult
) -> None:
    put(store)
    raw = bytes(compose.compose(answer(failing_run)))
    with store.transaction() as write:
        write.execute("UPDATE answer SET raw = ?", (pack(raw),))
    Outbox(store, AnswerFile(), tmp_path).step(NOW)
    assert mails(tmp_path / "answers") == [raw]
