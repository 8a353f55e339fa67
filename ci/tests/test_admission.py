# SPDX-License-Identifier: GPL-2.0
"""Which versions become work, and why the others do not."""

from __future__ import annotations

import pytest

from seriesbot.admission import A_PASS, admit
from seriesbot.rules import Rule
from tests.archives import diff, mail, patch_body, thread
from tests.desk import Desk, make_home
from tests.signing import Signer

LIMITED = """
[[inbox]]
name = "list"
path = "inbox"
[limits]
patches = 3
mail_kib = 2
series_kib = 3
"""
ALLOWING = """
[[inbox]]
name = "list"
path = "inbox"
authserv = "mx.example.net"
[trust]
allowed = ["zoe@example.org"]
refused = ["*@evil.org"]
"""
PROOF = (
    "Authentication-Results",
    "mx.example.net; dkim=pass header.d=example.org header.i=@example.org",
)


@pytest.fixture
def signer(desk: Desk) -> Signer:
    found = Signer(1)
    found.join(desk.config.keyring)
    return found


def test_a_signed_series_becomes_work(desk: Desk, signer: Signer) -> None:
    desk.post(*map(signer.sign, thread("a", 2)))
    desk.admit()
    assert desk.states() == ["queued"]
    assert desk.jobs() == [(1, "waiting")]
    assert desk.paths(1) == ["net/a1.c", "net/a2.c"]
    assert desk.reasons() == [
        "rule all takes it: it takes all; known: signed with a key of zoe@example.org from the"
        " keyring"
    ]


def test_a_strangers_series_is_held(desk: Desk) -> None:
    desk.post(*thread("a", 2))
    desk.admit()
    assert desk.states() == ["held"]
    assert desk.jobs() == []
    assert "stranger: the cover letter is not signed" in desk.reasons()[0]


def test_strangers_can_be_refused_and_some_always_are(desk: Desk) -> None:
    desk.config = make_home(desk.config.home.path, ALLOWING + 'strangers = "refuse"\n')
    desk.post(*thread("a", 1, sender="a@x.org"), *thread("b", 1, sender="b@evil.org"))
    desk.admit()
    assert desk.states() == ["refused", "refused"]
    assert "b@evil.org is refused (*@evil.org)" in desk.reasons()[1]


def test_who_is_allowed_and_vouched_for_becomes_work(desk: Desk) -> None:
    desk.config = make_home(desk.config.home.path, ALLOWING)
    desk.post(*thread("a", 2, headers=[PROOF]), *thread("b", 2))
    desk.admit()
    assert desk.states() == ["queued", "held"]


def test_rules_decide_by_what_a_series_changes(desk: Desk) -> None:
    desk.rules = [Rule("mm", paths=("mm/*",)), Rule("net", keywords=("a things",))]
    desk.post(*thread("a", 1), *thread("b", 1), *thread("c", 1, folder="mm"))
    desk.admit()
    assert desk.states() == ["held", "ignored", "held"]
    assert desk.reasons()[1] == (
        "no rule takes it (mm: none of its paths fits; net: none of its keywords fits)"
    )
    assert desk.reasons()[2].startswith("rule mm takes it: mm/c1.c (paths: mm/*)")


def test_the_list_is_that_of_the_archive_and_of_the_addresses(desk: Desk) -> None:
    desk.rules = [Rule("here", lists=("test@*",)), Rule("never", lists=("other",))]
    desk.post(*thread("a", 1))
    desk.rules += [Rule("archive", lists=("list",))]
    desk.admit()
    assert desk.reasons()[0].startswith("rule here takes it: test@example.org (lists: test@*)")


