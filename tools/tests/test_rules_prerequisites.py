# SPDX-License-Identifier: GPL-2.0
"""Rules of what is put below a series that one small change of a line would break."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.model import Patch, Prerequisite, Series
from kseries.series import prerequisites
from kseries.series.archive import DIGITS, FOUND, ArchiveConfig
from kseries.series.patchid import of_file
from kseries.series.prerequisites import _Search, find

NOBODY = ArchiveConfig.at("http://127.0.0.1:1/nobody")
PATCH_IDS = [Prerequisite("patch-id", f"{number:040x}") for number in range(201)]


def needed(kind: str, value: str) -> Prerequisite:
    return Prerequisite(kind, value)


def series(folder: Path, name: str, *numbers: int) -> Series:
    """Make a series whose patches change the file with the number each."""
    patches = []
    for index, number in enumerate(numbers, start=1):
        file = folder / f"{name}-{index}.patch"
        path = f"f{number}"
        file.write_text(
            f"From: A <a@b.c>\nSubject: [PATCH] {name}\n\n---\ndiff --git a/{path} b/{path}\n"
            f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-old\n+new\n"
        )
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        patches.append(Patch(index, name, "A <a@b.c>", "", file, digest))
    return Series(name, name, "", 1, len(patches), "", (), (), tuple(patches), "")


@dataclass
class Known(_Search):
    """Searches what an archive has said before; series are those that are known."""

    there: Mapping[str, Series] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def _read(self, message_id: str) -> Series | None:
        self.read.append(message_id)
        return self.there.get(message_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path


def answers(folder: Path, query: str, *mails: tuple[str, str]) -> None:
    """Have the archive's answer to a query there: (message id, subject) of mails."""
    into = folder / (hashlib.sha256(query.encode()).hexdigest()[:DIGITS] + FOUND)
    text = "From mboxrd@z Thu Jan  1 00:00:00 1970\nFrom: A <a@b.c>\nMessage-ID: <{}>\nSubject: {}"
    into.write_text("".join(f"{text.format(*mail)}\n\nWhy.\n\n" for mail in mails))


def searched(folder: Path, wanted: list[Prerequisite], **there: Series) -> Known:
    """Search; the series are known by message ids: "<name>@x"."""
    known = {f"{name}@x": one for name, one in there.items()}
    search = Known(wanted, Project(folder), folder, NOBODY, Silent(), there=known)
    search.carry_out(folder / "scratch")
    return search


def put(search: Known) -> list[tuple[str, int]]:
    return [(one.name, len(one.patches)) for one in search.found]


# ---- what can be looked for


@pytest.mark.parametrize(
    ("kind", "value", "is_known"),
    [
        ("patch-id", "0" * 40, True),
        ("patch-id", "f" * 64, True),
        ("patch-id", "0" * 39, False),
        ("patch-id", "0" * 65, False),
        ("patch-id", "A" * 40, False),
        ("message-id", "a@b", True),
        ("message-id", f"{'a' * 200}@{'b' * 200}", True),
        ("message-id", f"{'a' * 201}@b", False),
        ("message-id", f"a@{'b' * 201}", False),
        ("message-id", "@b", False),
        ("message-id", "a@", False),
        *(("message-id", f"a{odd}a@b", False) for odd in ' <>@/#"'),
        *(("message-id", f"a@b{odd}b", False) for odd in ' <>@/#"'),
        ("change-id", "20261101-a.b+c_d-0", True),
        ("change-id", f"{'a' * 200}:v123", True),
        ("change-id", "a" * 201, False),
        ("change-id", "a:v1234", False),
        ("change-id", "a:v", False),
        ("change-id", "", False),
        ("tree-id", "0" * 40, False),
    ],
)
def test_what_can_be_looked_for(kind: str, value: str, *, is_known: bool) -> None:
    assert prerequisites._is_known(needed(kind, value)) is is_known


# ---- what is not found


def found(folder: Path, *wanted: Prerequisite, archive: ArchiveConfig = NOBODY) -> list[str]:
    above = Series("s", "t", "", 1, 1, "", (), (), (), "", prerequisites=wanted)
    told = find(above, project=Project(folder), workdir=folder, archive=archive, progress=Silent())
    assert told.series == ()
    assert set(told.missing) == set(wanted)
    return [told.why_missing, *told.notes]


def test_so_many_are_looked_for_and_no_more(folder: Path) -> None:
    strange = needed("tree-id", "x")
    assert found(folder, *PATCH_IDS[:200], strange)[0].startswith("the archive did not say what")
    assert found(folder, *PATCH_IDS)[0] == "more than 200 prerequisites are not fetched"
    assert found(folder) == [""]


def test_three_that_are_missing_are_named(folder: Path) -> None:
    for one in PATCH_IDS[:5]:
        answers(folder, f"patchid:{one.value}")
    why, note = found(folder, *PATCH_IDS[:5])
    assert why == f"{NOBODY.shown} does not have it"
    named = ", ".join(str(one) for one in PATCH_IDS[:3])
    assert note.startswith(f"its author says that it needs {named} and 2 more below it, and {why};")


def test_why_nothing_is_known_is_a_part_of_a_sentence(folder: Path) -> None:
    why, note = found(folder, PATCH_IDS[1])
    assert why == f"the archive did not say what it has for patchid:{PATCH_IDS[1].value}"
    assert f"{PATCH_IDS[1].value} below it, and {why}; `--before SERIES`" in note


