# SPDX-License-Identifier: GPL-2.0
"""Bounds of what is read of strangers' folders, at their edges; what a sandbox may take."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kseries.kbuild import guard
from kseries.kbuild.guard import Guard
from kseries.lib import proc, untrusted
from kseries.lib.errors import CheckFailed
from kseries.lib.proc import Child
from kseries.lib.untrusted import DEPTH, MIB, NotPlain, Untrusted, harmless

GIB = 1 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Untrusted:
    (tmp_path / "made" / "sub").mkdir(parents=True)
    return Untrusted(tmp_path / "made")


def sparse(file: Path, size: int) -> None:
    with file.open("wb") as out:
        out.truncate(size)


def test_the_bounds() -> None:
    assert (untrusted.TEXT_LIMIT, untrusted.FILE_LIMIT) == (64 << 20, 2 * GIB)
    assert (untrusted.TREE_BYTES, untrusted.TREE_FILES, untrusted.DEPTH) == (4 * GIB, 200_000, 64)
    assert guard.DISK_LIMIT == 20 * GIB
    assert guard.LOOK_AGAIN == 20 * GIB // 8
    assert guard.MOST_FILES == 2_000_000


def test_more_than_one_block_is_read_whole(folder: Untrusted, tmp_path: Path) -> None:
    data = os.urandom(2 * MIB + 17)
    (folder.path / "data").write_bytes(data)
    assert folder.read_bytes("data") == data
    assert folder.read_bytes("data", limit=len(data)) == data
    assert [len(chunk) for chunk in folder._chunks("data", 4 * MIB)] == [MIB, MIB, 17]
    assert folder.sha256("data") == hashlib.sha256(data).hexdigest()
    folder.copy("data", tmp_path / "copy", limit=len(data))
    assert (tmp_path / "copy").read_bytes() == data
    for limit, said in ((len(data) - 1, "2 MiB"), (MIB, "1 MiB"), (MIB - 1, "1048575 bytes")):
        with pytest.raises(NotPlain, match=f"it is larger than {said}"):
            folder.sha256("data", limit=limit)


def test_a_file_that_grows_while_it_is_read_is_bound_too(folder: Untrusted) -> None:
    file = folder.path / "data"
    file.write_bytes(b"x" * MIB)
    chunks = folder._chunks("data", MIB)
    assert len(next(chunks)) == MIB
    with file.open("ab") as more:
        more.write(b"y")
    with pytest.raises(NotPlain, match="larger than 1 MiB"):
        next(chunks)


def test_what_there_is_of_which_kind(folder: Untrusted) -> None:
    (folder.path / "sub/file").touch()
    (folder.path / "link").symlink_to("sub")
    is_folder = {name: folder.has_folder(name) for name in ("sub", "sub/file", "link", "none", "")}
    assert is_folder == {"sub": True, "sub/file": False, "link": False, "none": False, "": True}
    is_file = {name: folder.has(name) for name in ("sub", "sub/file", "link/file", "none")}
    assert is_file == {"sub": False, "sub/file": True, "link/file": False, "none": False}


def test_what_is_too_large_is_not_read(folder: Untrusted, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse(folder.path / "large", MIB + 1)

    def read(_handle: int, _size: int) -> bytes:
        raise AssertionError

    monkeypatch.setattr("os.read", read)
    with pytest.raises(NotPlain, match="larger than 1 MiB"):
        folder.read_bytes("large", MIB)


def test_text_that_is_none_is_read(folder: Untrusted) -> None:
    (folder.path / "text").write_bytes(b"a\xffb")
    assert folder.read_text("text") == "a\N{REPLACEMENT CHARACTER}b"


def test_what_is_told_of_a_file(folder: Untrusted) -> None:
    for name, mode in (("plain", 0o644), ("others", 0o655), ("program", 0o744)):
        file = folder.path / "sub" / name
        file.write_bytes(b"x" * 5000)
        file.chmod(mode)
    found = {file.name: file for file in folder.files()}
    assert {name for name, file in found.items() if file.executable} == {"sub/program"}
    told = found["sub/plain"]
    assert told.size == 5000
    assert told.blocks == (folder.path / "sub/plain").stat().st_blocks
    assert {file.name for file in folder.files("sub")} == set(found)


def test_as_many_entries_as_may_be(folder: Untrusted) -> None:
    """Folders and what is odd count, too."""
    (folder.path / "sub" / "link").symlink_to("x")
    (folder.path / "sub" / "file").touch()
    assert [file.name for file in folder.files(count=3)] == ["sub/file"]
    with pytest.raises(NotPlain, match="holds more than 2 files"):
        list(folder.files(count=2))


def test_as_deep_as_may_be(folder: Untrusted) -> None:
    place = folder.path
    for _ in range(DEPTH):
        place = place / "d"
        place.mkdir()
    (place / "file").touch()
    assert len(list(folder.files())) == 1
    (place / "d").mkdir()
    with pytest.raises(NotPlain, match="is nested deeper than 64 folders"):
        list(folder.files())


def test_as_many_bytes_as_may_be_holes_counted(folder: Untrusted, tmp_path: Path) -> None:
    sparse(folder.path / "sub" / "a", 3 * MIB)
    sparse(folder.path / "sub" / "b", 2 * MIB)
    (tmp_path / "whole").mkdir()
    folder.copy_tree("sub", tmp_path / "whole", size=5 * MIB)
    assert (tmp_path / "whole" / "a").stat().st_size == 3 * MIB
    (tmp_path / "part").mkdir()
    with pytest.raises(NotPlain, match="it is beyond the 4 MiB there may be in all"):
        folder.copy_tree("sub", tmp_path / "part", size=5 * MIB - 1)
    (tmp_path / "few").mkdir()
    with pytest.raises(NotPlain, match="more than 1 files"):
        folder.copy_tree("sub", tmp_path / "few", count=1)


def test_a_copy_never_goes_into_a_file_that_is_there(folder: Untrusted, tmp_path: Path) -> None:
    (folder.path / "sub" / "a").write_text("theirs")
    (tmp_path / "copy").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "copy" / "a").symlink_to(tmp_path / "mine")
    with pytest.raises(FileExistsError):
        folder.copy_tree("sub", tmp_path / "copy")
    assert (tmp_path / "mine").read_text() == "mine"


def test_folders_that_hold_folders_alone_are_made(folder: Untrusted, tmp_path: Path) -> None:
    (folder.path / "sub/a/b").mkdir(parents=True)
    for name in ("sub/a/b/one", "sub/a/b/two"):
        (folder.path / name).touch()
    (tmp_path / "copy").mkdir()
    folder.copy_tree("sub", tmp_path / "copy")
    assert sorted(file.name for file in (tmp_path / "copy/a/b").iterdir()) == ["one", "two"]


def test_a_file_below_others_is_named_without_them(folder: Untrusted) -> None:
    (folder.path / "sub/a").mkdir()
    with pytest.raises(NotPlain, match=r"The build left b in a form") as caught:
        folder.read_bytes("sub/a/b")
    assert "cannot be trusted" in caught.value.do


def test_what_is_refused_is_named(folder: Untrusted) -> None:
    with pytest.raises(NotPlain) as caught:
        folder.read_bytes("sub/a\nb")
    error = caught.value
    assert error.why == "is not there"
    assert error.what == ("The build left a\\nb in a form that is not accepted: it is not there.")
    assert error.where == f"{folder.path}/sub/a\nb"
    with pytest.raises(NotPlain, match="The build left its folder in") as caught:
        list(Untrusted(folder.path / "nothing").files())
    assert caught.value.why == "is not there"
    (folder.path / "file").touch()
    with pytest.raises(NotPlain, match="is not a plain folder"):
        list(folder.files("file"))


@pytest.mark.parametrize("code", [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])
def test_each_control_character_is_made_visible(code: int) -> None:
    told = harmless(f"a{chr(code)}{chr(code)}b")
    assert told.isprintable()
    assert told.startswith("a\\")
    assert told.count("\\") == 2


def test_text_stays_as_it_is() -> None:
    assert harmless("a\tb\nc é ~ \xa0") == "a\tb\nc é ~ \xa0"
    assert harmless("a\rb") == "a\\rb"


# ---------------------------------------------------------------- a sandbox's memory and disk


def child() -> Child:
    return cast(Child, SimpleNamespace(pid=os.getpid()))


def test_as_much_memory_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def descendants(_: int) -> list[proc.Process]:
        return [proc.Process(pid, "x", "S", 1, 1, 3 * GIB) for pid in (1, 2)]

    monkeypatch.setattr(proc, "descendants", descendants)
    Guard([], memory=6 * GIB)(child())
    with pytest.raises(CheckFailed) as caught:
        Guard([], memory=6 * GIB - 1)(child())
    error = caught.value
    assert error.what == "The code of the tree took more memory than it may: 6.0 GiB."
    assert error.where == "limit: 6.0 GiB for all that runs in the sandbox together"
    assert "look at what the series does" in error.do


def test_three_quarters_of_the_memory_may_be_taken() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert Guard([])._memory == round(0.75 * total)


def blocks(file: Path, size: int) -> None:
    file.write_bytes(os.urandom(size))
    os.sync()


class Disk:
    """What statvfs(3) tells of a disk; fills up as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = 100
        monkeypatch.setattr(os, "statvfs", self._statvfs)

    def _statvfs(self, folder: Path) -> SimpleNamespace:
        if not folder.exists():
            raise FileNotFoundError(folder)
        return SimpleNamespace(f_bavail=self.free, f_frsize=MIB)


