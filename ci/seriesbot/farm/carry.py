# SPDX-License-Identifier: GPL-2.0
"""On a worker: carry out an order, by two calls of `carry-out` in the folder of jobs.

`carry-out base KEY` reads KEY.json, makes the folder KEY, and finds the base; `carry-out run KEY`
does the work there, prints what it prints, and leaves its outcome. It dies with the worker.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from kseries.lib import atomicfile, textfile
from kseries.lib.errors import InfraError, Interrupted, KseriesError
from kseries.report.printable import printable_lines
from seriesbot.engine import local, runner, wire
from seriesbot.farm.folders import WorkerFolder

PROGRAM = "carry-out"  # in the worker's folder
JOBS = "jobs"  # below the folder of the builder
BASE_OF, RUN = "base", "run"
BASE, OUTPUT = local.BASE, local.OUTPUT
PACKED, OUTCOME = "document.z", "outcome.json"


def main(home: Path, words: Sequence[str]) -> int:
    """Do what the master asks; give the exit code, for `run` that of kseries."""
    what, key = words
    if not wire.is_key(key):
        return InfraError.exit_code
    folder = Path.cwd() / key
    try:
        return _base(home, folder) if what == BASE_OF else _run(folder)
    except (KseriesError, Interrupted) as error:
        _print(str(error))
        return error.exit_code
    except (OSError, ValueError) as error:
        _print(f"This order cannot be carried out: {error}")
        return InfraError.exit_code


def _base(home: Path, folder: Path) -> int:
    file = folder.with_name(f"{folder.name}.json")
    order = wire.order(textfile.content(file, wire.MAX_ORDER))
    for other in folder.parent.iterdir():
        if other != file:
            atomicfile.remove_tree(other)
    told = WorkerFolder(home).read()
    local.lay_out(folder, order, told.command or local.KSERIES, 1)
    job = runner.job(folder)
    with runner.workspace(job) as place:
        runner.tell_base(job, place)
    if (folder / BASE).exists():
        _print((folder / BASE).read_text())
    return 0


def _run(folder: Path) -> int:
    job = runner.job(folder)
    try:
        with runner.workspace(job) as place:
            code = runner.run(job, place, _print)
    except KseriesError as error:
        runner.say(folder, str(error))
        _print(str(error))
        code = InfraError.exit_code
    document = local.document(folder)
    packed = wire.packed(document) if document is not None else b""
    if len(packed) > wire.LIMITS[wire.DOCUMENT]:
        runner.say(folder, "The document is too large to be sent to the master.")
        packed = b""
    if packed:
        atomicfile.write_bytes(folder / PACKED, packed)
    told = wire.outcome_text(code, local.said(folder), len(packed))
    atomicfile.write_text(folder / OUTCOME, told)
    return code


def _print(line: str) -> None:
    sys.stdout.write(f"{printable_lines(line)}\n")
    sys.stdout.flush()


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
