# SPDX-License-Identifier: GPL-2.0
"""The reader of folders that others could write: what it gives, and what it refuses."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from kseries.lib.errors import CheckFailed
from kseries.lib.untrusted import DEPTH, NotPlain, NotThere, Untrusted, harmless


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("secret")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Untrusted:
    made = tmp_path / "made"
    (made / "include").mkdir(parents=True)
    (made / "include" / "release").write_text("6.12\n")
    return Untrusted(made)


def test_plain_files_are_read(folder: Untrusted, tmp_path: Path) -> None:
    name = "include/release"
    assert folder.has(name)
    assert folder.has_folder("include")
    assert folder.read_text(name) == "6.12\n"
    assert folder.sha256(name) == hashlib.sha256(b"6.12\n").hexdigest()
    folder.copy(name, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "6.12\n"


def odd_ones(folder: Path, secret: Path) -> dict[str, str]:
    """Leave one of each kind; gives name → sign in the message."""
    (folder / "link").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    (folder / "inner").symlink_to("include/release")
    os.mkfifo(folder / "pipe")
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    return {
        "link": "symbolic links",
        "linked/secret": "Not a directory",
        "inner": "symbolic links",
        "pipe": "not a plain file",
        "sparse": "larger than 64 MiB",
        "folder": "not a plain file",
        "loop": "symbolic links",
        "missing": "is not there",
        "include/release/below": "Not a directory",
    }


def test_odd_files_are_refused_and_charged_to_the_series(folder: Untrusted, secret: Path) -> None:
    for name, sign in odd_ones(folder.path, secret).items():
        with pytest.raises(NotPlain) as caught:
            folder.read_bytes(name)
        assert sign in caught.value.what, name
        assert isinstance(caught.value, CheckFailed)
        assert caught.value.where.startswith(str(folder.path / name.split("/")[0]))
        assert folder.has(name) == (name == "sparse")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_devices_are_not_read(folder: Untrusted) -> None:
    os.mknod(folder.path / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    with pytest.raises(NotPlain, match="not a plain file"):
        folder.read_bytes("zero")


def test_nothing_is_copied_of_what_is_refused(
    folder: Untrusted, secret: Path, tmp_path: Path
) -> None:
    for name in odd_ones(folder.path, secret):
        with pytest.raises(NotPlain):
            folder.copy(name, tmp_path / "copy", limit=1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "secret"]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "include/../../secret"])
def test_names_cannot_leave_the_folder(folder: Untrusted, secret: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not below the folder"):
        folder.read_bytes(name)


def test_the_limit_is_what_may_be_read(folder: Untrusted) -> None:
    assert folder.read_bytes("include/release", limit=5) == b"6.12\n"
    with pytest.raises(NotPlain, match="larger than 4 bytes"):
        folder.read_bytes("include/release", limit=4)


def test_a_link_swapped_in_between_is_never_followed(folder: Untrusted, secret: Path) -> None:
    """What code in the sandbox does while we read: the name is now a file, now a link."""
    plain, link, name = (folder.path / other for other in ("plain", "link", "name"))
    plain.write_text("plain")
    link.symlink_to(secret)
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for source in (plain, link):
                fresh = folder.path / "fresh"
                fresh.unlink(missing_ok=True)
                if source is plain:
                    fresh.write_text("plain")
                else:
                    fresh.symlink_to(secret)
                fresh.replace(name)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(2000):
            try:
                seen.add(folder.read_text("name"))
            except NotPlain:
                seen.add("refused")
    finally:
        ended.set()
        swapper.join()
    assert "secret" not in seen
    assert "refused" in seen


# ---------------------------------------------------------------- folders


def test_a_tree_is_copied_with_plain_modes(folder: Untrusted, tmp_path: Path) -> None:
    (folder.path / "include" / "deep").mkdir()
    script = folder.path / "include" / "deep" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o4777)
    destination = tmp_path / "copy"
    destination.mkdir()
    folder.copy_tree("include", destination)
    copied = {str(file.relative_to(destination)) for file in destination.rglob("*")}
    assert copied == {"release", "deep", "deep/run.sh"}
    assert stat.S_IMODE((destination / "deep/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((destination / "release").stat().st_mode) == 0o644


def test_a_tree_with_anything_odd_is_not_copied(
    folder: Untrusted, secret: Path, tmp_path: Path
) -> None:
    destination = tmp_path / "copy"
    for spoil in ("link", "pipe"):
        destination.mkdir()
        odd = folder.path / "include" / "odd"
        odd.symlink_to(secret) if spoil == "link" else os.mkfifo(odd)
        with pytest.raises(NotPlain, match="neither a file nor a folder"):
            folder.copy_tree("include", destination)
        odd.unlink()
        for copied in destination.iterdir():
            copied.unlink()
        destination.rmdir()


def test_bounds_of_a_tree(folder: Untrusted, tmp_path: Path) -> None:
    for number in range(4):
        (folder.path / "include" / f"file{number}").write_bytes(b"x" * 10)
    destination = tmp_path / "copy"
    destination.mkdir()
    with pytest.raises(NotPlain, match="more than 4 files"):
        folder.copy_tree("include", destination, count=4)
    assert len(list(folder.files("include", count=5))) == 5
    with pytest.raises(NotPlain, match="there may be in all"):
        folder.copy_tree("include", tmp_path / "made" / "..", size=44)


def test_depth_is_bound(folder: Untrusted) -> None:
    place = folder.path
    for _ in range(DEPTH + 1):
        place = place / "d"
        place.mkdir()
    with pytest.raises(NotPlain, match="nested deeper"):
        list(folder.files())


def test_links_to_folders_are_not_entered(folder: Untrusted, secret: Path) -> None:
    (folder.path / "host").symlink_to(secret.parent)
    assert [file.name for file in folder.files()] == ["include/release"]


def test_no_handle_stays_open(folder: Untrusted, secret: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in odd_ones(folder.path, secret):
        folder.has(name)
    next(folder.files())
    assert len(list(folder.files())) == 2
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# ---------------------------------------------------------------- words


def test_control_characters_do_not_reach_the_terminal(folder: Untrusted) -> None:
    said = "a\x1b[2Jb\x07\tc\nd\x9b1mé"
    assert harmless(said) == "a\\x1b[2Jb\\x07\tc\nd\\x9b1mé"
    with pytest.raises(NotPlain) as caught:
        folder.read_text("a\x1b[2J\nb")
    assert "\x1b" not in str(caught.value)
    assert "\n" not in caught.value.what


def test_folders_that_go_while_they_are_looked_at_are_passed_over(tmp_path: Path) -> None:
    folder = Untrusted(tmp_path)
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    found = []
    for file in folder.files():
        found.append(file.name)
        shutil.rmtree(tmp_path / ("b" if file.name == "a/file" else "a"))  # as a build might
    assert found in (["a/file"], ["b/file"])
    with pytest.raises(NotThere):
        list(folder.files("gone"))
