# SPDX-License-Identifier: GPL-2.0
"""Series out of an archive of mails: b4 against a real public-inbox on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.model import Series
from kseries.series.archive import ArchiveConfig, fetch_thread, parse_link
from kseries.series.read import read_series
from tests.publicinbox import Inbox, mail, patch_text


def thread(tag: str, count: int, *, prefix: str = "PATCH", answers: str = "") -> list[bytes]:
    """Make a cover letter and its patches; ids are tag-0@x, tag-1@x, ..."""
    cover = mail(f"[{prefix} 0/{count}] {tag} things", f"{tag}-0@x", "Hello.\n", answers)
    return [cover] + [
        mail(f"[{prefix} {n}/{count}] {tag} {n}", f"{tag}-{n}@x", patch_text(f"f{n}"), f"{tag}-0@x")
        for n in range(1, count + 1)
    ]


def answers(tag: str) -> list[bytes]:
    review = "Reviewed-by: Rob <rob@example.org>\n"
    return [
        mail(f"Re: [PATCH 1/3] {tag} 1", f"{tag}-re1@x", f"> quote\n\n{review}", f"{tag}-1@x"),
        mail(f"Re: [PATCH 0/3] {tag} things", f"{tag}-re0@x", review, f"{tag}-0@x"),
    ]


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Inbox:
    inbox = Inbox(tmp_path_factory.mktemp("inbox"))
    inbox.deliver([*thread("whole", 3), *answers("whole")])
    inbox.deliver([one for place, one in enumerate(thread("holed", 3)) if place != 2])
    again = thread("again", 2, prefix="PATCH v2", answers="first-0@x")
    inbox.deliver([*thread("first", 2), *again])
    return inbox


@pytest.fixture(scope="module")
def archive(inbox: Inbox) -> Iterator[ArchiveConfig]:
    with inbox.served() as archive:
        yield archive


def read(spec: str, archive: ArchiveConfig, folder: Path) -> Series:
    return read_series(
        spec,
        project=Project(folder / "project"),
        workdir=folder / "run",
        archive=archive,
        progress=Silent(),
    )


def test_what_was_sent_is_what_comes(archive: ArchiveConfig, tmp_path: Path) -> None:
    series = read("whole-0@x", archive, tmp_path)
    assert (series.name, series.title) == ("whole-0@x", "whole things")
    assert (series.message_id, series.posted, series.version) == ("whole-0@x", 3, 1)
    assert series.author == "Zoë Ängström <zoe@example.org>"
    assert series.link == archive.linkmask.replace("%s", "whole-0@x")
    assert [patch.message_id for patch in series.patches] == [f"whole-{n}@x" for n in (1, 2, 3)]
    assert series.notes == ()
    sent = tmp_path / "sent.mbox"
    sent.write_bytes(b"".join(b"From z Tue Oct 29 23:05:04 2024\n" + m for m in thread("whole", 3)))
    assert [patch.sha256 for patch in series.patches] == [
        patch.sha256 for patch in read(str(sent), archive, tmp_path / "sent").patches
    ]
    # Trailers of answers are not the author's.
    assert "Reviewed-by" not in "".join(patch.file.read_text() for patch in series.patches)
    assert len(list((tmp_path / "run" / "whole-0@x.thread").iterdir())) == 6


@pytest.mark.parametrize(
    "spec", ["<whole-2@x>", "whole-re1@x", "{url}/whole-3@x/", "{url}/whole-0@x/T/#t"]
)
def test_any_mail_of_the_thread_and_any_link_will_do(
    archive: ArchiveConfig, tmp_path: Path, spec: str
) -> None:
    url = archive.midmask.removesuffix("/%s")
    elsewhere = ArchiveConfig.at("http://127.0.0.1:1/nobody") if "{url}" in spec else archive
    series = read(spec.format(url=url), elsewhere, tmp_path)
    assert [patch.title for patch in series.patches] == ["whole 1", "whole 2", "whole 3"]


def test_a_message_id_names_its_own_version(archive: ArchiveConfig, tmp_path: Path) -> None:
    first = read("first-0@x", archive, tmp_path / "1")
    assert (first.version, first.patches[0].title) == (1, "first 1")
    assert first.notes == ("left out the newer v2, 2 patches: again things",)
    second = read("again-1@x", archive, tmp_path / "2")
    assert (second.version, second.patches[0].title) == (2, "again 1")
    assert second.notes == ("left out v1, 2 patches: first things",)
    assert read("first-0@x#v2", archive, tmp_path / "4").version == 2


def test_a_patch_that_the_archive_misses_is_named(archive: ArchiveConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"misses 1 patch of 3: 2\.") as caught:
        read("holed-0@x", archive, tmp_path)
    assert "127.0.0.1" in caught.value.where
    assert "holed-0@x" in caught.value.where


def test_an_unknown_message_id_is_the_users(archive: ArchiveConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no mail with the message id nobody@x") as caught:
        read("nobody@x", archive, tmp_path)
    assert caught.value.where == archive.shown
    assert list((tmp_path / "run").iterdir()) == []


def test_an_archive_that_is_down_is_lost_infrastructure(inbox: Inbox, tmp_path: Path) -> None:
    with inbox.served() as archive:
        read("whole-0@x", archive, tmp_path)
    with pytest.raises(InfraError, match="did not give the thread of whole-1@x") as caught:
        read("whole-1@x", archive, tmp_path)
    assert archive.shown in caught.value.where
    assert not (tmp_path / "run" / "whole-1@x.thread").exists()


def test_nothing_of_the_user_is_read_or_written(
    archive: ArchiveConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A setting under which nothing can be fetched.
    spoiled = f'[liblore "{archive.shown.removesuffix("/test")}"]\n\trequesttimeout = 0.000001\n'
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(spoiled)
    repo = tmp_path / "repo"
    proc.run(["git", "init", "-q", repo], cwd=tmp_path, deadline=Deadline.after(60))
    (repo / ".git" / "config").write_text(spoiled)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    thread = fetch_thread("whole-0@x", repo / "thread", archive=archive, progress=Silent())
    assert len(list(thread.iterdir())) == 6
    assert [path.name for path in home.rglob("*")] == [".gitconfig"]
    assert sorted(path.name for path in repo.iterdir()) == [".git", "thread"]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://lore.kernel.org/r/a-1@x.org", ("a-1@x.org", "mirror")),
        ("https://lore.kernel.org/all/a-1@x.org/T/#u", ("a-1@x.org", "mirror")),
        ("https://lore.kernel.org/io-uring/a%2Fb@x.org/raw", ("a/b@x.org", "mirror")),
        ("https://patch.msgid.link/a-1@x.org", ("a-1@x.org", "mirror")),
        ("http://other.example/list/a-1@x.org/", ("a-1@x.org", "http://other.example/list")),
        ("https://other.example/commit/123", None),
        ("a-1@x.org", None),
        ("/some/file@x", None),
    ],
)
def test_links_name_mails_and_archives(link: str, expected: tuple[str, str] | None) -> None:
    mirror = ArchiveConfig("mirror/%s", "mirror/%s")
    found = parse_link(link, mirror)
    assert (found and (found[0], found[1].shown)) == expected


def test_an_archive_is_chosen_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ArchiveConfig.at("http://h:1/inbox/").midmask == "http://h:1/inbox/%s"
    with pytest.raises(UserError, match="'inbox' is not an address of an archive"):
        ArchiveConfig.at("inbox")
    monkeypatch.setenv("KSERIES_ARCHIVE", "http://h/i")
    assert ArchiveConfig.from_settings() == ArchiveConfig("http://h/i/%s", "http://h/i/%s")
    monkeypatch.delenv("KSERIES_ARCHIVE")
    assert ArchiveConfig.from_settings() == ArchiveConfig("", "")
