# SPDX-License-Identifier: GPL-2.0
"""Intake: each mail of an archive once, whatever happens to the archive or to the bot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kseries.lib.errors import InfraError, UserError
from seriesbot import intake, mails
from seriesbot.intake import ALL, Limits, Taken
from seriesbot.publicinbox import epochs
from seriesbot.states import Kind
from seriesbot.store import Store, unpack
from tests.archives import Archive, FirstArchive, PublicInbox, git, mail

NOW = 1_730_000_500
EVERYTHING = Limits(ALL, 1 << 20)
NEW = Limits(0, 1 << 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.opened(tmp_path / "store.sqlite", create=True) as store:
        yield store


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "inbox")


def take(store: Store, archive: Any, limits: Limits = EVERYTHING, name: str = "list") -> Taken:
    return intake.take_in(store, name, epochs(archive.path), limits, NOW)


def ids(store: Store) -> list[str]:
    return [row["message_id"] for row in store.rows("SELECT message_id FROM message ORDER BY id")]


def numbered(*numbers: int) -> list[bytes]:
    return [mail(f"mail {n}", f"m{n}@x") for n in numbers]


def named(*numbers: int) -> list[str]:
    return [f"m{n}@x" for n in numbers]


def test_each_mail_is_taken_in_once_in_order(store: Store, archive: Archive) -> None:
    archive.add(numbered(*range(120)))  # more than one transaction
    assert take(store, archive) == Taken(new=120)
    assert take(store, archive) == Taken()
    archive.add(numbered(200, 201))
    assert take(store, archive) == Taken(new=2)
    assert ids(store) == named(*range(120), 200, 201)


def test_what_is_kept_is_the_raw_mail(store: Store, archive: Archive) -> None:
    one = mail("[PATCH v2 0/3] Grüße", "a@x", "körper\n", answers=("b@x", "c@x"))
    archive.add([one])
    take(store, archive)
    row = store.row("SELECT * FROM message")
    assert row is not None
    assert unpack(row["raw"]) == one
    assert row["sender"] == "zoe@example.org"
    assert row["subject"] == "[PATCH v2 0/3] Grüße"
    assert row["refs"] == '["b@x", "c@x"]'
    assert row["kind"] == Kind.COVER
    assert row["size"] == len(one)
    assert row["arrived"] == NOW


def test_first_sight_takes_what_comes_from_now_on(store: Store, archive: Archive) -> None:
    archive.add(numbered(1, 2))
    assert take(store, archive, NEW) == Taken()
    archive.add(numbered(3))
    assert take(store, archive, NEW) == Taken(new=1)
    assert ids(store) == named(3)


def test_the_first_mail_of_an_empty_archive_is_no_history(store: Store, archive: Archive) -> None:
    assert take(store, archive, NEW) == Taken()
    archive.add(numbered(1))
    assert take(store, archive, NEW) == Taken(new=1)


def test_first_sight_takes_the_days_that_are_asked_for(store: Store, archive: Archive) -> None:
    day = 86_400
    archive.add(numbered(1), at=NOW - 4 * day)
    archive.add(numbered(2), at=NOW - 2 * day)
    archive.add(numbered(3), at=NOW - 9 * day)  # came late: its clock is wrong
    assert take(store, archive, Limits(3, 1 << 20)) == Taken(new=2)
    assert ids(store) == named(2, 3)


def test_a_new_epoch_is_read_from_its_beginning(store: Store, archive: Archive) -> None:
    archive.add(numbered(1))
    take(store, archive, NEW)
    archive.add(numbered(2))
    archive.roll_over()
    archive.add(numbered(3))
    assert take(store, archive, NEW) == Taken(new=2)
    for _ in range(10):
        archive.roll_over()  # 10.git comes behind 9.git
    archive.add(numbered(4))
    assert take(store, archive, NEW) == Taken(new=1)
    assert ids(store) == named(2, 3, 4)


def test_a_mail_that_came_by_two_archives_is_one(
    store: Store, archive: Archive, tmp_path: Path
) -> None:
    other = Archive(tmp_path / "other")
    archive.add(numbered(1, 2))
    other.add(numbered(2, 3))
    assert take(store, archive, name="a") == Taken(new=2)
    assert take(store, other, name="b") == Taken(new=1, known=1)
    query = (
        "SELECT message_id, inbox.name FROM seen JOIN inbox ON inbox.id = seen.inbox"
        " JOIN message ON message.id = seen.message ORDER BY message.id, inbox.id"
    )
    assert [tuple(row) for row in store.rows(query)] == [
        ("m1@x", "a"),
        ("m2@x", "a"),
        ("m2@x", "b"),
        ("m3@x", "b"),
    ]


def test_version_1_archives(store: Store, tmp_path: Path) -> None:
    archive = FirstArchive(tmp_path / "one.git")
    archive.add(numbered(1, 2))
    assert take(store, archive) == Taken(new=2)
    archive.add(numbered(3))
    assert take(store, archive) == Taken(new=1)


Rewriting = tuple[list[int], list[int | None], list[int]]


@pytest.mark.parametrize(
    ("limits", "taken_before", "left", "new"),
    [
        (EVERYTHING, [1, 2, 3], [1, None, 3, 4], [4]),
        (EVERYTHING, [1, 2, 3], [1, 3, 4], [4]),  # a purge that leaves no commit
        (EVERYTHING, [1, 2, 3], [None, None, None, 4], [4]),
        (NEW, [11, 12], [None, 2, 11, 12, 13], [13]),
        (NEW, [11, 12], [1, None, 11, 12, 13], [13]),  # the last mail of history went
        (NEW, [11, 12], [1, None, None, 12, 13], [13]),
        (NEW, [11, 12], [1, None, None, None, 13], [13]),  # nothing is left that we know
        (NEW, [11, 12], [1, 2, None, 12], []),
        (NEW, [], [1, None, 13], [13]),
        (NEW, [], [None, None, 13], [13]),
    ],
)
def test_history_written_anew(
    store: Store,
    archive: Archive,
    limits: Limits,
    taken_before: list[int],
    left: list[int | None],
    new: list[int],
) -> None:
    if limits is NEW:
        archive.add(numbered(1, 2))
        take(store, archive, limits)
    if taken_before:
        archive.add(numbered(*taken_before))
    take(store, archive, limits)
    assert ids(store) == named(*taken_before)
    archive.rewrite([None if n is None else numbered(n)[0] for n in left])
    assert take(store, archive, limits).new == len(new)
    assert ids(store) == named(*taken_before, *new)
    archive.add(numbered(99))
    assert take(store, archive, limits) == Taken(new=1)


@pytest.mark.parametrize("version", [1, 2])
def test_a_purge_by_public_inbox_itself(store: Store, tmp_path: Path, version: int) -> None:
    inbox = PublicInbox(tmp_path / "real", version)
    before = numbered(1, 2, 3, 4)
    inbox.add(before)
    assert take(store, inbox) == Taken(new=4)
    if version == 2:
        inbox.purge(before[1])
    inbox.add(numbered(5))
    found = take(store, inbox)
    assert (found.new, found.skipped) == (1, 1 if version == 2 else 0)
    assert ids(store) == named(1, 2, 3, 4, 5)


def test_a_mail_that_is_too_large_is_known_and_not_kept(store: Store, archive: Archive) -> None:
    archive.add([mail("[PATCH] large", "large@x", "x" * 70 + "\n" * 5000), *numbered(1)])
    assert take(store, archive, Limits(ALL, 4000)) == Taken(new=2)
    rows = store.rows("SELECT message_id, raw IS NULL AS gone FROM message ORDER BY id")
    assert [tuple(row) for row in rows] == [("large@x", 1), ("m1@x", 0)]


def test_what_is_no_mail_is_passed_over(store: Store, archive: Archive) -> None:
    archive.add([b"", b"\0\xff" * 50, b"Subject: no id\nFrom: a@x\n\nbody\n", *numbered(1)])
    assert take(store, archive) == Taken(new=1, skipped=3)


def test_a_kill_between_transactions_loses_nothing(
    store: Store, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.add(numbered(*range(130)))
    write = intake._write
    calls = 0

    def failing(*words: Any) -> Taken:
        nonlocal calls
        calls += 1
        if calls in (1, 70, 140):
            raise ZeroDivisionError
        return write(*words)

    monkeypatch.setattr(intake, "_write", failing)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            take(store, archive)
    take(store, archive)
    assert ids(store) == named(*range(130))


def test_an_archive_that_is_broken_is_told(store: Store, archive: Archive) -> None:
    archive.add(numbered(1, 2))
    blob = git(f"--git-dir={archive.epoch}", "rev-parse", "HEAD:m")
    (archive.epoch / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(InfraError, match="cannot be read"):
        take(store, archive)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert epochs(tmp_path / "folder") == []
    (tmp_path / "folder/file").touch()
    for name in ("folder", "nothing"):
        with pytest.raises(UserError, match="no public-inbox"):
            epochs(tmp_path / name)


@pytest.mark.parametrize(
    ("subject", "answers", "kind"),
    [
        ("[PATCH net-next v3 0/7] net: x", "", Kind.COVER),
        ("[PATCH net-next v3 2/7] net: x", "a@x", Kind.PATCH),
        ("[PATCH] net: x", "", Kind.PATCH),
        ("[RFC 1/2] net: x", "", Kind.PATCH),
        ("Re: [PATCH] net: x", "a@x", Kind.REPLY),
        ("Re: [PATCH] net: x", "", Kind.REPLY),
        ("net: x", "a@x", Kind.REPLY),
        ("net: x", "", Kind.OTHER),
        ("[GIT PULL] net", "", Kind.OTHER),
        ("[GIT PULL 1/4] ARM", "", Kind.OTHER),
        ("[PULL 00/20] target-arm", "", Kind.OTHER),
        ("[PATCH net-next 0/5][pull request] Intel", "", Kind.COVER),
        ("", "", Kind.OTHER),
    ],
)
def test_kinds_of_mails(subject: str, answers: str, kind: Kind) -> None:
    assert mails.read(mail(subject, "own@x", answers=answers)).kind is kind


def test_what_answers_by_itself_is_no_reply() -> None:
    one = mail(
        "Re: [PATCH] x", "own@x", answers="a@x", headers=[("Auto-Submitted", "auto-replied")]
    )
    assert mails.read(one).kind is Kind.OTHER


@pytest.mark.parametrize(
    ("sender", "found"),
    [
        ("Zoe <Zoe@Example.ORG>", "zoe@example.org"),
        ("zoe@example.org", "zoe@example.org"),
        ('"evil@x.org" <zoe@example.org>', "zoe@example.org"),
        ("nobody", ""),
        ("<a@b@c>", ""),
        ("a\x1b[2J@x.org", ""),
        ("", ""),
        # A name is no place for addresses, and may have a comma, in an encoded word as well.
        ("=?utf-8?q?Doe=2C_J=C3=B6rg?= <j@example.org>", "j@example.org"),
        ("=?utf-8?q?good=40example.org=2C?= <evil@x.org>", "evil@x.org"),
        ("=?utf-8?q?=22x=22_=3Cgood=40example.org=3E?= <evil@x.org>", "evil@x.org"),
        ("(" * 10_000, ""),
        ("x <$(id)@x.org>", ""),
    ],
)
def test_senders(sender: str, found: str) -> None:
    assert mails.read(f"Subject: x\nFrom: {sender}\n\n".encode()).sender == found


@example(["Subject: ", "=?utf-7?q?+2AA-?="])
@given(st.lists(st.sampled_from(["From: ", "Subject: ", "\n", "<", ">", "@", "=?utf-7?q?+2AA-?=",
    "[PATCH 1/", "]", "Message-ID: <a@b>\n", "\0", "\udcff", '"', "(", "\\", ",", "x" * 300,
    "References: ", " ", "é"]), max_size=60))  # fmt: skip
def test_nothing_in_headers_breaks_the_reader(parts: Sequence[str]) -> None:
    data = "".join(parts).encode(errors="surrogateescape")
    seen = mails.read(data)
    seen.mail.subject.encode()
    seen.sender.encode("ascii")
    for one in (seen.mail.message_id, *mails.references(seen.mail)):
        one.encode()