@pytest.mark.parametrize(
    ("mails", "why"),
    [
        (thread("a", 4), "has 4 patches; at most 3 are taken"),
        ([mail("[PATCH] x", "x@x", patch_body("f", "y" * 3000))], "patch 1 has 3 KiB"),
        ([mail(f"[PATCH {n}/3] x", f"{n}@x", patch_body(f"f{n}", "y" * 1300))
          for n in (1, 2, 3)], "at most 3 are taken"),
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused(desk: Desk, mails: list[bytes], why: str) -> None:
    desk.config = make_home(desk.config.home.path, LIMITED)
    desk.post(*mails)
    desk.wait(2)
    desk.admit()
    assert desk.states() == ["refused"]
    assert why in desk.reasons()[0]


def test_what_carries_no_patch_is_left_alone(desk: Desk) -> None:
    desk.post(mail("[PATCH] soon", "a@x", "There will be one.\n"))
    desk.admit()
    assert desk.states() == ["ignored"]
    assert desk.reasons() == ["there is no patch in it"]


def test_what_is_no_series_is_told(desk: Desk) -> None:
    damaged = patch_body("f").replace("@@ -0,0 +1 @@", "@@ -0,0 +1,3 @@")
    desk.post(mail("[PATCH] damaged", "a@x", damaged))
    raws = thread("b", 2)
    desk.post(*raws, raws[2].replace(b"b-2@x", b"other@x").replace(b"a = 1;", b"a = 2;"))
    desk.admit()
    assert desk.states() == ["broken", "broken"]
    assert "is damaged" in desk.reasons()[0]
    assert "Two different mails are patch 2/2" in desk.reasons()[1]


def test_a_series_that_is_posted_again_is_a_repeat(desk: Desk, signer: Signer) -> None:
    desk.post(*map(signer.sign, thread("a", 2)))
    desk.admit()
    desk.end(1)
    again = [*map(signer.sign, thread("a", 2, ids="b", prefix="PATCH RESEND"))]
    desk.post(*again)
    desk.admit()
    assert desk.states() == ["judged", "repeated"]
    assert desk.reasons()[1] == "the same patches as <a-0@x>, which is judged"


def test_a_part_put_right_replaces_what_waits(desk: Desk, signer: Signer) -> None:
    desk.post(*map(signer.sign, thread("a", 2)))
    desk.admit()
    right = mail(
        "[PATCH RESEND 2/2] a 2", "right@x", patch_body("net/a2.c", "b = 1;"), answers="a-0@x"
    )
    desk.post(signer.sign(right))
    desk.admit()
    assert desk.states() == ["replaced", "queued"]
    assert desk.jobs() == [(1, "cancelled"), (2, "waiting")]
    assert "it came again, with other patches" in desk.reasons()[0]


def test_patches_that_are_called_alike_do_not_replace_each_other(
    desk: Desk, signer: Signer
) -> None:
    for name in ("one", "two"):
        desk.post(signer.sign(mail("[PATCH] fix typo", f"{name}@x", patch_body(f"net/{name}.c"))))
    desk.admit()
    assert desk.states() == ["queued", "queued"]


@pytest.mark.parametrize("state", ["queued", "running", "held", "incomplete", "gathering"])
def test_a_new_version_replaces_what_is_not_over(desk: Desk, signer: Signer, state: str) -> None:
    desk.post(*map(signer.sign, thread("a", 2)))
    desk.admit()
    desk.end(1, state)
    desk.post(*map(signer.sign, thread("a", 2, prefix="PATCH v2", ids="b", line="b = 1;")))
    desk.admit()
    assert desk.states() == ["replaced", "queued"]
    assert desk.jobs() == [(1, "cancelled"), (2, "waiting")]
    assert desk.reasons()[0] == "v2 came: <b-0@x>"


def test_a_version_that_comes_after_its_successor_is_replaced(desk: Desk, signer: Signer) -> None:
    first = [*map(signer.sign, thread("a", 2))]
    desk.post(*first[:2])
    desk.post(*map(signer.sign, thread("a", 2, prefix="PATCH v2", ids="b", line="b = 1;")))
    desk.admit()
    desk.end(2)
    desk.post(first[2])
    desk.admit()
    assert desk.states() == ["replaced", "judged", "replaced"]
    assert desk.reasons()[2] == "v2 came: <b-0@x>"
    assert desk.jobs() == [(2, "waiting")]


def test_a_new_version_by_nobody_who_is_known_replaces_nothing(desk: Desk, signer: Signer) -> None:
    desk.post(*map(signer.sign, thread("a", 2)))
    desk.admit()
    desk.post(*thread("a", 2, prefix="PATCH v2", ids="b", line="b = 1;"))  # in the sender's name
    desk.admit()
    assert desk.states() == ["queued", "held"]
    assert desk.jobs() == [(1, "waiting")]


def test_series_that_share_a_title_do_not_replace_each_other(desk: Desk, signer: Signer) -> None:
    def series(tag: str, prefix: str) -> list[bytes]:
        raws = [
            mail(f"[{prefix} 1/3] fix typo", f"{tag}-1@x", patch_body(f"{tag}/a")),
            mail(f"[{prefix} 2/3] {tag} b", f"{tag}-2@x", patch_body(f"{tag}/b"),
                 answers=f"{tag}-1@x"),
            mail(f"[{prefix} 3/3] {tag} c", f"{tag}-3@x", patch_body(f"{tag}/c"),
                 answers=f"{tag}-1@x"),
        ]  # fmt: skip
        cover = mail(f"[{prefix} 0/3] {tag}", f"{tag}-0@x")
        return [signer.sign(raw) for raw in (cover, *raws)]

    one, two = series("one", "PATCH"), series("two", "PATCH v2")
    desk.post(*one)
    desk.post(*two)
    desk.admit()
    assert desk.seen() == [(1, 1, "queued"), (1, 2, "queued")]


def test_a_forged_part_cannot_spoil_a_series(desk: Desk, signer: Signer) -> None:
    raws = [*map(signer.sign, thread("a", 2))]
    forged = mail("[PATCH 2/2] a 2", "evil@x", patch_body("net/evil.c"), answers="a-0@x")
    resent = mail("[PATCH RESEND 1/2] a 1", "evil2@x", patch_body("net/evil.c"), answers="a-0@x")
    desk.post(raws[0], forged, raws[1], raws[2], resent)
    desk.admit()
    assert desk.states() == ["queued"]
    assert desk.paths(1) == ["net/a1.c", "net/a2.c"]
    desk.post(mail("[PATCH RESEND 2/2] a 2", "evil3@x", diff("net/evil.c"), answers="a-0@x"))
    desk.admit()
    assert desk.states() == ["queued", "repeated"]


def test_a_forged_copy_cannot_take_the_place_of_a_series(desk: Desk, signer: Signer) -> None:
    raws = thread("a", 2)
    desk.post(*[raw.replace(b"a-", b"forged-") for raw in raws])
    desk.admit()
    desk.post(*map(signer.sign, raws))
    desk.admit()
    assert desk.states() == ["replaced", "queued"]


def test_every_decision_is_kept_with_its_reason(desk: Desk) -> None:
    raws = thread("a", 2)
    desk.post(raws[0])
    desk.wait(10)
    desk.post(*raws[1:])
    desk.admit()
    rows = desk.store.rows("SELECT what, outcome FROM decision WHERE version = 1 ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("series", "gathering"),
        ("series", "incomplete"),
        ("series", "gathering"),
        ("trust", "held"),
    ]


def test_a_flood_keeps_nobody_waiting_for_a_decision(desk: Desk) -> None:
    flood = [
        mail(f"[PATCH] f{n}", f"f{n}@x", diff(f"net/{n}"), sender="flood@x.org") for n in range(40)
    ]
    desk.post(*flood, *thread("a", 1), *thread("b", 1, sender="b@x.org"))
    assert admit(desk.store, desk.config, desk.rules, desk.now) == A_PASS
    decided = desk.store.rows("SELECT sender FROM version WHERE state = 'held'")
    assert {"zoe@example.org", "b@x.org"} < {row["sender"] for row in decided}
