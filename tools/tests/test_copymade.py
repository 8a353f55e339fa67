# SPDX-License-Identifier: GPL-2.0
"""A copy of a build folder that is newer than the tree, with real make."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from kseries.kbuild import copymade

MAKEFILE = """\
all: made/b
made/a: source; cp source made/a
made/b: made/a; cp made/a made/b
"""


def make(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["make", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_make_has_nothing_to_do_with_a_newer_tree(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        (folder / "made").mkdir(parents=True)
        (folder / "Makefile").write_text(MAKEFILE)
        (folder / "source").write_text("s")
    make(one)
    for place, name in enumerate(("a", "b")):
        os.utime(one / "made" / name, ns=(place, 10**9 + place))
    assert "cp source" in make(other, "-n")
    program = [sys.executable, "-m", "kseries.kbuild.copymade"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([*program, one / "made", other / "made"], env=environment, check=True)
    assert "Nothing to be done" in make(other)
    (other / "source").write_text("t")
    made = make(other)
    assert made.index("cp source made/a") < made.index("cp made/a made/b")


def test_times_keep_their_order_and_are_past(tmp_path: Path) -> None:
    made, to = tmp_path / "made", tmp_path / "to"
    (made / "sub").mkdir(parents=True)
    to.mkdir()
    order = ["c", "sub/a", "b"]
    for place, name in enumerate(order):
        (made / name).write_text(name)
        os.utime(made / name, ns=(0, 5_000_000_000 + place))
    (made / "same").write_text("")
    os.utime(made / "same", ns=(0, 5_000_000_000))
    begun = time.time_ns()
    copymade.copy(made, to)
    times = [(to / name).stat().st_mtime_ns for name in order]
    assert begun <= times[0] < times[1] < times[2] < time.time_ns()
    assert (to / "same").stat().st_mtime_ns == times[0]


def test_links_modes_and_folders_are_kept(tmp_path: Path) -> None:
    made, to = tmp_path / "made", tmp_path / "to"
    (made / "empty").mkdir(parents=True)
    to.mkdir()
    (made / "tool").write_text("#!/bin/sh\n")
    (made / "tool").chmod(0o755)
    (made / "link").symlink_to("tool")
    (made / "dangling").symlink_to("/nowhere")
    (made / "up").symlink_to("..")
    os.mkfifo(made / "fifo")
    for _ in range(2):  # also over what one that was cut off has left
        copymade.copy(made, to)
    assert sorted(path.name for path in to.iterdir()) == ["dangling", "empty", "link", "tool", "up"]
    assert (to / "tool").stat().st_mode & 0o777 == 0o755
    assert [str((to / name).readlink()) for name in ("link", "dangling", "up")] == [
        "tool",
        "/nowhere",
        "..",
    ]
