# SPDX-License-Identifier: GPL-2.0
"""From a result in the store to an answer in it, and through the outbox to a list."""

from __future__ import annotations

import email
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from kseries.model import RunResult, Verdict
from kseries.verdict import document
from seriesbot.answer.outbox import Outbox
from seriesbot.answer.settings import AnswerFile
from seriesbot.answer.writing import Writer
from seriesbot.store import Store, pack, unpack
from tests.archives import mail
from tests.test_ownlist import mails

NOW = 1_795_342_500
SENDER = "zoe@example.org"
TOLD = AnswerFile(address="bot@ci.example.org", site="https://ci.example.org/")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.opened(tmp_path / "store.sqlite", create=True) as store:
        with store.transaction() as write:
            write.execute("INSERT INTO inbox VALUES (1, 'lkml')")
            write.execute("INSERT INTO series VALUES (1, ?, 'net: things', 0)", (SENDER,))
        for number in (1, 2):
            raw = mail(f"[PATCH v{number} 0/2] net: things", f"v{number}-0@x")
            version(store, number, raw)
        yield store


def version(store: Store, number: int, raw: bytes, sender: str = SENDER) -> None:
    name = f"v{number}-0@x"
    with store.transaction() as write:
        write.execute(
            "INSERT INTO message (id, message_id, inbox, arrived, kind, sender, subject, refs,"
            " size, raw) VALUES (?, ?, 1, 0, 'cover', ?, '', '[]', 1, ?)",
            (number, name, sender, pack(raw)),
        )
        write.execute(
            "INSERT INTO version (id, series, number, total, message_id, sender, title, state,"
            " reason, since, due, earlier) VALUES (?, 1, ?, 2, ?, ?, 'x', 'judged', '', 0, 0, ?)",
            (number, number, name, sender, number - 1 if number > 1 else None),
        )


def put(
    store: Store,
    result: RunResult | str,
    *,
    version: int = 1,
    cause: str = "posted",
    fix: int | None = None,
    exit_code: int | None = None,
) -> None:
    with store.transaction() as write:
        done = write.execute(
            "INSERT INTO job (version, sender, cause, fix, state, wanted)"
            " VALUES (?, ?, ?, ?, 'ended', 0)",
            (version, SENDER, cause, fix),
        )
        verdict, error, code, packed = "", str(result), 2, None
        if isinstance(result, RunResult):
            verdict, error, code = result.verdict.value, "", result.exit_code
            packed = pack(document.to_json(result).encode())
        code = code if exit_code is None else exit_code
        write.execute(
            "INSERT INTO result (job, version, at, verdict, exit_code, error, document)"
            " VALUES (?, ?, 0, ?, ?, ?, ?)",
            (done.lastrowid, version, verdict, code, error, packed),
        )


def answers(store: Store) -> list[tuple[str, str]]:
    return [(row["state"], row["note"]) for row in store.rows("SELECT * FROM answer ORDER BY id")]


def written(store: Store) -> list[EmailMessage]:
    rows = store.rows("SELECT raw FROM answer WHERE raw IS NOT NULL ORDER BY id")
    return [email.message_from_bytes(unpack(row["raw"]), policy=policy.default) for row in rows]


def test_a_result_is_answered_once(store: Store, tmp_path: Path, failing_run: RunResult) -> None:
    put(store, failing_run)
    writer = Writer(store, TOLD)
    assert writer.step(NOW)
    assert not writer.step(NOW)
    (made,) = written(store)
    assert made["To"] == "Zoë Ängström <zoe@example.org>"
    assert made["Subject"] == "Re: [PATCH v1 0/2] net: things"
    assert made["In-Reply-To"] == "<v1-0@x>"
    text = made.get_content()
    assert "It does not pass" in text
    assert "  report   https://ci.example.org/results/1\n" in text
    assert Outbox(store, TOLD, tmp_path).step(NOW) == 1
    (there,) = mails(tmp_path / "answers")
    assert made["Message-ID"] in there.decode()
    (why,) = store.rows("SELECT * FROM decision")
    assert (why["message_id"], why["what"], why["outcome"]) == ("v1-0@x", "answer", "written")


def test_the_answer_to_a_later_version_says_what_became_of_the_findings(
    store: Store, failing_run: RunResult, passing_run: RunResult
) -> None:
    put(store, failing_run)
    put(store, passing_run, version=2)
    Writer(store, TOLD).step(NOW)
    first, second = written(store)
    assert "Since " not in first.get_content()
    assert "Since v1 (which was FAIL):\n\nGone:\n" in second.get_content()


