# SPDX-License-Identifier: GPL-2.0
"""Mirrors of archives: made, kept up to date, over new epochs and rewritten histories."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.lib.errors import InfraError
from seriesbot import mirror
from seriesbot.mirror import Mirror
from seriesbot.publicinbox import epochs
from tests.archives import Archive, FirstArchive, git, mail


def messages(path: Path) -> list[list[bytes]]:
    found = []
    for epoch in epochs(path):
        added = epoch.added(epoch.commits(epoch.head()))
        found.append([one.data or b"" for one in added])
    return found


def served(archive: Archive, root: Path) -> str:
    """Lay an archive out as its server does: URL/0, URL/1, …"""
    root.mkdir(exist_ok=True)
    for place in (archive.path / "git").glob("*.git"):
        link = root / place.stem
        link.unlink(missing_ok=True)
        link.symlink_to(place)
    return f"file://{root}"


def test_epochs_are_mirrored_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path / "there")
    one, two, three = (mail("x", f"{n}@x") for n in "123")
    archive.add([one])
    archive.roll_over()
    archive.add([two])
    here = Mirror(served(archive, tmp_path / "served"), tmp_path / "here")
    here.update()
    assert messages(tmp_path / "here") == [[one], [two]]
    archive.add([three])
    here.update()
    assert messages(tmp_path / "here") == [[one], [two, three]]
    archive.rewrite([two])
    archive.roll_over()
    archive.add([three])
    served(archive, tmp_path / "served")
    here.update()  # it was just looked whether there is a new one
    assert messages(tmp_path / "here") == [[one], [two]]
    monkeypatch.setattr(mirror, "NEXT_EPOCH_S", 0.0)
    here.update()
    assert messages(tmp_path / "here") == [[one], [two], [three]]


def test_an_archive_of_version_1_is_one_repository(tmp_path: Path) -> None:
    archive = FirstArchive(tmp_path / "there.git")
    archive.add([mail("x", "1@x")])
    here = Mirror(f"file://{archive.path}", tmp_path / "here")
    here.update()
    archive.add([mail("x", "2@x")])
    here.update()
    assert [len(each) for each in messages(tmp_path / "here")] == [2]


def test_an_archive_that_does_not_answer_is_told(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "there")
    archive.add([mail("x", "1@x")])
    url = served(archive, tmp_path / "served")
    here = Mirror(url, tmp_path / "here")
    (tmp_path / "served/0").unlink()
    with pytest.raises(InfraError, match="cannot be fetched"):
        here.update()
    served(archive, tmp_path / "served")
    here.update()
    assert [len(each) for each in messages(tmp_path / "here")] == [1]
    git(f"--git-dir={archive.epoch}", "update-ref", "-d", "refs/heads/master")
    with pytest.raises(InfraError, match="cannot be fetched"):
        here.update()
    assert [len(each) for each in messages(tmp_path / "here")] == [1]
