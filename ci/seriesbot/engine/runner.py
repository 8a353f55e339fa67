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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Job:
    """An order that is carried out in a folder. told: its order.json."""

    folder: Path
    told: dict[str, Any]
    deadline: Deadline

    @property
    def series(self) -> str:
        """The folder of its patches."""
        return str(self.folder / str(self.told["series"]))


def main(folder: Path, lock: int) -> None:
    """Carry out the order in a folder, and say how it ended."""
    os.set_inheritable(lock, False)
    (folder / "pid").write_text(str(os.getpid()))
    order = job(folder)
    try:
        with workspace(order) as place:
            tell_base(order, place)
            code = run(order, place)
    except _CancelledError:
        code = InfraError.exit_code
    except KseriesError as error:
        say(folder, str(error))
        code = InfraError.exit_code
    atomicfile.write_text(folder / ENDED, json.dumps({"exit_code": code}))


def job(folder: Path) -> Job:
    """Read the order in a folder; its time begins."""
    told = json.loads((folder / ORDER).read_bytes())
    return Job(folder, told, Deadline.after(float(told["limit_s"])))


def say(folder: Path, text: str) -> None:
    """Add a line to what was printed."""
    with (folder / OUTPUT).open("a") as output:
        output.write(f"{text}\n")


def run(order: Job, place: Path, on_line: Callable[[str], None] | None = None) -> int:
    """Run `kseries run`; give its exit code. on_line: takes what is printed meanwhile."""
    told, folder = order.told, order.folder
    before = _latest(place)
    state = place / "state"
    state.mkdir(parents=True, exist_ok=True)
    where = ("--workspace", str(place))
    done = proc.run(
        [*told["command"], "run", *where, "--series", order.series, *told["arguments"]],
        cwd=folder,
        deadline=order.deadline,
        env={"XDG_STATE_HOME": str(state), "PYTHONUNBUFFERED": "1"},
        log=folder / OUTPUT,
        on_line=on_line,
        watch=lambda _: _require_wanted(folder),
        check=False,
    )
    latest = _latest(place)
    if latest is not None and latest != before:
        try:
            Untrusted(latest).copy(RESULTS, folder / RESULTS, MAX_BYTES)
        except NotPlain as error:
            say(folder, str(error))
    return done.returncode if done.returncode >= 0 else InfraError.exit_code


def tell_base(order: Job, place: Path) -> None:
    """Write down on which source the series goes, before the work begins."""
    told, folder = order.told, order.folder
    if _NAMED & set(told["arguments"]):
        return
    done = proc.run(
        [*told["command"], "base", "--workspace", str(place), "-q", "--json", order.series],
        cwd=folder,
        deadline=order.deadline,
        watch=lambda _: _require_wanted(folder),
        check=False,
    )
    text = done.output[done.output.find("{") :]
    try:
        is_known = json.loads(text).get("known", True)
    except ValueError:
        is_known = False
    if not is_known:
        return  # the run tells what is wrong
    atomicfile.write_text(folder / BASE, text)


def _latest(place: Path) -> Path | None:
    link = place / WORKSPACE / "runs" / LATEST
    return link.resolve() if link.is_dir() else None


@contextmanager
def workspace(order: Job) -> Iterator[Path]:
    """Have a workspace to oneself; there are as many as orders that run at a time."""
    work = order.folder.parents[1]
    while not order.deadline.expired:
        for number in range(int(order.told["slots"])):
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
        _require_wanted(order.folder)
        time.sleep(WAIT_S)
    raise InfraError("No workspace became free in time.", where=str(work))


def _require_wanted(folder: Path) -> None:
    if (folder / CANCEL).exists():
        raise _CancelledError


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