def test_again_is_answered_only_where_the_verdict_changes(
    store: Store, failing_run: RunResult, passing_run: RunResult
) -> None:
    for result in (failing_run, failing_run, passing_run):
        put(store, result, cause="again")
    Writer(store, TOLD).step(NOW)
    assert [state for state, _ in answers(store)] == ["written", "withheld", "written"]
    assert answers(store)[1][1] == "the verdict is the one that was answered before"


def test_what_was_lost_is_not_answered(store: Store, passing_run: RunResult) -> None:
    put(store, replace(passing_run, verdict=Verdict.INCOMPLETE, exit_code=3))
    put(store, "the engine lost it", exit_code=3)
    Writer(store, TOLD).step(NOW)
    assert [state for state, _ in answers(store)] == ["withheld"] * 2


def test_a_series_without_a_document_is_told_why(store: Store) -> None:
    put(store, "It applies to no tree.\n  mainline: patch 1")
    Writer(store, TOLD).step(NOW)
    assert "    | It applies to no tree.\n" in written(store)[0].get_content()


def test_the_fix_of_a_known_sender_is_answered_to_him(store: Store, failing_run: RunResult) -> None:
    asked = mail("Re: [PATCH 0/2]", "fix@x", sender="J <j@example.org>", answers="v1-0@x")
    with store.transaction() as write:
        write.execute(
            "INSERT INTO message (id, message_id, inbox, arrived, kind, sender, subject, refs,"
            " size, raw) VALUES (9, 'fix@x', 1, 0, 'reply', 'j@example.org', '', '[]', 1, ?)",
            (pack(asked),),
        )
    put(store, failing_run)
    put(store, failing_run, cause="test", fix=9)
    Writer(store, TOLD).step(NOW)
    made = written(store)[1]
    assert made["To"] == "J <j@example.org>"
    assert made["In-Reply-To"] == "<fix@x>"
    assert made.get_content().startswith("With the patch of <fix@x> on top:")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (mail("x", "v3-0@x", headers=[("Auto-Submitted", "auto-replied")]), "a program wrote"),
        (mail("x", "v3-0@x", sender="Bot <bot@ci.example.org>"), "a program wrote"),
        (mail("x", "v3-0@x", sender="e@x.org, zoe@example.org"), "several senders"),
        (b"", "no sender"),
    ],
)
def test_whom_nobody_answers(raw: bytes, why: str, store: Store, passing_run: RunResult) -> None:
    sender = "bot@ci.example.org" if b"bot@" in raw else SENDER
    version(store, 3, raw, sender)
    put(store, passing_run, version=3)
    Writer(store, TOLD).step(NOW)
    ((state, told),) = answers(store)
    assert state == "withheld"
    assert why in told


def test_who_opted_out_gets_no_answer(store: Store, passing_run: RunResult) -> None:
    with store.transaction() as write:
        write.execute("INSERT INTO optout VALUES (?, 0, 'x')", (SENDER,))
    put(store, passing_run)
    Writer(store, TOLD).step(NOW)
    assert answers(store) == [("withheld", "zoe@example.org wants no answers")]


def test_a_command_names_the_series_and_no_place_of_this_machine(
    store: Store, passing_run: RunResult
) -> None:
    options = ("--series", "/nowhere/jobs/3/series.mbox", "--config", "debug", "--archive", "x")
    facts = replace(passing_run.provenance, options=options)
    put(store, replace(passing_run, provenance=facts))
    Writer(store, TOLD).step(NOW)
    text = written(store)[0].get_content()
    assert "./nox -s selftest -- --series v1-0@x --config debug\n" in text
    assert "/nowhere" not in text


def test_a_command_does_not_name_tests_that_were_chosen(
    store: Store, passing_run: RunResult
) -> None:
    options = ("--series", "/x.mbox", "--suite", "a", "--suite", "b")
    facts = replace(passing_run.provenance, options=options)
    for version, chosen in ((1, ("a", "b")), (2, ())):
        scope = replace(passing_run.scope, chosen_suites=chosen)
        put(store, replace(passing_run, provenance=facts, scope=scope), version=version)
    Writer(store, TOLD).step(NOW)
    texts = [made.get_content() for made in written(store)]
    assert "--series v1-0@x\n" in texts[0]
    assert "--series v2-0@x --suite a --suite b\n" in texts[1]
