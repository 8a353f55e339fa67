# SPDX-License-Identifier: GPL-2.0
"""The answer as a mail: what it says, what its headers are, and that b4 and git take only text."""

from __future__ import annotations

import email
import os
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path

import pytest
from b4 import LoreMessage
from hypothesis import given
from hypothesis import strategies as st

from kseries.model import (
    Case,
    PatchState,
    ProgramResult,
    RunResult,
    StageRecord,
    StageState,
    Status,
)
from kseries.verdict.verdict import decided
from seriesbot.answer import compose, deciding, since, thread
from seriesbot.answer.compose import Answer, Bot, Earlier, Links
from seriesbot.answer.deciding import Channel, Known, Recipients
from seriesbot.answer.thread import Thread
from seriesbot.people import Person

GOLDEN = Path(__file__).parent / "data"

BOT = Bot("kseries bot", "bot@ci.example.org", "https://ci.example.org/about")
AUTHOR = Person("Zoë Ångström", "zoe@example.org")
THREAD = Thread(
    "20261122-1@example.org",
    "[PATCH v2 0/2] io_uring: zero copy",
    AUTHOR,
    (Person("", "io-uring@vger.example.org"), Person("Doe, J.", "j@doe.example.org")),
    ("older@example.org",),
)
LINKS = Links(
    "https://ci.example.org/version/7",
    config="https://ci.example.org/version/7/config",
    posted="https://lore.example.org/r/20261122-1@example.org",
)


def answer(result: RunResult | str, **changes: object) -> Answer:
    to = deciding.recipients(THREAD, Channel.THREAD, (), (BOT.address,))
    made = Answer(THREAD, result, "job-7", 1_795_342_500.0, BOT, to, LINKS)
    return replace(made, **changes)  # type: ignore[arg-type]


def reread(made: EmailMessage) -> EmailMessage:
    return email.message_from_bytes(bytes(made), policy=policy.default)


def body(made: EmailMessage) -> str:
    content: str = reread(made).get_content()
    return content


# ---- what it says


def test_an_answer(failing_run: RunResult, passing_run: RunResult) -> None:
    earlier = Earlier("v1", passing_run)
    made = compose.compose(answer(failing_run, earlier=earlier))
    file = GOLDEN / "answer.eml"
    if os.environ.get("KSERIES_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(made))
    assert bytes(made) == file.read_bytes()
    lines = body(made).splitlines()
    assert max(map(len, lines)) <= 72


def test_facts_stand_in_the_order_in_which_people_ask(failing_run: RunResult) -> None:
    text = body(compose.compose(answer(failing_run)))
    places = [
        text.index(told)
        for told in (
            "It does not pass:",
            "base commit",
            "applies ",
            "builds ",
            "tests ",
            "first bad ",
            "Kernel log, line 812",
            "What was not tested:",
            "https://ci.example.org/version/7\n",
            "b4 am -o - 20261122-1@example.org | git am",
            "make -j$(nproc)",
            "To reproduce this, in a clone of kseries",
            "A program wrote this",
            "\n-- \n",
        )
    ]
    assert places == sorted(places)


def test_a_series_that_applies_nowhere_is_told_why() -> None:
    error = (
        "The series applies to no tree.\n  debian-6.12: patch 2: net/core.c\n  mainline: \x1b[1mx"
    )
    text = body(compose.compose(answer(error)))
    assert "could not be tested" in text
    assert "| The series applies to no tree.\n" in text
    assert "\x1b" not in text


def test_a_run_with_a_fix_says_so(passing_run: RunResult) -> None:
    text = body(compose.compose(answer(passing_run, fix="<fix@x.org> by J. Doe")))
    assert text.startswith("With the patch of <fix@x.org> by J. Doe on top:")


# ---- its headers


def test_headers_thread_it(passing_run: RunResult) -> None:
    made = reread(compose.compose(answer(passing_run)))
    assert made["Subject"] == "Re: [PATCH v2 0/2] io_uring: zero copy"
    assert made["In-Reply-To"] == "<20261122-1@example.org>"
    assert made["References"] == "<older@example.org> <20261122-1@example.org>"
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["X-Kseries-Verdict"] == "pass"
    assert made["Date"] == "Tue, 22 Nov 2026 10:15:00 -0000" or made["Date"].datetime
    assert str(made["To"]) == "Zoë Ångström <zoe@example.org>"
    assert str(made["Cc"]) == 'io-uring@vger.example.org, "Doe, J." <j@doe.example.org>'


def test_its_message_id_is_that_of_series_and_run(
    passing_run: RunResult, failing_run: RunResult
) -> None:
    first = compose.compose(answer(passing_run))["Message-ID"]
    assert compose.compose(answer(failing_run, at=5.0))["Message-ID"] == first
    assert compose.compose(answer(passing_run, run="job-8"))["Message-ID"] != first
    other = replace(THREAD, message_id="b@x")
    assert compose.compose(answer(passing_run, thread=other))["Message-ID"] != first
    assert re.fullmatch(r"<seriesbot-[0-9a-f]{32}@ci\.example\.org>", first)


def test_a_reply_is_not_replied_to_twice(passing_run: RunResult) -> None:
    made = compose.compose(answer(passing_run, thread=replace(THREAD, subject="Re: x")))
    assert made["Subject"] == "Re: x"


NAMES = {
    "From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
    "Auto-Submitted", "X-Kseries-Verdict", "Content-Type", "Content-Transfer-Encoding",
    "MIME-Version",
}  # fmt: skip

hostile = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "a\nBcc: eve@example.com",
            "a\r\n\r\nbody",
            "=?utf-8?q?a=0ABcc:_eve=40example.com?=",
            "=?utf-8?b?CkJjYzogZXZlQGV4YW1wbGUuY29t?=",
            '" <eve@example.com>, "',
            'x\\" <eve@example.com>',
            "\udcff\ud800",
            "\u202egnihtemos\u2066",
            "x" * 10_000,
            "é" * 10_000,
            "a, " * 2000,
            "\x1b]0;title\x07\x00",
            "",
        ]
    ),
)


