# SPDX-License-Identifier: GPL-2.0
"""Measure what somebody waits for who edits: a run of one case, a program, a shell; print a table.

It works in a folder and a cache of its own; downloads and imported sources are taken over from the
user's cache. What is waited for before the first edit, a kernel from nothing, is not counted. Times
are wall seconds on whatever machine this is: compare within one table.

    nox -s bench_loop
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchplace import LIMIT_S, Place, place
from benchtable import Figure, exit_status
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import MOUNTPOINT
from kseries.lib import proc
from kseries.lib.deadline import Deadline

SHELL_S = 120.0

EDIT_S = 40.0
TEST_S = 15.0
EXEC_S = 5.0
PROMPT_S = 4.0
MAKE_RATIO = 1.5

CASE = "no_cqe32"
PROGRAM = "ping"
SOURCE = Path("io_uring/zcrx.c")
TEST = Path("tools/testing/selftests/drivers/net/ping.py")


def main() -> int:
    """Measure; exit 1 when a goal is missed."""
    with place("downloads", "git", "rootfs", "host") as ready:
        return exit_status(measure(ready))


def measure(ready: Place) -> Iterator[Figure]:
    """Build once, then edit and run."""
    ready.kseries("run", "--until", "apply")
    worktree = next(ready.project.trees.glob("*/linux"))
    tree = ready.project.root.parent / "linux"
    shutil.copytree(worktree, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    words = ("run", "--tree", str(tree), "--stack", "zcrx-v7", "--incremental", "-k")
    ready.kseries(*words, CASE)
    edit(tree / SOURCE)
    yield Figure("edit of zcrx.c, one case", ready.kseries(*words, CASE), EDIT_S)
    build_s = stage(ready, "build")
    ready.kseries(*words, PROGRAM)
    edit(tree / TEST)
    yield Figure("edit of a test alone", ready.kseries(*words, PROGRAM), TEST_S)
    yield Figure("exec of a program", ready.kseries("exec", "--", "true"), EXEC_S)
    yield Figure("shell, until its prompt", prompt(ready), PROMPT_S)
    yield Figure("make after the edit / plain", build_s / plain_make(ready, tree), MAKE_RATIO, "x")


def stage(ready: Place, name: str) -> float:
    """Give how long a stage of the last run took, in seconds."""
    return next(one.seconds for one in ready.result.stages if one.name == name)


def edit(file: Path) -> None:
    """Change a file so that whatever is made of it is made again."""
    comment = "//" if file.suffix == ".c" else "#"
    with file.open("a") as source:
        source.write(f"{comment} {time.monotonic_ns()}\n")


def plain_make(ready: Place, tree: Path) -> float:
    """Give how long make takes for the same edit, in a folder where all was built; seconds."""
    made = next(ready.project.trees.glob("*+tree*/build/*/made"))
    # Where the sandbox has it, and by the same compiler: so nothing else is made anew.
    shutil.copytree(made, tree / MOUNTPOINT, symlinks=True, dirs_exist_ok=True)
    settings = {"O": MOUNTPOINT, **kbuild.FIXED, **kbuild.compilers(kbuild.DEFAULT_COMPILER)}
    words = [f"{name}={value}" for name, value in settings.items()]
    argv = ["make", "-C", str(tree), f"-j{kbuild.cores()}", *words, "bzImage"]

    def make() -> float:
        started = time.monotonic()
        proc.run(argv, cwd=tree, deadline=Deadline.after(LIMIT_S))
        return time.monotonic() - started

    make()  # what the copy has changed
    edit(tree / SOURCE)
    return make()


def prompt(ready: Place) -> float:
    """Give how long it takes until a shell can be typed to, in seconds."""
    typist, end = pty.openpty()
    started = time.monotonic()
    env = {**os.environ, **ready.environment}
    words = [sys.executable, "-m", "kseries", "-q", "shell"]
    with subprocess.Popen(  # noqa: S603 - it is our own
        words, stdin=end, stdout=end, stderr=end, env=env
    ) as shell:
        try:
            wait_for(b"kseries:", lambda: os.read(typist, 1 << 16))
            took_s = time.monotonic() - started
            os.write(typist, b"exit\r")
            shell.wait(SHELL_S)
        finally:
            shell.kill()
            os.close(end)
            os.close(typist)
    return took_s


def wait_for(text: bytes, read: Callable[[], bytes]) -> None:
    """Read until a text has come."""
    seen = b""
    while text not in seen:
        seen += read()


if __name__ == "__main__":
    sys.exit(main())