# ---- whole series


def test_a_whole_series_has_the_patches_that_are_named_beside_it(folder: Path) -> None:
    below = series(folder, "below", 1, 2)
    ids = [needed("patch-id", of_file(patch.file)) for patch in below.patches]
    search = searched(folder, [ids[0], needed("message-id", "below@x"), ids[1]], below=below)
    assert put(search) == [("below", 2)]
    assert search.met == set(search.wanted)
    assert search.read == ["below@x"]


def test_a_series_that_is_not_whole_is_none(folder: Path) -> None:
    search = searched(folder, [needed("message-id", "below@x")])
    assert (search.found, search.met) == ([], set())


CHANGE = "20261101-below-0123456789ab"
POSTED = (
    ("one@x", "[PATCH 0/2] below"),
    ("two-2@x", "[PATCH v2 2/2] below"),
    ("answer@x", "Re: [PATCH v3 0/2] below"),
    ("three@x", "[PATCH v3 1/2] below"),
    ("two@x", "[PATCH v2] below"),
)


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (CHANGE, ["three@x", "two@x", "one@x"]),
        (f"{CHANGE}:v2", ["two@x"]),
        (f"{CHANGE}:v1", ["one@x"]),
        (f"{CHANGE}:v4", []),
    ],
)
def test_of_a_change_the_version_or_the_newest(folder: Path, value: str, asked: list[str]) -> None:
    answers(folder, f'nq:"change-id: {CHANGE}"', *POSTED)
    search = searched(folder, [needed("change-id", value)])
    assert (search.read, search.met) == (asked, set())
    # What is unpacked goes with the rest.
    assert list((folder / "scratch").iterdir())


def test_the_first_version_that_is_whole_is_taken(folder: Path) -> None:
    answers(folder, f'nq:"change-id: {CHANGE}"', *POSTED)
    wanted = needed("change-id", CHANGE)
    search = searched(folder, [wanted], two=series(folder, "two", 1), one=series(folder, "one", 1))
    assert (put(search), search.met) == ([("two", 1)], {wanted})


# ---- single patches


def test_of_the_series_with_a_patch_that_with_most_of_them(folder: Path) -> None:
    one, both, last = (
        series(folder, "one", 1, 9), series(folder, "both", 9, 1, 2), series(folder, "last", 1, 2)
    )  # fmt: skip
    ids = [needed("patch-id", of_file(patch.file)) for patch in last.patches]
    names = ("one@x", "both@x", "last@x", "more@x")
    answers(folder, f"patchid:{ids[0].value}", *((name, "[PATCH 1/2] x") for name in names))
    search = searched(folder, ids, one=one, both=both, last=last, more=last)
    # Only those that are named; and the second one is there then.
    assert put(search) == [("both", 2)]
    assert [patch.index for patch in search.found[0].patches] == [2, 3]
    assert search.met == set(ids)
    assert search.read == ["one@x", "both@x", "last@x"]


def test_what_is_there_already_is_not_taken_again(folder: Path) -> None:
    first, second = series(folder, "first", 1), series(folder, "second", 1, 2)
    ids = [needed("patch-id", of_file(patch.file)) for patch in second.patches]
    for one in ids:
        answers(folder, f"patchid:{one.value}", ("second@x", "[PATCH 1/2] x"))
    wanted = [needed("message-id", "first@x"), *ids]
    search = searched(folder, wanted, first=first, second=second)
    assert put(search) == [("first", 1), ("second", 1)]
    assert [patch.index for patch in search.found[1].patches] == [2]
    assert search.met == set(wanted)


def test_a_patch_that_nobody_has_is_not_met(folder: Path) -> None:
    answers(folder, f"patchid:{PATCH_IDS[1].value}", ("other@x", "[PATCH] x"))
    search = searched(folder, [PATCH_IDS[1]], other=series(folder, "other", 1))
    assert (search.found, search.met) == ([], set())


def test_what_is_named_as_something_else_is_not_met_by_a_patch(folder: Path) -> None:
    one = series(folder, "one", 1)
    wanted = needed("patch-id", of_file(one.patches[0].file))
    answers(folder, f"patchid:{wanted.value}", ("one@x", "[PATCH] x"))
    answers(folder, f'nq:"change-id: {wanted.value}"')
    search = searched(folder, [wanted, needed("change-id", wanted.value)], one=one)
    assert search.met == {wanted}


def test_an_id_hangs_neither_on_the_order_of_files_nor_on_the_users_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config").write_text("[")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "config"))
    one, other = (series(folder, name, 1, 2) for name in ("one", "other"))
    texts = [patch.file.read_text().partition("diff ")[1:] for patch in one.patches]
    diffs = ["".join(text) for text in texts]
    for whole, parts in ((one.patches[0], diffs), (other.patches[0], diffs[::-1])):
        whole.file.write_text("Subject: [PATCH] x\n\n---\n" + "".join(parts))
    assert of_file(one.patches[0].file) == of_file(other.patches[0].file) != ""


def test_what_changes_nothing_has_no_id(folder: Path) -> None:
    one = series(folder, "one", 1).patches[0]
    assert len(of_file(one.file)) == 40
    one.file.write_text("From: A <a@b.c>\nSubject: [PATCH] x\n\nNothing.\n")
    assert of_file(one.file) == ""
