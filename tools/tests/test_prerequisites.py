# SPDX-License-Identifier: GPL-2.0
"""What a series needs below it: fetched from a real public-inbox, or given by the user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.model import Request
from kseries.series import archive as mails
from kseries.series.archive import ArchiveConfig
from kseries.stacks import stack
from tests.publicinbox import ADDRESS, Inbox
from tests.toyproject import ToyProject, set_up

FILE = "net/core.c"
BELOW = (FILE, "return budget;", "return budget + 1;")
BETWEEN = (FILE, "return budget + 1;", "return budget + 2;")
ABOVE = (FILE, "return budget + 2;", "return budget + 3;")


class Posted(NamedTuple):
    """Two series in an archive: "below", of two patches, and "above", written on top of it."""

    project: ToyProject
    archive: str  # its address
    below: list[Path]
    above: Path
    patch_ids: list[str]  # of below


@pytest.fixture
def posted(tmp_path: Path, toy_kernel: Path) -> Iterator[Posted]:
    project = set_up(tmp_path / "project", toy_kernel)
    folder = project.series("below", BELOW, BETWEEN, ABOVE)
    *below, above = sorted(folder.iterdir())
    for place, file in enumerate([*below, above], start=1):
        _make_mail(file, place)
    inbox_folder = tmp_path / "inbox"
    inbox_folder.mkdir()
    inbox = Inbox(inbox_folder)
    inbox.deliver([file.read_bytes() for file in below])
    own = project.root / "above.mbox"
    above.rename(own)
    folder.rename(project.root / "below")
    ids = [_patch_id(project.root / "below" / file.name) for file in below]
    with inbox.served() as archive:
        moved = [project.root / "below" / file.name for file in below]
        yield Posted(project, archive.shown, moved, own, ids)


def _make_mail(file: Path, place: int) -> None:
    """Make a mail of what git format-patch wrote: the third is a series of its own."""
    text = file.read_text().partition("\n")[2]  # no line of a mailbox
    number = f"PATCH v2 {place}/2" if place < 3 else "PATCH"
    text = text.replace(f"[PATCH {place}/3]", f"[{number}]")
    answers = "In-Reply-To: <below-1@x>\nReferences: <below-1@x>\n" if place == 2 else ""
    name = f"below-{place}" if place < 3 else "above"
    text = text.replace("\n-- \n", "\nchange-id: 20261101-below-0123456789ab\n-- \n")
    file.write_text(f"Message-ID: <{name}@x>\nTo: {ADDRESS}\n{answers}{text}")


def _patch_id(file: Path) -> str:
    words = ["sh", "-c", f"git patch-id --stable < {file.name}"]
    return proc.run(words, cwd=file.parent, deadline=Deadline.after(60)).output.split()[0]


def needing(posted: Posted, *trailers: str) -> None:
    """Write trailers where git format-patch writes them."""
    text = posted.above.read_text()
    lines = "".join(f"prerequisite-{trailer}\n" for trailer in trailers)
    posted.above.write_text(text.replace("\n-- \n", f"\n{lines}-- \n"))


def base(posted: Posted, *words: str) -> tuple[int, str]:
    return posted.project.kseries("base", str(posted.above), "--archive", posted.archive, *words)


def test_without_what_it_needs_it_applies_nowhere(posted: Posted) -> None:
    code, output = base(posted)
    assert (code, "it applies nowhere" in output) == (1, True)


@pytest.mark.parametrize(
    "trailers",
    [
        ("patch-id: {0}", "patch-id: {1}"),
        ("message-id: <below-1@x>", "patch-id: {0}", "patch-id: {1}"),
        ("message-id: <below-1@x>",),
        ("change-id: 20261101-below-0123456789ab:v2", "patch-id: {0}"),
        ("change-id: 20261101-below-0123456789ab",),
    ],
)
def test_what_its_author_names_is_put_below(posted: Posted, trailers: tuple[str, ...]) -> None:
    needing(posted, *(trailer.format(*posted.patch_ids) for trailer in trailers))
    code, output = posted.project.kseries(
        *("run", "--until", "apply", "--series", str(posted.above), "--archive", posted.archive)
    )
    assert code == 0, output
    told = posted.project.latest()
    assert [(one["series"], one["state"]) for one in told["patches"]] == [
        ("below-1@x", "applied"),
        ("below-1@x", "applied"),
        ("above", "applied"),
    ]
    put = "above: below-1@x (2 of its 2 patches) is put below it, as its author asks"
    assert [note for note in told["notes"] if note.startswith(put)], told["notes"]
    assert not [note for note in told["notes"] if "says that it needs" in note]
    assert output.count("is put below it") == 2, output  # while it goes on, and in the report


def test_only_the_patches_that_are_named_are_taken(posted: Posted) -> None:
    needing(posted, f"patch-id: {posted.patch_ids[0]}")
    planned = stack.plan(
        Request(series=str(posted.above), archive=posted.archive),
        project=Project(posted.project.root),
    )
    found = stack.resolve(
        planned,
        project=Project(posted.project.root),
        workdir=posted.project.root / "work",
        progress=Silent(),
    )
    assert [(one.name, len(one.patches)) for one in found.series] == [
        ("below-1@x", 1),
        ("above", 1),
    ]


def test_one_that_nobody_has_is_named_and_no_error(posted: Posted) -> None:
    needing(posted, f"patch-id: {'5' * 40}", "message-id: <nobody@x>", "tree-id: x")
    code, output = base(posted)
    assert code == 1, output
    code, output = posted.project.kseries(
        *("run", "--until", "series", "--series", str(posted.above), "--archive", posted.archive)
    )
    notes = posted.project.latest()["notes"]
    assert [
        note
        for note in notes
        if f"needs patch-id {'5' * 40}, message-id nobody@x, tree-id x" in note
        if posted.archive in note
        if "--before SERIES" in note
    ], notes


def test_an_archive_that_is_down_is_no_error_either(posted: Posted) -> None:
    needing(posted, f"patch-id: {posted.patch_ids[0]}", "message-id: <below-1@x>")
    code, output = posted.project.kseries(
        *("run", "--until", "series", "--series", str(posted.above)),
        *("--archive", "http://127.0.0.1:1/nobody"),
    )
    assert code in (0, 1), output
    notes = posted.project.latest()["notes"]
    assert [note for note in notes if "the archive did not" in note], notes


def test_whoever_names_a_whole_branch_is_told(posted: Posted) -> None:
    needing(posted, *(f"patch-id: {number:040x}" for number in range(201)))
    posted.project.kseries(
        *("run", "--until", "series", "--series", str(posted.above), "--archive", posted.archive)
    )
    notes = posted.project.latest()["notes"]
    assert [note for note in notes if "more than 200 prerequisites are not fetched" in note]


def test_what_comes_out_of_a_search_is_a_mailbox(posted: Posted, tmp_path: Path) -> None:
    archive = ArchiveConfig.at(posted.archive)
    query = f"patchid:{posted.patch_ids[1]}"
    found = mails.search(query, tmp_path / "work", archive=archive, progress=Silent())
    assert b"<below-2@x>" in found.read_bytes()
    query = f"patchid:{'7' * 40}"
    none = mails.search(query, tmp_path / "work", archive=archive, progress=Silent())
    assert none.read_bytes() == b""


def test_a_series_of_the_users_is_put_below(posted: Posted) -> None:
    below = str(posted.project.root / "below")
    code, output = base(posted, "--before", below, "--json")
    assert code == 0, output
    assert json.loads(output[output.index("{") :])["before"] == ["below"]
    words = ("run", "--until", "apply", "--series", str(posted.above), "--before", below)
    code, output = posted.project.kseries(*words)
    assert code == 0, output
    told = posted.project.latest()
    assert [one["series"] for one in told["patches"]] == ["below", "below", "above"]
    options = told["provenance"]["options"]
    assert options[options.index("--before") + 1] == below


def test_before_what(posted: Posted) -> None:
    project = Project(posted.project.root)
    below = str(posted.project.root / "below")
    with pytest.raises(UserError, match="there is none"):
        stack.plan(Request(stack="plain", before=(below,)), project=project)
    with pytest.raises(UserError, match="'below' would be in the stack twice"):
        stack.plan(Request(series=str(posted.above), before=(below, below)), project=project)


def test_what_does_not_apply_below_is_named(posted: Posted) -> None:
    below = posted.project.root / "below"
    posted.below[0].unlink()
    rest = posted.below[1]
    rest.write_text(rest.read_text().replace("[PATCH v2 2/2]", "[PATCH]"))
    code, output = base(posted, "--before", str(below), "--json")
    assert code == 1, output
    rows = json.loads(output[output.index("{") :])["candidates"]
    assert rows[0]["why_not"].startswith("below, which stands below it: patch 1, ")


@pytest.mark.parametrize("spec", ["above", "below-1@x"])
def test_what_an_archive_gave_for_a_search_is_not_asked_for_again(
    posted: Posted, tmp_path: Path, spec: str
) -> None:
    needing(posted, *(f"patch-id: {one}" for one in posted.patch_ids))
    series = str(posted.above) if spec == "above" else spec
    searched, kept = tmp_path / "searched", tmp_path / "kept"
    kept.mkdir()

    def read(archive: str, workdir: Path) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        project = Project(posted.project.root)
        planned = stack.plan(Request(series=series, archive=archive), project=project)
        found = stack.resolve(planned, project=project, workdir=workdir, progress=Silent())
        return [
            (one.name, tuple(patch.sha256 for patch in one.patches), one.notes)
            for one in found.series
        ]

    first = read(posted.archive, searched)
    assert first[0][0] == "below-1@x"
    mails.keep(searched, kept)
    assert read("http://127.0.0.1:1/nobody", kept) == first
