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
import time
from collections.abc import Iterator

from pydantic import TypeAdapter

from benchplace import LIMIT_S, Place, place
from benchtable import Figure, exit_status
from kseries.kbuild import make as kbuild
from kseries.lib import proc, runfolder
from kseries.lib.deadline import Deadline
from kseries.lib.progress import Silent
from kseries.machines.vm import VirtualMachine
from kseries.model import Kernel, RunResult

KERNEL: TypeAdapter[Kernel] = TypeAdapter(Kernel)

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
    with place("downloads") as ready:
        return exit_status(measure(ready, compare=arguments.make))


def measure(ready: Place, *, compare: bool) -> Iterator[Figure]:
    """Run twice, boot once more; with `compare` build once more."""
    ready.kseries("run")
    first = ready.result
    yield Figure("around build and tests, first run", around(first), FIRST_AROUND_S)
    wall_s = ready.kseries("run")
    yield Figure("around build and tests, later", around(ready.result), LATER_AROUND_S)
    yield Figure("repeated run, nothing changed", wall_s, REPEATED_S)
    kernel = ready.latest.load("build", KERNEL)
    yield Figure("machine start to first line", first_line(ready, kernel), FIRST_LINE_S)
    if compare:
        built = next(stage.seconds for stage in first.stages if stage.name == "build")
        yield Figure("build / plain make with -g1", built / plain_make(kernel), MAKE_RATIO, "x")


def around(result: RunResult) -> float:
    """Sum what is neither building kernels nor running tests, in seconds."""
    apart = ("build", "baseline")
    stages = sum(stage.seconds for stage in result.stages if stage.name not in apart)
    return stages - sum(program.seconds for program in result.programs)


def first_line(ready: Place, kernel: Kernel) -> float:
    """Seconds from starting the machine to the first line of a program in it."""
    run_folder = runfolder.create(ready.project.runs, "bench")
    seen: list[float] = []
    with VirtualMachine(ready.project, ready.cache, run_folder, Silent()) as machine:
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


if __name__ == "__main__":
    sys.exit(main())