def test_bytes_on_disk_are_counted_of_so_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks(tmp_path / "a", MIB)
    sparse(tmp_path / "b", 9 * MIB)
    assert guard._size(tmp_path) == (tmp_path / "a").stat().st_blocks * 512 >= MIB
    assert guard._size(tmp_path / "none") == 0
    monkeypatch.setattr(guard, "MOST_FILES", 1)
    with pytest.raises(NotPlain, match="holds more than 1 files"):
        guard._size(tmp_path)


def test_folders_are_counted_when_the_disk_has_lost_enough(
    folder: Untrusted, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    watch = Guard([folder.path], disk=2 * MIB)
    blocks(folder.path / "a", 3 * MIB)
    disk.free -= 1
    watch.look_at_disk()
    disk.free -= 1  # two since they were last counted
    with pytest.raises(CheckFailed, match="took more disk than it may"):
        watch.look_at_disk()
    # Counted once, they are counted again when it has lost as much again.
    disk.free -= 1
    watch.look_at_disk()
    disk.free -= 1
    with pytest.raises(CheckFailed, match="took more disk"):
        watch.look_at_disk()


def test_all_folders_count_but_one_that_is_gone(
    folder: Untrusted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    blocks(folder.path / "a", MIB)
    blocks(other / "b", MIB)
    watch = Guard([folder.path, other], disk=3 * MIB)
    disk.free -= 2  # of each folder's disk
    watch.look_at_disk()
    tight = Guard([folder.path, other], disk=2 * MIB - 4096)
    disk.free -= 1
    with pytest.raises(CheckFailed, match="disk"):
        tight.look_at_disk()
    (other / "b").unlink()
    other.rmdir()
    disk.free -= 3
    watch.look_at_disk()
    blocks(folder.path / "c", 3 * MIB)
    disk.free -= 3
    with pytest.raises(CheckFailed, match=r"took more disk than it may: 0\.0 GiB"):
        watch.look_at_disk()


def test_disk_is_looked_at_once_a_second(
    folder: Untrusted, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = [50.0], []

    def free(_: object) -> int:
        looks.append(clock[0])
        return 1 << 60

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch = Guard([folder.path], memory=1 << 60)
    monkeypatch.setattr(guard, "_free", free)
    for clock[0] in (50.0, 50.9, 51.0, 51.5, 51.9, 52.0):
        watch(child())
    assert looks == [51.0, 52.0]
