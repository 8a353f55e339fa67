# SPDX-License-Identifier: GPL-2.0
"""New mails find the versions that they belong to, whatever is known already."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seriesbot.gather import gather
from tests.archives import diff, mail, thread
from tests.desk import LIMITS, Desk


def numbered(tag: str, *numbers: int) -> list[tuple[int, str]]:
    return [(number, f"{tag}-{number}@x") for number in numbers]


def test_a_whole_series_is_due_at_once(desk: Desk) -> None:
    desk.post(*reversed(thread("a", 3)))
    assert desk.seen() == [(1, 1, "gathering")]
    assert desk.due() == [0]
    assert desk.parts(1) == numbered("a", 0, 1, 2, 3)
    row = desk.store.row("SELECT * FROM version")
    assert row is not None
    assert (row["message_id"], row["title"], row["total"]) == ("a-0@x", "a things", 3)
    assert row["sender"] == "zoe@example.org"


def test_parts_are_waited_for_and_what_is_missing_is_told(desk: Desk) -> None:
    raws = thread("a", 4)
    desk.post(raws[2])
    assert desk.due() == [600]
    desk.wait(9)
    desk.post(raws[0])
    assert desk.due() == [600]  # from the last one that came
    desk.wait(9)
    assert desk.seen() == [(1, 1, "gathering")]
    desk.wait(1)
    assert desk.seen() == [(1, 1, "incomplete")]
    assert desk.reasons() == ["patches 1, 3 to 4 of 4 are missing; it goes on when the rest comes"]
    desk.post(raws[1], raws[3])
    desk.wait(600)
    desk.post(raws[4])
    assert desk.seen() == [(1, 1, "gathering")]
    assert desk.due() == [0]
    assert len(desk.parts(1)) == 5


def test_a_cover_letter_is_waited_for_a_moment(desk: Desk) -> None:
    raws = thread("a", 2)
    desk.post(*raws[1:])
    assert desk.due() == [60]
    desk.post(raws[0])
    assert desk.due() == [0]
    assert desk.seen() == [(1, 1, "gathering")]


def test_what_answers_a_known_mail_waits_for_nothing(desk: Desk) -> None:
    desk.post(mail("a bug", "bug@x", sender="else@example.org"))
    desk.post(mail("[PATCH 1/1] fix", "fix@x", diff("f"), answers="bug@x"))
    assert desk.due() == [0]


def test_versions_are_one_series(desk: Desk) -> None:
    desk.post(*thread("a", 2))
    desk.post(*thread("b", 2, answers="a-0@x", prefix="PATCH v2"))
    desk.post(*thread("a", 2, prefix="PATCH v3", ids="c"))
    desk.post(*thread("other", 2))
    assert desk.seen() == [
        (1, 1, "gathering"),
        (1, 2, "gathering"),
        (1, 3, "gathering"),
        (2, 1, "gathering"),
    ]


def test_series_that_turn_out_to_be_one_become_one(desk: Desk) -> None:
    desk.post(*thread("a", 2))
    desk.post(*thread("b", 2, prefix="PATCH v2"))
    assert [series for series, *_ in desk.seen()] == [1, 2]
    desk.post(*thread("c", 2, prefix="PATCH v3", answers="a-0@x", title="b things"))
    assert [series for series, *_ in desk.seen()] == [1, 1, 1]


def test_another_sender_cannot_put_anything_into_a_series(desk: Desk) -> None:
    raws = thread("a", 2)
    desk.post(raws[0], raws[1])
    evil = mail("[PATCH 2/2] evil", "evil@x", diff("f"), answers="a-0@x", sender="evil@x.org")
    desk.post(evil)
    assert desk.parts(1) == numbered("a", 0, 1)
    desk.post(raws[2])
    assert desk.parts(1) == numbered("a", 0, 1, 2)


def test_replies_and_pull_requests_are_left_alone(desk: Desk) -> None:
    desk.post(
        mail("Re: [PATCH 1/2] x", "r@x", diff("f"), answers="a@x"),
        mail("[GIT PULL] net", "p@x", "are available in the git repository at\n"),
        mail("hello", "h@x"),
    )
    assert desk.seen() == []


def test_what_comes_late_for_a_judged_version_begins_another(desk: Desk) -> None:
    desk.post(*thread("a", 2))
    desk.end(1)
    again = mail("[PATCH RESEND 2/2] a 2", "again@x", diff("f"), answers="a-0@x")
    desk.post(again)
    assert desk.seen() == [(1, 1, "judged"), (1, 1, "gathering")]
    assert desk.store.value("SELECT earlier FROM version WHERE id = 2") == 1
    assert desk.parts(2) == [*numbered("a", 0, 1, 2), (2, "again@x")]
    desk.end(2)
    desk.post(*thread("x", 1))
    assert [state for *_, state in desk.seen()] == ["judged", "judged", "gathering"]


def test_parts_taken_for_two_postings_turn_out_to_be_one(desk: Desk) -> None:
    # A chain whose middle comes last.
    raws = [
        mail("[PATCH 1/3] x", "a-1@x"),
        mail("[PATCH 2/3] y", "a-2@x", answers="a-1@x"),
        mail("[PATCH 3/3] z", "a-3@x", answers="a-2@x"),
    ]
    desk.post(raws[0])
    desk.post(raws[2])
    desk.post(raws[1])
    gathering = [state for *_, state in desk.seen() if state == "gathering"]
    assert gathering == ["gathering"]
    (version,) = desk.store.rows("SELECT id FROM version WHERE state = 'gathering'")
    assert desk.parts(version["id"]) == numbered("a", 1, 2, 3)


def test_a_sender_without_an_address_is_told(desk: Desk) -> None:
    desk.post(mail("[PATCH] x", "a@x", diff("f"), sender="nobody"))
    assert desk.seen() == []
    reason = desk.store.value("SELECT reason FROM decision WHERE message_id = 'a@x'")
    assert "no plain address" in reason
    assert gather(desk.store, LIMITS, desk.now) == 0


def test_a_title_that_nobody_filled_in_is_the_first_patchs(desk: Desk) -> None:
    desk.post(*thread("a", 2, title="*** SUBJECT HERE ***"))
    assert desk.store.value("SELECT title FROM version") == "a 1"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_mails_one_by_one_end_as_mails_at_once(desk: Desk, order: Sequence[int]) -> None:
    raws = thread("a", 2)
    for at in order:
        desk.post(raws[at])
        desk.wait(1)
    assert desk.seen() == [(1, 1, "gathering")]
    assert desk.due() == [0]
    assert desk.parts(1) == numbered("a", 0, 1, 2)
