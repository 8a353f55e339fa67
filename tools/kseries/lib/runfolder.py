# SPDX-License-Identifier: GPL-2.0
"""The folder of a run: every log, each stage's outcome, the result document.

out/runs/<time>-<stack>/
    request.json      what was asked for
    <stage>.json      a stage's frozen outcome, there once it is done
    <stage>.log       what its programs printed
    console.log       the target's kernel log; console-2.log that of a second machine
    tests/            one log a test program
    results.json      the result document
"""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.untrusted import MIB, NotPlain, Untrusted
from kseries.lib.userpath import current, named_path, user_path
from kseries.names import LATEST

T = TypeVar("T")

REQUEST = "request.json"
RESULTS = "results.json"

MAX_BYTES = 128 * MIB  # of a file that is read

PIECE_MARK = "+"  # between the name of a program and the number of a piece


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path

    @property
    def name(self) -> str:
        """How the run is called on the command line."""
        return self.path.name

    @property
    def consoles(self) -> tuple[Path, ...]:
        """The kernel logs that there are, machine by machine."""
        found = self.path.glob("console*.log")
        return tuple(sorted(found, key=lambda file: (len(file.name), file.name)))

    def console(self, machine: int = 1) -> Path:
        """Where the kernel log of a machine goes, raw."""
        return self.log("console", machine)

    def peer_console(self, machine: int = 1) -> Path:
        """Where the kernel log of the machine goes that it is linked with."""
        return self.log("console", machine).with_suffix(".peer.log")

    @property
    def results(self) -> Path:
        """The result document."""
        return self.path / RESULTS

    def log(self, stage: str, machine: int = 1) -> Path:
        """Where the programs of a stage print to, or what a machine says."""
        return self.path / (f"{stage}.log" if machine == 1 else f"{stage}-{machine}.log")

    def test_log(self, suite: str, program: str, piece: int = 1) -> Path:
        """Where a test program prints to, or one of the pieces that it is run in."""
        name = program.replace("/", "_") + (f"{PIECE_MARK}{piece}" if piece > 1 else "")
        return self.path / "tests" / suite / f"{name}.log"

    def save(self, name: str, value: T, adapter: TypeAdapter[T]) -> None:
        """Write `<name>.json` atomically."""
        atomicfile.write_bytes(self.path / f"{name}.json", to_json(value, adapter).encode())

    def has(self, name: str) -> bool:
        """Whether `<name>.json` is there."""
        return (self.path / f"{name}.json").is_file()

    def load(self, name: str, adapter: TypeAdapter[T]) -> T:
        """Read `<name>.json`, which others may have made.

        Raises UserError when it is missing, of another version, or no plain file.
        """
        file = self.path / f"{name}.json"
        if not os.path.lexists(file):
            raise UserError(
                f"The run {self.name} has not come to the stage '{name}'.",
                where=str(file),
                do=f"`kseries {name} --run {self.name}` carries it out",
            )
        try:
            return adapter.validate_json(Untrusted(self.path).read_bytes(f"{name}.json", MAX_BYTES))
        except (ValidationError, NotPlain) as error:
            why = f"it {error.why}" if isinstance(error, NotPlain) else error.errors()[0]["msg"]
            raise UserError(
                f"{file.name} is not of this version of kseries.",
                where=f"{file}: {why}",
                do="start a new run",
            ) from error


def to_json(value: T, adapter: TypeAdapter[T], *, ascii_only: bool = False) -> str:
    """Give a value as JSON. What of a file's name is not UTF-8 becomes "?"."""
    try:
        data = adapter.dump_json(value, indent=2, ensure_ascii=ascii_only)
    except PydanticSerializationError:
        told = adapter.dump_python(value, mode="json")
        text = json.dumps(told, ensure_ascii=False).encode(errors="replace")
        data = json.dumps(json.loads(text), indent=2, ensure_ascii=ascii_only).encode()
    return data.decode() + "\n"


def create(runs: Path, stack: str) -> RunFolder:
    """Make a new run folder, named by the time (UTC) and the stack; `latest` points to it."""
    now = datetime.datetime.now(datetime.UTC)
    with atomicfile.disk_errors(runs):
        runs.mkdir(parents=True, exist_ok=True)
        for attempt in range(100):
            suffix = f"-{attempt}" if attempt else ""
            path = runs / f"{now:%Y%m%dT%H%M%S}-{stack}{suffix}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            _point_latest(runs, path)
            return RunFolder(path)
    raise UserError("Too many runs in one second.", where=str(runs), do="try again")


@contextmanager
def scratch() -> Iterator[RunFolder]:
    """Give a folder for what is looked for before there is a run, and remove it."""
    with tempfile.TemporaryDirectory(prefix="kseries-") as name:
        yield RunFolder(Path(name))


def find(runs: Path, name: str) -> RunFolder:
    """Find a run to read, by name, path, or `latest`; others may have made it.

    Raises UserError naming what there is.
    """
    for path in (named_path(runs, name), user_path(name, current())):
        if path is not None and any(os.path.lexists(path / file) for file in (REQUEST, RESULTS)):
            return RunFolder(path.resolve())
    known = sorted(entry.parent.name for entry in runs.glob(f"*/{REQUEST}"))[-5:]
    raise UserError(
        f"There is no run '{name}'.",
        where=str(runs),
        do=f"take one of: {', '.join(known)}" if known else "start one: `kseries run`",
    )


def own(runs: Path, name: str) -> RunFolder:
    """Find a run to go on with: one of this project, as what is in it is carried out.

    Raises UserError as `find`, and for a run from elsewhere.
    """
    run = find(runs, name)
    if not is_own(runs, run) or not os.path.lexists(run.path / REQUEST):
        raise UserError(
            f"The run '{name}' is not one of this project's; it can be read, and no more.",
            where=str(run.path),
            do=f"start a run of your own, or name one of {runs}",
        )
    return run


def is_own(runs: Path, run: RunFolder) -> bool:
    """Whether a run is one of this project, not of somebody else's."""
    return run.path.parent == runs.resolve()


def _point_latest(runs: Path, path: Path) -> None:
    link = runs / f".{LATEST}-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(path.name)
    link.replace(runs / LATEST)
