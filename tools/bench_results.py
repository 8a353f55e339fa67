# SPDX-License-Identifier: GPL-2.0
"""Measure the readers of logs and the HTML page against their goals; print a table.

The logs are put together from those recorded among the tests' data: a console that boots again and
again, runs KUnit and complains now and then, and a run of kselftest whose programs print a lot.
Each is read by `kseries parse` in a process of its own, three times; the fastest counts, and the
most memory. Times are wall seconds on whatever machine this is; processor time tells how much of
them is others' work.

    nox -s bench_results
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchtable import Figure, exit_status
from kseries.cli.main import main as kseries_main
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.model import RunResult
from kseries.parse import ktapline, ktaptoken
from kseries.report import html
from kseries.verdict import savedlog
from kseries.verdict.savedlog import Kind
from tests import browser

DATA = Path(__file__).parent / "tests" / "data"
SIZE = 100 << 20
TIMES = 3
LIMIT_S = 600.0

PARSE_S = 5.0
PARSE_MB = 200.0
PAGE_S = 1.0

BOOTS_PER_KUNIT = 200
BOOTS_PER_SPLAT = 20
OUTPUT = 20  # how often what a test program prints beside its results is repeated


@dataclass(frozen=True)
class Parsed:
    """What it took to read a log."""

    wall_s: float
    processor_s: float
    megabytes: float  # the most at a time


def main() -> int:
    """Measure; exit 1 when a goal is missed, 2 when Chromium is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parse", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.parse:
        return parse_and_tell(arguments.parse)
    try:
        return exit_status(measure())
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def measure() -> Iterator[Figure]:
    """Read both logs, open the page."""
    out = Project.find().out
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=out) as name:
        folder = Path(name)
        for what, lines in (("console log", console()), ("kselftest log", kselftest())):
            file = folder / f"{what.replace(' ', '-')}.log"
            write(file, lines)
            runs = [parsed(file) for _ in range(TIMES)]
            yield Figure(f"{what} of 100 MB, parsed", min(run.wall_s for run in runs), PARSE_S)
            yield Figure("  processor time", min(run.processor_s for run in runs), PARSE_S)
            yield Figure("  memory", max(run.megabytes for run in runs), PARSE_MB, "MB")
            file.unlink()
        yield Figure("page of 2,000 tests, opened", page(folder), PAGE_S)


def console() -> Iterator[bytes]:
    """Give parts of a console log, without end."""
    klog = DATA / "klog"
    boots = [(klog / f"{name}.log").read_bytes() for name in ("healthy-boot", "healthy-boot-debug")]
    splats = [
        file.read_bytes() for file in sorted(klog.glob("*.log")) if "healthy" not in file.stem
    ]
    kunit = (DATA / "saved" / "kunit-x86.log").read_bytes()
    for number in itertools.count():
        yield boots[number % len(boots)]
        if number % BOOTS_PER_SPLAT == 0:
            yield splats[number // BOOTS_PER_SPLAT % len(splats)]
        if number % BOOTS_PER_KUNIT == 0:
            yield kunit


def kselftest() -> Iterator[bytes]:
    """Give runs of kselftest, without end; two in a hundred lines are results."""
    lines = (DATA / "saved" / "kselftest.log").read_text().splitlines(keepends=True)
    text = "".join(line * (OUTPUT if is_output(line) else 1) for line in lines)
    return itertools.repeat(text.encode())


def is_output(line: str) -> bool:
    """Whether a program printed this beside its results."""
    token = ktapline.read(line)
    return isinstance(token, ktaptoken.Text) and "selftests:" not in line


def write(file: Path, parts: Iterable[bytes]) -> None:
    """Write a log of SIZE bytes or a little more."""
    with file.open("wb") as sink:
        for part in parts:
            if sink.tell() >= SIZE:
                return
            sink.write(part)


def parsed(file: Path) -> Parsed:
    """Read a log in a process of its own."""
    started = time.monotonic()
    done = proc.run(
        [sys.executable, __file__, "--parse", file],
        cwd=file.parent,
        deadline=Deadline.after(LIMIT_S),
    )
    wall_s = time.monotonic() - started
    return Parsed(wall_s, **json.loads(done.output.splitlines()[-1]))


def parse_and_tell(file: str) -> int:
    """Do what `kseries parse` does, then print what it took; 0 if it saw the failures."""
    status = kseries_main(["parse", file])
    told = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in told.splitlines() if line.startswith("VmHWM:"))
    took = {"processor_s": time.process_time(), "megabytes": int(kilobytes) / 1024}
    print(json.dumps(took))
    return 0 if status == 1 else 1


def page(folder: Path) -> float:
    """Open the page of a run with 2,000 tests; give seconds until it is laid out."""
    chromium = browser.find()
    if chromium is None:
        raise UserError("Chromium is not installed.", where="PATH", do=browser.INSTALL)
    text = html.render(run_of(savedlog.Saved(Kind.KSELFTEST, browser.many_programs())))
    told = [browser.opened(chromium, text, 1280, folder) for _ in range(TIMES)]
    return float(min(each["ms"] for each in told)) / 1000


def run_of(log: savedlog.Saved) -> RunResult:
    """Give the document of a log."""
    return savedlog.result(
        log, "bench", started="2026-01-01T00:00:00+00:00", seconds=0, version="0"
    )


if __name__ == "__main__":
    sys.exit(main())
