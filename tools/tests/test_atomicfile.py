# SPDX-License-Identifier: GPL-2.0
"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError, Interrupted


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file"
    atomicfile.write_text(file, "one")
    atomicfile.write_text(file, "two")
    assert file.read_text() == "two"
    assert [entry.name for entry in file.parent.iterdir()] == ["file"]


def test_unchanged_text_keeps_its_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert atomicfile.write_if_changed(file, "same")
    os.utime(file, (1, 1))
    assert not atomicfile.write_if_changed(file, "same")
    assert file.stat().st_mtime == 1
    assert atomicfile.write_if_changed(file, "other")
    assert file.stat().st_mtime > 1


@pytest.mark.parametrize("ending", [RuntimeError("x"), Interrupted("SIGTERM")])
def test_an_interrupted_folder_vanishes(tmp_path: Path, ending: BaseException) -> None:
    def make_half() -> None:
        with atomicfile.new_folder(tmp_path / "final") as folder:
            (folder / "sub").mkdir()
            (folder / "sub").chmod(0o500)
            raise ending

    with pytest.raises(type(ending)):
        make_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_the_old_one_and_sweeps_what_the_killed_left(tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.mkdir()
    (final / "old").touch()
    (tmp_path / ".part-final~dead").mkdir()
    (tmp_path / ".part-final-other~alive").mkdir()
    with atomicfile.new_folder(final) as folder:
        (folder / "new").touch()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        ".part-final-other~alive",
        "final",
    ]
    assert [entry.name for entry in final.iterdir()] == ["new"]


def test_a_new_file_appears_only_when_complete(tmp_path: Path) -> None:
    final = tmp_path / "final"

    def make_half() -> None:
        with atomicfile.new_file(final) as file:
            file.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_half()
    assert list(tmp_path.iterdir()) == []
    with atomicfile.new_file(final) as file:
        file.write_text("whole")
    assert final.read_text() == "whole"


def test_a_full_disk_is_told_in_plain_words(tmp_path: Path) -> None:
    with (
        pytest.raises(InfraError, match="The disk is full") as caught,
        atomicfile.disk_errors(tmp_path),
    ):
        raise OSError(errno.ENOSPC, "x")
    assert "kseries cache clear" in caught.value.do
    assert str(tmp_path) in caught.value.where


def test_a_full_disk_for_real() -> None:
    # /dev/full answers every write with ENOSPC.
    with (
        pytest.raises(InfraError, match="The disk is full"),
        atomicfile.disk_errors(Path("/dev/full")),
        Path("/dev/full").open("wb", buffering=0) as file,
    ):
        file.write(b"x")


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    (tmp_path / ".part-file~999999999").touch()
    alive = tmp_path / f".part-file~{os.getppid()}"
    alive.touch()
    atomicfile.write_text(tmp_path / "file", "text")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [alive.name, "file"]