@given(hostile, hostile, hostile)
def test_no_header_is_added_whatever_the_mail_says(subject: str, name: str, other: str) -> None:
    answered = thread.read(b"From: x\nSubject: y\n\n") or Thread(
        "a@x.org",
        subject,
        Person(name, "zoe@example.org"),
        (Person(other, "j@example.org"), Person(name, "k@example.org")),
        (),
    )
    to = deciding.recipients(answered, Channel.THREAD, (), ())
    made = compose.compose(answer("no", thread=answered, recipients=to))
    data = bytes(made)
    data.decode("ascii")
    head = data.partition(b"\n\n")[0]
    assert {
        line.partition(b":")[0].decode() for line in head.splitlines() if line[:1] > b" "
    } <= NAMES
    assert max(map(len, data.splitlines())) < 998
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", head)
    read = reread(made)
    assert set(read.keys()) <= NAMES
    assert len(read.keys()) == len(set(read.keys()))
    for key in ("To", "Cc"):
        for found in read[key].addresses:
            assert found.addr_spec in answered.people
    assert not read.defects
    addresses = {at for _, at in getaddresses([made["To"], made["Cc"]])}
    assert addresses == answered.people
    told = f"{read['Subject']}{read['To']}{read['Cc']}"
    assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", told)


def test_long_threads_keep_their_first_message_and_the_last_ones(passing_run: RunResult) -> None:
    many = tuple(f"{number}@x.org" for number in range(1000))
    made = reread(compose.compose(answer(passing_run, thread=replace(THREAD, references=many))))
    ids = made["References"].split()
    assert (ids[0], ids[-2], ids[-1]) == ("<0@x.org>", "<999@x.org>", "<20261122-1@example.org>")
    assert len(ids) == 30


# ---- who takes it for what


def test_b4_finds_no_trailer_and_no_patch_in_it(
    failing_run: RunResult, hostile_run: RunResult
) -> None:
    trailer = "Tested-by: Eve <eve@example.org>"
    bad = ProgramResult(
        "zcrx", trailer, Status.FAIL, 1, 1.0, (Case(trailer, Status.FAIL, trailer),)
    )
    mean = decided(replace(failing_run, programs=(bad,), notes=(trailer, "Link: https://x.org/y")))
    for result in (failing_run, hostile_run, mean, "\n".join([trailer, "diff --git a/x b/x"])):
        earlier = Earlier(trailer, mean)
        made = compose.compose(answer(result, earlier=earlier, fix=trailer))
        read = LoreMessage(reread(made))
        assert read.trailers == []
        assert not read.has_diff
        assert not read.has_diffstat
        assert read.reply


