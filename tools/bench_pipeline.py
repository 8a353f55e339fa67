# SPDX-License-Identifier: GPL-2.0
"""Measure the pipeline against its goals, on the default stack; print a table.

A project folder and a cache of their own are used, so that the first run is really the first;
downloads are taken over from the user's cache, as they are not to be counted. Times are wall
seconds on whatever machine this is: compare within one table.

    nox -s bench_pipeline              overhead, repeated run, boot (a full build and two runs)
    nox -s bench_pipeline -- --make    also build once by plain make and compare (another build)
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from benchtable import Figure, exit_status
from kseries.kbuild import make as kbuild
from kseries.lib import proc, runfolder
from kseries.lib.deadline import Deadline
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel, RunResult
from kseries.names import LATEST
from kseries.verdict import document

KERNEL: TypeAdapter[Kernel] = TypeAdapter(Kernel)
LIMIT_S = 4 * 3600.0

FIRST_AROUND_S = 150.0
LATER_AROUND_S = 10.0
REPEATED_S = 60.0
FIRST_LINE_S = 10.0
MAKE_RATIO = 1.05


def main() -> int:
    """Measure; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--make", action="store_true", help="compare with plain make")
    arguments = parser.parse_args()
    with bench() as (project, cache):
        figures = list(measure(project, cache, compare=arguments.make))
    return exit_status(figures)


@contextmanager
def bench() -> Iterator[tuple[Project, Cache]]:
    """Give a project with an empty out/ and an empty cache, the downloads excepted."""
    real = Project.find()
    real.out.mkdir(exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="bench-", dir=real.out))
    try:
        project, cache = Project(place / "project"), Cache(place / "cache" / "kseries")
        project.root.mkdir()
        for name in ("kernel", "patches", "configs", "tools"):
            (project.root / name).symlink_to(real.root / name)
        if Cache.find().downloads.is_dir():
            shutil.copytree(Cache.find().downloads, cache.downloads)
        yield project, cache
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measure(project: Project, cache: Cache, *, compare: bool) -> Iterator[Figure]:
    """Run twice, boot once more; with `compare` build once more."""
    first, _ = run(project, cache)
    yield Figure("around build and tests, first run", around(first), FIRST_AROUND_S)
    second, wall_s = run(project, cache)
    yield Figure("around build and tests, later", around(second), LATER_AROUND_S)
    yield Figure("repeated run, nothing changed", wall_s, REPEATED_S)
    kernel = _latest(project).load("build", KERNEL)
    yield Figure("machine start to first line", first_line(project, cache, kernel), FIRST_LINE_S)
    if compare:
        built = next(stage.seconds for stage in first.stages if stage.name == "build")
        yield Figure("build / plain make with -g1", built / plain_make(kernel), MAKE_RATIO, "x")


def run(project: Project, cache: Cache) -> tuple[RunResult, float]:
    """Carry out a run of the default stack; give its document and wall time in seconds."""
    started = time.monotonic()
    proc.run(
        [sys.executable, "-m", "kseries", "run"],
        cwd=project.root,
        deadline=Deadline.after(LIMIT_S),
        env={"KSERIES_ROOT": str(project.root), "XDG_CACHE_HOME": str(cache.root.parent)},
        on_line=lambda line: print(f"  {line}", file=sys.stderr),
    )
    wall_s = time.monotonic() - started
    return document.read(_latest(project)), wall_s


def around(result: RunResult) -> float:
    """Sum what is neither building kernels nor running tests, in seconds."""
    apart = ("build", "baseline")
    stages = sum(stage.seconds for stage in result.stages if stage.name not in apart)
    return stages - sum(program.seconds for program in result.programs)


def first_line(project: Project, cache: Cache, kernel: Kernel) -> float:
    """Seconds from starting the machine to the first line of a program in it."""
    run_folder = runfolder.create(project.runs, "bench")
    seen: list[float] = []
    with VirtualMachine(project, cache, run_folder, Silent()) as machine:
        started = time.monotonic()
        machine.boot(kernel, Deadline.after(120))
        machine.run(
            ["echo", "here"],
            deadline=Deadline.after(60),
            on_line=lambda at, _line: seen.append(at - started),
        )
    return seen[0]


def plain_make(kernel: Kernel) -> float:
    """Seconds that plain make takes for the same tree, config and code, from nothing.

    What knows its lines takes longer to compile: so it is told to make that, too.
    """
    tree = kernel.config.tree.path
    build = tree / "out-plain"
    build.mkdir()
    shutil.copy(kernel.config.place.state / "config", build / ".config")
    started = time.monotonic()
    words = [f"-j{kbuild.cores()}", f"O={build.name}", f"KCFLAGS={kbuild.LINES}"]
    proc.run(
        ["make", *words, "bzImage", "headers"],
        cwd=tree,
        deadline=Deadline.after(LIMIT_S),
        log=build / "make.log",
    )
    return time.monotonic() - started


def _latest(project: Project) -> RunFolder:
    return runfolder.find(project.runs, LATEST)


if __name__ == "__main__":
    sys.exit(main())
