# SPDX-License-Identifier: GPL-2.0
"""Rules of running in the sandbox, and of its folders, that one small change would break."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.kbuild import sandbox as module
from kseries.kbuild.sandbox import FILTER, NOBODY, Sandbox, prepare, run_in
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import CheckFailed, InfraError, UserError
from kseries.lib.proc import Child, CommandFailed

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    (tmp_path / "tree").mkdir()
    box = Sandbox(tmp_path / "tree", tmp_path / "p" / "made", tmp_path / "c" / "cc", trusted=False)
    prepare(box)
    return box


@pytest.mark.parametrize("trusted", [False, True])
def test_what_runs_is_read_logged_and_told(box: Sandbox, tmp_path: Path, *, trusted: bool) -> None:
    box = replace(box, trusted=trusted)
    lines: list[str] = []
    (tmp_path / "in").write_text("given\n")
    with (tmp_path / "in").open("rb") as given:
        done = run_in(
            box,
            box.argv(["sh", "-c", "cat; pwd; exit 3"]),
            deadline=Deadline.after(30),
            stdin=given,
            log=tmp_path / "log",
            on_line=lines.append,
            check=False,
        )
    assert (done.returncode, lines) == (3, ["given", str(box.inside_tree)])
    first, *rest = (tmp_path / "log").read_text().splitlines()
    assert first.startswith(f"$ cd {box.tree} && env -i ")
    assert rest == lines
    with pytest.raises(CommandFailed, match="exit status 3"):
        run_in(box, box.argv(["sh", "-c", "exit 3"]), deadline=Deadline.after(30))
    with pytest.raises(proc.CommandTimeout):
        run_in(box, box.argv(["sleep", "60"]), deadline=Deadline.after(0.3))


def test_what_is_not_trusted_is_looked_after(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_after: list[list[Path]] = []

    class Strict:
        """Has no patience with anything."""

        def __init__(self, folders: list[Path]) -> None:
            looked_after.append(folders)

        def __call__(self, child: Child) -> None:
            raise CheckFailed("too much")

    monkeypatch.setattr(module, "Guard", Strict)
    monkeypatch.setattr(proc, "WATCH_S", 0.1)
    sleeps = ["sleep", "0.5"]
    with pytest.raises(CheckFailed, match="too much"):
        run_in(box, box.argv(sleeps), deadline=Deadline.after(30))
    assert looked_after == [[box.build, box.ccache]]
    bare = replace(box, ccache=None)
    with pytest.raises(CheckFailed):
        run_in(bare, bare.argv(sleeps), deadline=Deadline.after(30))
    assert looked_after[1:] == [[box.build]]
    trusted = replace(box, trusted=True)
    assert run_in(trusted, trusted.argv(sleeps), deadline=Deadline.after(30)).ok


def test_folders_are_made_for_who_writes_them(box: Sandbox, tmp_path: Path) -> None:
    more = replace(box, state=tmp_path / "s" / "state", clean=tmp_path / "s" / "clean")
    prepare(more)
    prepare(more)
    for folder in (more.build, more.ccache):
        assert folder is not None
        about = folder.stat()
        assert about.st_uid == more.owner
        if AS_ROOT:
            assert (about.st_uid, about.st_gid) == (NOBODY, NOBODY)
    for folder in (more.state, more.clean):
        assert folder is not None
        assert folder.stat().st_uid == os.geteuid()
    assert (more.tree / "out").is_dir()
    assert box.build.with_name(FILTER).stat().st_size > 1000


def test_trusted_code_needs_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (tmp_path / "tree").mkdir()
    prepare(Sandbox(tmp_path / "tree", tmp_path / "made", None, trusted=True))
    assert not (tmp_path / FILTER).exists()
    assert list((tmp_path / "tree").iterdir()) == []


def test_an_empty_folder_of_the_tree_is_mounted_on(box: Sandbox) -> None:
    assert box.objects == "out"  # made by prepare, and empty
    (box.tree / "out" / "file").touch()
    assert box.objects == "out-1"
    (box.tree / "out-1").mkdir()
    assert box.objects == "out-1"
    (box.tree / "out-1").rmdir()
    (box.tree / "out-1").symlink_to("out-2")
    assert box.objects == "out-2"


def test_a_sandbox_that_does_not_work_says_where_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'no namespaces'; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    (tmp_path / "tree").mkdir()
    with pytest.raises(UserError) as caught:
        prepare(Sandbox(tmp_path / "tree", tmp_path / "made", None, trusted=False))
    assert caught.value.what == "The sandbox does not work on this machine: no namespaces"
    assert caught.value.where == f"env, user {os.geteuid()}, {tmp_path}/tree"
    assert "trusted = true" in caught.value.do


def test_folders_that_cannot_be_made_are_lost_infrastructure(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises((InfraError, UserError)) as caught:
        prepare(Sandbox(tmp_path / "tree", tmp_path / "file" / "made", None, trusted=False))
    assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.skipif(not AS_ROOT, reason="another user's folders")
def test_a_folder_of_strangers_is_not_gone_into() -> None:
    """What was the sandbox's is made anew, and what a link there points to stays."""
    with tempfile.TemporaryDirectory(prefix="kseries-test-") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "tree").mkdir()
        (place / "mine").mkdir()
        (place / "mine" / "file").touch()
        (place / "made").symlink_to(place / "mine")
        os.chown(place / "made", 12345, 12345, follow_symlinks=False)
        box = Sandbox(place / "tree", place / "made", None, trusted=False)
        prepare(box)
        assert not (place / "made").is_symlink()
        assert (place / "made").stat().st_uid == NOBODY
        assert (place / "mine" / "file").exists()
        assert (place / "mine").stat().st_uid == 0