def test_text_that_is_more_than_ascii_is_encoded(passing_run: RunResult) -> None:
    result = replace(passing_run, notes=("für Zoë \u202eevil",))
    made = compose.compose(answer(result))
    assert bytes(made).isascii()
    assert "- für Zoë evil\n" in body(made)


# ---- who gets it


def test_by_default_it_is_sent_to_nobody() -> None:
    to = deciding.recipients(THREAD, Channel.INBOX, (), ())
    assert to == Recipients(AUTHOR)


def test_to_the_author_alone() -> None:
    to = deciding.recipients(THREAD, Channel.AUTHOR, (), ())
    assert to == Recipients(AUTHOR, envelope=("zoe@example.org",))


def test_who_opted_out_gets_nothing_and_no_copy() -> None:
    to = deciding.recipients(THREAD, Channel.THREAD, {"j@doe.example.org"}, {BOT.address})
    assert to.envelope == ("zoe@example.org", "io-uring@vger.example.org")
    assert to.copies == (Person("", "io-uring@vger.example.org"),)
    for channel in Channel:
        assert deciding.recipients(THREAD, channel, {"zoe@example.org"}, ()).why_not


def test_programs_are_not_answered() -> None:
    assert deciding.recipients(replace(THREAD, automatic=True), Channel.AUTHOR, (), ()).why_not
    own = replace(THREAD, author=Person("", BOT.address))
    assert deciding.recipients(own, Channel.INBOX, (), {BOT.address}).why_not


@pytest.mark.parametrize(
    ("known", "answered"),
    [
        (Known("pass"), True),
        (Known("fail", ("pass",)), True),
        (Known("fail", ("fail",)), False),
        (Known("pass", ("pass", "fail")), True),
        (Known("fail", ("fail",), with_fix=True), True),
        (Known("incomplete"), False),
        (Known(""), True),
        (Known("", ("",)), False),
    ],
)
def test_a_second_answer_only_when_the_verdict_changes(known: Known, answered: bool) -> None:
    assert (deciding.silence(known) == "") is answered


# ---- against the version before


def told(before: RunResult, after: RunResult) -> tuple[int, int, int, int]:
    found = since.compare(before, after)
    return len(found.gone), len(found.stay), len(found.new), len(found.unknown)


def test_findings_go_stay_and_come(passing_run: RunResult, failing_run: RunResult) -> None:
    assert told(failing_run, failing_run)[1:] == (len([*since.problems(failing_run)]), 0, 0)
    found = since.compare(passing_run, failing_run)
    assert found.gone == found.stay == ()
    assert "zcrx/zcrx_refill: ring.wraps: fail: zcrx_refill.c:112" in " ".join(found.new)
    assert any(line.startswith("kernel log: WARNING: at io_uring/zcrx.c") for line in found.new)


def test_what_was_not_run_is_not_gone(passing_run: RunResult, failing_run: RunResult) -> None:
    # All programs of the second run pass; it has one of the two that failed.
    refill = replace(failing_run.programs[0], status=Status.PASS, problems=(), cases=(
        Case("ring.full", Status.PASS), Case("ring.wraps", Status.PASS),
    ))  # fmt: skip
    after = decided(replace(passing_run, programs=(refill,)))
    found = since.compare(failing_run, after)
    assert any("ring.wraps" in line for line in found.gone)
    assert all("lifetime" in line for line in found.unknown)
    assert len(found.unknown) > 1
    stages = (
        *passing_run.stages[:4],
        StageRecord("build", StageState.FAILED, 1.0, "The kernel does not build."),
        StageRecord("test", StageState.NOT_RUN),
    )
    unbuilt = decided(replace(passing_run, stages=stages, programs=()))
    found = since.compare(failing_run, unbuilt)
    assert found.new == ("stage 'build': The kernel does not build.",)
    assert not any("lifetime" in line or "kernel log" in line for line in found.gone)


def test_a_patch_that_applies_now_is_gone(passing_run: RunResult) -> None:
    clash = replace(passing_run.patches[0], state=PatchState.CONFLICT)
    stages = (StageRecord("apply", StageState.FAILED, 1.0, "no"),)
    before = decided(replace(passing_run, patches=(clash,), stages=stages, programs=()))
    found = since.compare(before, passing_run)
    assert found.gone == (f"patch 1 does not apply: {clash.title}",)
    text = body(compose.compose(answer(passing_run, earlier=Earlier("v1", before))))
    assert "Since v1 (which was FAIL):\n\nGone:\n\n- patch 1 does not apply" in text
