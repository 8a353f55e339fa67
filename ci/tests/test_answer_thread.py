# SPDX-License-Identifier: GPL-2.0
"""The mail that is answered: read whatever is in it, and nobody named who is not there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seriesbot.answer import thread
from seriesbot.answer.headers import is_message_id
from seriesbot.people import Person, is_address

COVER = b"""\
From: =?utf-8?q?Zo=C3=AB_=C3=85ngstr=C3=B6m?= <Zoe@Example.org>
To: linux-kernel@vger.example.org, "Doe, J." <j@doe.example.org>
Cc: j@doe.example.org, zoe@example.org, undisclosed-recipients:;
Subject: [PATCH v2 0/2]
 =?utf-8?q?net=3A?= things
Message-ID: <a-0@x.org>
In-Reply-To: <older@x.org>
References: <oldest@x.org> <older@x.org>

Hello.
"""


def test_a_cover_letter() -> None:
    read = thread.read(COVER)
    assert read is not None
    assert read.message_id == "a-0@x.org"
    assert read.subject == "[PATCH v2 0/2] net: things"
    assert read.author == Person("Zoë Ångström", "zoe@example.org")
    assert read.others == (
        Person("", "linux-kernel@vger.example.org"),
        Person("Doe, J.", "j@doe.example.org"),
    )
    assert read.references == ("oldest@x.org", "older@x.org")
    assert not read.automatic


@pytest.mark.parametrize(
    ("line", "automatic"),
    [
        (b"Auto-Submitted: auto-replied; x=y", True),
        (b"auto-submitted:auto-generated", True),
        (b"Auto-Submitted: no", False),
    ],
)
def test_a_mail_of_a_program_is_known(line: bytes, automatic: bool) -> None:
    read = thread.read(COVER.replace(b"\n\n", b"\n%b\n\n" % line, 1))
    assert read is not None
    assert read.automatic is automatic


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no mail",
        b"Subject: x\n\n",
        COVER.replace(b"<a-0@x.org>", b"none"),
        COVER.replace(b"<a-0@x.org>", b"<a@x> <b@x>"),
        COVER.replace(b"<a-0@x.org>", b"<\xc3\xa9@x>"),
        COVER.replace(b"Zoe@Example.org", b"nobody"),
        COVER.replace(b"Zoe@Example.org", b"a@b\xc3\xa9.org"),
        COVER.replace(b"<Zoe@Example.org>", b"(" * 20_000),
    ],
)
def test_what_cannot_be_answered(raw: bytes) -> None:
    assert thread.read(raw) is None


def test_an_encoded_name_adds_no_address() -> None:
    raw = COVER.replace(b"linux-kernel@", b"=?utf-8?q?x=2C_evil=40example.com?= <linux-kernel@", 1)
    raw = raw.replace(b"vger.example.org,", b"vger.example.org>,", 1)
    read = thread.read(raw)
    assert read is not None
    assert read.others[0] == Person("x, evil@example.com", "linux-kernel@vger.example.org")
    assert "evil@example.com" not in read.people


def test_nobody_is_added_by_reply_to() -> None:
    read = thread.read(b"Reply-To: victim@example.com\n" + COVER)
    assert read is not None
    assert "victim@example.com" not in read.people


def test_of_thousands_of_addresses_some_are_read() -> None:
    many = b", ".join(b"user%d@example.org" % number for number in range(20_000))
    read = thread.read(COVER.replace(b"Cc: ", b"Cc: " + many + b", "))
    assert read is not None
    assert len(read.others) == thread.MAX_PEOPLE


values = st.binary(max_size=200).map(lambda data: data.replace(b"\n", b"\n "))


@given(values, values, values, values)
def test_any_mail_is_read_or_not(sender: bytes, to: bytes, ids: bytes, subject: bytes) -> None:
    raw = b"From: a@x.org, %b\nTo: %b\nMessage-ID: <a@x>\nReferences: %b\nSubject: %b\n\nx\n"
    read = thread.read(raw % (sender, to, ids, subject))
    if read is None:
        return
    assert all(map(is_address, read.people))
    assert all(map(is_message_id, read.references))
    for text in (read.subject, read.author.name, *(one.name for one in read.others)):
        assert "\n" not in text
        text.encode()
