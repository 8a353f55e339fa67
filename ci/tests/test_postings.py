# SPDX-License-Identifier: GPL-2.0
"""Mails in any order become postings of series."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from seriesbot import mails
from seriesbot.postings import Known, Posting, postings
from tests.archives import diff, mail, thread

GAP_S = 600


def known(raws: Sequence[bytes], *, start: int = 0, step: int = 0) -> list[Known]:
    return [Known(mails.read(raw).mail, start + step * at) for at, raw in enumerate(raws)]


def found(*groups: Sequence[bytes], step: int = 0) -> list[Posting]:
    return postings(known([raw for group in groups for raw in group], step=step), GAP_S)


def ids(posting: Posting) -> list[str]:
    return sorted(mail.message_id for mail in posting.mails)


def numbered(tag: str, *numbers: int) -> list[str]:
    return [f"{tag}-{number}@x" for number in numbers]


def test_a_series_in_any_order_is_one_posting() -> None:
    for raws in itertools.permutations(thread("a", 3)):
        (posting,) = found(raws)
        assert ids(posting) == numbered("a", 0, 1, 2, 3)
        assert (posting.version, posting.total, posting.missing) == (1, 3, ())
        assert posting.top.message_id == "a-0@x"


def test_series_that_come_mixed_are_told_apart() -> None:
    raws = [*thread("a", 3), *thread("b", 3), *thread("c", 2)]
    random.Random(1).shuffle(raws)
    assert sorted(map(ids, found(raws))) == [
        numbered("a", 0, 1, 2, 3),
        numbered("b", 0, 1, 2, 3),
        numbered("c", 0, 1, 2),
    ]


def test_what_is_missing_is_known() -> None:
    raws = thread("a", 5)
    (posting,) = found([raws[4], raws[0], raws[1]])
    assert posting.missing == (2, 3, 5)
    (alone,) = found([raws[0]])
    assert alone.missing == (1, 2, 3, 4, 5)
    assert alone.cover is not None


def test_a_cover_letter_that_is_missing_is_known() -> None:
    (posting,) = found(thread("a", 2)[1:])
    assert posting.missing == ()
    assert posting.unknown_cover == "a-0@x"
    assert posting.top.message_id == "a-1@x"


def test_without_a_cover_letter_patches_answer_the_first() -> None:
    raws = [
        mail("[PATCH 1/3] x", "a-1@x"),
        mail("[PATCH 2/3] y", "a-2@x", answers="a-1@x"),
        mail("[PATCH 3/3] z", "a-3@x", answers="a-2@x"),  # in a chain
    ]
    for order in itertools.permutations(raws):
        (posting,) = found(order)
        assert (posting.missing, posting.unknown_cover) == ((), "")
        assert posting.top.message_id == "a-1@x"


def test_patches_that_answer_an_earlier_version_are_one_posting() -> None:
    raws = [mail(f"[PATCH v2 {n}/2] x{n}", f"b-{n}@x", answers="a-0@x") for n in (1, 2)]
    (posting,) = found(raws)
    assert ids(posting) == numbered("b", 1, 2)


def test_versions_share_a_thread_by_title_or_answer() -> None:
    first, second = thread("a", 2), thread("a", 3, prefix="PATCH v2", ids="a2")
    third = thread("other", 2, prefix="PATCH v3", answers="a-0@x")
    one, two, three = found(first, second, third)
    assert one.thread == two.thread == three.thread
    assert [each.version for each in (one, two, three)] == [1, 2, 3]


@pytest.mark.parametrize("cover", [True, False])
def test_mails_sent_without_a_thread_belong_together(cover: bool) -> None:
    def alone(tag: str) -> list[bytes]:
        return [
            mail(f"[PATCH {n}/2] {tag} {n}", f"{tag}-{n}@x") for n in range(0 if cover else 1, 3)
        ]

    numbers = (0, 1, 2) if cover else (1, 2)
    one, two = found(alone("a"), alone("b"))
    assert (ids(one), ids(two)) == (numbered("a", *numbers), numbered("b", *numbers))
    far = postings([*known(alone("a")[:-1]), *known(alone("a")[-1:], start=GAP_S + 1)], GAP_S)
    assert len(far) == 2


def test_a_series_posted_twice_is_two_postings() -> None:
    one, two = found(thread("a", 2), thread("a", 2, prefix="PATCH RESEND", ids="b"))
    assert ids(one) == numbered("a", 0, 1, 2)
    assert ids(two) == numbered("b", 0, 1, 2)
    assert one.thread == two.thread


def test_one_patch_posted_twice_is_two_postings() -> None:
    one, two = found([mail("[PATCH] x", "a@x"), mail("[PATCH] x", "b@x")])
    assert one.thread == two.thread
    assert (one.total, one.missing) == (0, ())


@pytest.mark.parametrize("answers", ["", "a-0@x"])
@pytest.mark.parametrize("prefix", ["PATCH", "PATCH RESEND"])
def test_a_part_that_comes_later_completes_its_series(answers: str, prefix: str) -> None:
    raws = thread("a", 3)
    late = mail(f"[{prefix} 2/3] a 2", "late@x", diff("f"), answers=answers)
    (posting,) = found([raws[0], raws[1], raws[3]], [late])
    assert posting.missing == ()


def test_a_part_that_is_sent_again_belongs_to_its_series() -> None:
    again = mail("[PATCH RESEND 2/3] a 2", "again@x", diff("f"))
    (posting,) = found(thread("a", 3), [again])
    assert "again@x" in ids(posting)


def test_another_sender_is_another_matter_and_replies_are_none() -> None:
    # Only a sender's own mails are given; what answers a patch with a patch is a thread of its own.
    raws = [*thread("a", 2), mail("[PATCH] fixup", "fix@x", diff("f"), answers="a-1@x")]
    one, two = found(raws)
    assert (one.total, two.total) == (2, 0)


def test_rings_and_hostile_references_end() -> None:
    ring = [
        mail(f"[PATCH {n}/3] r", f"r{n}@x", answers=[f"r{(n + 1) % 4}@x", f"r{n}@x"])
        for n in range(4)
    ]
    (posting,) = found(ring)
    assert len(posting.mails) == 4


def test_many_series_of_one_sender_are_told_apart() -> None:
    raws = [raw for n in range(150) for raw in thread(f"t{n}", 3)]
    assert len(found(raws)) == 150


@pytest.mark.timeout(60)
@pytest.mark.parametrize("total", [2, 9999])
def test_who_sends_thousands_does_not_cost_the_square(total: int) -> None:
    (one,) = known([mail(f"[PATCH 1/{total}] x", "0@x")])
    many = [Known(replace(one.mail, message_id=f"{number}@x"), number) for number in range(4000)]
    assert len(postings(many, GAP_S)) == 4000


def test_a_late_part_completes_the_latest_that_lacks_it() -> None:
    firsts = [mail("[PATCH 1/2] a 1", f"first-{n}@x", diff("f")) for n in range(3)]
    (*_, last) = found(firsts, [mail("[PATCH 2/2] a 1", "second@x", diff("g"))])
    assert ids(last) == ["first-2@x", "second@x"]
