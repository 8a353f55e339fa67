# SPDX-License-Identifier: GPL-2.0
"""Folders go, whatever a stranger has put into them, and nothing else does."""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError
from tests.deepfolders import nest, swept

DEEP = 10_000
NOBODY = 65534


def as_nobody(work: Callable[[], None]) -> int:
    """Carry out work as an unprivileged user; give the exit status."""

    def child() -> None:
        if os.geteuid() == 0:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        work()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    return process.exitcode or 0


def test_folders_deeper_than_a_path_can_say() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with swept() as top:
        place = top / "place"
        place.mkdir()
        nest(place, DEEP)
        # Tests before this one may hold some, as leases are held until a process ends.
        held = max(int(held.name) for held in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (held + 64, limit[1]))
        try:
            atomicfile.remove_tree(place)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        assert list(top.iterdir()) == []


def test_folders_that_nobody_may_read() -> None:
    # Every user can pass to it, which is not so for pytest's own.
    with swept() as top:
        top.chmod(0o777)
        place = top / "place"

        def work() -> None:
            place.mkdir()
            nest(place, 20, mode=0o000)
            (top / "flat").mkdir(mode=0o000)
            atomicfile.remove_tree(place)
            atomicfile.remove_tree(top / "flat")

        assert as_nobody(work) == 0
        assert list(top.iterdir()) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    kept.chmod(0o500)
    place = tmp_path / "place"
    (place / "sub").mkdir(parents=True)
    for where in (place, place / "sub"):
        (where / "link").symlink_to(kept)
        (where / "up").symlink_to("..")
        (where / "nowhere").symlink_to("nowhere")
        os.link(kept / "file", where / "hard")
        os.mkfifo(where / "fifo")
        os.mkfifo(where / ".part-1~1")
    atomicfile.remove_tree(place)
    assert (kept / "file").read_text() == "mine"
    assert kept.stat().st_mode & 0o777 == 0o500
    link = tmp_path / "link"
    link.symlink_to(kept)
    atomicfile.remove_tree(link)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_many_files_and_odd_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomicfile, "_BATCH", 7)
    place = tmp_path / "place"
    for number in range(30):
        (place / str(number)).mkdir(parents=True)
        for name in (b"\xff\n", b"-rf", b"x" * 255, b".part-1~1"):
            (place / str(number) / os.fsdecode(name)).touch()
    atomicfile.remove_tree(place)
    assert list(tmp_path.iterdir()) == []


def test_what_is_half_removed_is_not_taken_for_whole(tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "sub").mkdir(parents=True)
    script = (
        "import os, sys, pathlib, kseries.lib.atomicfile as p\n"
        "os.rmdir = lambda *a, **k: os._exit(9)\n"
        "p.remove_tree(pathlib.Path(sys.argv[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(place)]).returncode == 9
    assert not place.exists()
    (left,) = tmp_path.iterdir()
    assert atomicfile.abandoned(left)
    atomicfile.sweep(place)
    assert list(tmp_path.iterdir()) == []


def test_what_is_being_made_is_not_abandoned(tmp_path: Path) -> None:
    with atomicfile.new_folder(tmp_path / "folder") as folder:
        assert not atomicfile.abandoned(folder)
    with atomicfile.new_file(tmp_path / "file") as file:
        file.touch()
        assert not atomicfile.abandoned(file)
    dead = tmp_path / ".part-file~999999999"
    dead.touch()
    assert atomicfile.abandoned(dead)


def test_a_folder_that_cannot_be_changed_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    place = tmp_path / "place"
    place.mkdir()
    tmp_path.chmod(0o555)

    def work() -> None:
        with pytest.raises(InfraError, match="Cannot write") as error:
            atomicfile.remove_tree(place)
        assert str(place) in error.value.where

    assert as_nobody(work) == 0
    tmp_path.chmod(0o755)


def test_long_names_are_made_and_removed(tmp_path: Path) -> None:
    place = tmp_path / ("ä" * 127)
    with atomicfile.new_folder(place) as folder:
        (folder / "file").touch()
    assert (place / "file").exists()
    atomicfile.remove_tree(place)
    assert list(tmp_path.iterdir()) == []
