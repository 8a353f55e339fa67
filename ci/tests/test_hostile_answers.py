# SPDX-License-Identifier: GPL-2.0
"""Answers to mails of all kinds: each is a mail of ours, to nobody who was not in the thread.

HOSTILE=2000 SEEDS=1,2,3 in the environment takes more mails than those of every day.
"""

from __future__ import annotations

import email
import os
import re
from dataclasses import replace
from email import policy
from email.utils import getaddresses
from pathlib import Path

import pytest
from b4 import LoreMessage

from kseries.model import RunResult
from kseries.verdict import document
from seriesbot.answer.outbox import MAX_AT_ONCE, Outbox
from seriesbot.answer.settings import AnswerFile, SmtpFile
from seriesbot.answer.writing import Writer
from seriesbot.commands import Commands
from seriesbot.store import pack, unpack
from seriesbot.web import app
from tests import hostile, smtpserver
from tests.desk import Desk
from tests.test_web import Read
from tests.webserver import served

COUNT = int(os.environ.get("HOSTILE", "80"))
SEEDS = [*map(int, os.environ.get("SEEDS", "1").split(","))]
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def judge_all(desk: Desk, result: RunResult) -> int:
    """Give every version a result, whatever state it is in; give how many there are."""
    packed = pack(document.to_json(result).encode())
    rows = desk.store.rows("SELECT id, sender FROM version")
    with desk.store.transaction() as write:
        for row in rows:
            job = write.execute(
                "INSERT INTO job (version, sender, cause, state, wanted) VALUES (?, ?, 'posted',"
                " 'ended', 0)",
                [row["id"], row["sender"]],
            ).lastrowid
            write.execute(
                "INSERT INTO result (job, version, at, verdict, exit_code, error, document)"
                " VALUES (?, ?, ?, 'fail', 1, '', ?)",
                [job, row["id"], desk.now, packed],
            )
    return len(rows)


@pytest.mark.timeout(120 + COUNT)
@pytest.mark.parametrize("seed", SEEDS)
def test_answers_to_mails_of_all_kinds(
    desk: Desk, seed: int, failing_run: RunResult, hostile_run: RunResult, tmp_path: Path
) -> None:
    for at, raws in enumerate(_batches(hostile.generate(seed, COUNT).mails)):
        desk.post(*raws)
        desk.now += 5 + at
    desk.wait(60)
    desk.admit()
    while Commands(desk.store, desk.config).step(desk.now):
        pass
    assert desk.jobs() == []
    mixed = replace(failing_run, programs=(*failing_run.programs, *hostile_run.programs))
    count = judge_all(desk, mixed)
    assert count > COUNT // 10
    with smtpserver.served() as server:
        told = AnswerFile(
            channel="thread",
            address="bot@ci.example.org",
            a_day=10_000,
            smtp=SmtpFile("127.0.0.1", server.port, tls="none"),
        )
        writer = Writer(desk.store, told)
        while writer.step(desk.now):
            pass
        box = Outbox(desk.store, told, tmp_path)
        while box.step(desk.now) == MAX_AT_ONCE:
            pass
    rows = desk.store.rows(
        "SELECT answer.raw, version.id AS version, version.message_id FROM answer"
        " JOIN version ON version.id = answer.version"
    )
    assert len(rows) == count
    written = [row for row in rows if row["raw"] is not None]
    assert len(written) == len(server.taken) > 0
    for row in written:
        _check(desk, unpack(row["raw"]), row["message_id"])
    for envelope in server.taken:
        made = email.message_from_bytes(bytes(envelope.content or b""), policy=policy.default)  # type: ignore[arg-type]
        named = {at for _, at in getaddresses([made["To"] or "", made["Cc"] or ""])}
        assert set(envelope.rcpt_tos) == named
    with served(app.make(desk.config)) as site:
        paths = ["/", "/series", "/work", *(f"/versions/{row['version']}" for row in rows[:40])]
        for path in paths:
            answer = site.get(path)
            assert answer.status == 200
            assert not Read(answer.text).tags & {"script", "style", "img"}
            assert not CONTROL.search(answer.text)


def _check(desk: Desk, raw: bytes, answered: str) -> None:
    """See that an answer is a mail of ours, and whom it names."""
    assert raw.isascii()
    assert max(map(len, raw.split(b"\n"))) < 998
    made = email.message_from_bytes(raw, policy=policy.default)
    assert not made.defects
    assert len(made.keys()) == len({*made})
    for name in made:
        assert not CONTROL.search(str(made[name])), name
    query = "SELECT message_id, raw FROM message WHERE message_id = ?"
    asked = desk.store.row(query, answered)
    assert asked is not None
    assert made["In-Reply-To"] == f"<{asked['message_id']}>"
    # Each address stands in the mail that is answered, as it is.
    letters = unpack(asked["raw"]).partition(b"\n\n")[0].decode("latin-1").lower()
    for _, at in getaddresses([made["To"] or "", made["Cc"] or ""]):
        assert at in letters
        assert at != "bot@ci.example.org"
    read = LoreMessage(made)
    assert (read.trailers, read.has_diff, read.has_diffstat) == ([], False, False)
    body = made.get_content()
    assert not CONTROL.search(body)
    commands = ("  ./nox", "    ./nox", "  b4 am", "  git ")
    assert max(len(one) for one in body.splitlines() if not one.startswith(commands)) <= 72


def _batches(raws: list[bytes]) -> list[list[bytes]]:
    return [raws[at : at + 40] for at in range(0, len(raws), 40)]
