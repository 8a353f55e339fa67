# SPDX-License-Identifier: GPL-2.0
"""Carry out one order of the engine `local`: `python -m seriesbot.engine.runner FOLDER LOCK`.

LOCK: the number of an open file with the order's lock, which says that we live. What is started
here dies with us, and a workspace is used by one order at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, KseriesError
from kseries.lib.runfolder import MAX_BYTES
from kseries.lib.untrusted import NotPlain, Untrusted
from kseries.lib.workspace import WORKSPACE
from kseries.names import LATEST
from seriesbot.engine.local import BASE, CANCEL, ENDED, ORDER, OUTPUT, RESULTS

WAIT_S = 0.2  # between two looks for a free workspace
# Who names one of these leaves no base to be chosen.
_NAMED = {"--source", "--stack", "--tree"}


class _CancelledError(Exception):
    """The order is not wanted any more."""


def main(folder: Path, lock: int) -> None:
    """Carry out the order in a folder, and say how it ended."""
    os.set_inheritable(lock, False)
    (folder / "pid").write_text(str(os.getpid()))
    told = json.loads((folder / ORDER).read_bytes())
    deadline = Deadline.after(float(told["limit_s"]))
    work = folder.parents[1]
    try:
        with _workspace(work, int(told["slots"]), folder, deadline) as place:
            code = _run(folder, place, told, deadline)
    except _CancelledError:
        code = InfraError.exit_code
    except KseriesError as error:
        with (folder / OUTPUT).open("a") as output:
            output.write(f"{error}\n")
        code = InfraError.exit_code
    atomicfile.write_text(folder / ENDED, json.dumps({"exit_code": code}))


def _run(folder: Path, place: Path, told: dict[str, Any], deadline: Deadline) -> int:
    where = ("--workspace", str(place))
    series = str(folder / str(told["series"]))
    if not _NAMED & set(told["arguments"]):
        _tell_base(folder, [*told["command"], "base", *where, "-q", "--json", series], deadline)
    before = _latest(place)
    state = place / "state"
    state.mkdir(parents=True, exist_ok=True)
    done = proc.run(
        [*told["command"], "run", *where, "--series", series, *told["arguments"]],
        cwd=folder,
        deadline=deadline,
        env={"XDG_STATE_HOME": str(state), "PYTHONUNBUFFERED": "1"},
        log=folder / OUTPUT,
        watch=lambda _: _require_wanted(folder),
        check=False,
    )
    latest = _latest(place)
    if latest is not None and latest != before:
        try:
            Untrusted(latest).copy(RESULTS, folder / RESULTS, MAX_BYTES)
        except NotPlain as error:
            with (folder / OUTPUT).open("a") as output:
                output.write(f"{error}\n")
    return done.returncode if done.returncode >= 0 else InfraError.exit_code


def _tell_base(folder: Path, command: list[str], deadline: Deadline) -> None:
    """Write down on which source the series goes, before the work begins."""
    done = proc.run(
        command,
        cwd=folder,
        deadline=deadline,
        watch=lambda _: _require_wanted(folder),
        check=False,
    )
    text = done.output[done.output.find("{") :]
    try:
        json.loads(text)
    except ValueError:
        return  # the run tells what is wrong
    atomicfile.write_text(folder / BASE, text)


def _latest(place: Path) -> Path | None:
    link = place / WORKSPACE / "runs" / LATEST
    return link.resolve() if link.is_dir() else None


@contextmanager
def _workspace(work: Path, slots: int, folder: Path, deadline: Deadline) -> Iterator[Path]:
    """Have a workspace to oneself; there are as many as orders that run at a time."""
    while not deadline.expired:
        for number in range(slots):
            place = work / f"slot-{number}"
            place.mkdir(parents=True, exist_ok=True)
            handle = os.open(place / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                continue
            try:
                yield place
            finally:
                os.close(handle)
            return
        _require_wanted(folder)
        time.sleep(WAIT_S)
    raise _CancelledError


def _require_wanted(folder: Path) -> None:
    if (folder / CANCEL).exists():
        raise _CancelledError


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
