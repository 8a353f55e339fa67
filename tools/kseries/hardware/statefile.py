# SPDX-License-Identifier: GPL-2.0
"""The file that keeps what the ports of a target were set to; a person can repair from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from kseries.hardware.nicstate import Port
from kseries.hardware.putback import by_hand
from kseries.lib import atomicfile, textfile
from kseries.lib.errors import UserError

SCHEMA: Literal["kseries-nic-state/1"] = "kseries-nic-state/1"
ABOUT = (
    "What the ports of a lab machine were set to, to be put back by `kseries hw state TARGET"
    " --restore FILE`. By hand: log in on `host` as root and run the commands of what differs, from"
    " the first to the last (link.up=down at the end). Where the command is empty nobody knows how"
    " it was made: read the value."
)


@dataclass(frozen=True)
class Kept:
    """A setting in the file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    value: str
    command: str


@dataclass(frozen=True)
class KeptPort:
    """A port in the file. boot: the boot's id by its kernel."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    side: Literal["dut", "peer"]
    host: str
    namespace: str
    interface: str
    kernel: str
    boot: str
    settings: tuple[Kept, ...]
    unknown: Mapping[str, str]

    def port(self) -> Port:
        """Give its settings."""
        settings = {each.name: each.value for each in self.settings}
        return Port(self.interface, self.kernel, self.boot, settings, self.unknown)


@dataclass(frozen=True)
class StateFile:
    """The file. taken: UTC, ISO 8601."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    schema: Literal["kseries-nic-state/1"]
    about: str
    target: str
    taken: str
    ports: tuple[KeptPort, ...]


_FILE: TypeAdapter[StateFile] = TypeAdapter(StateFile)


def kept(side: Literal["dut", "peer"], host: str, namespace: str, port: Port) -> KeptPort:
    """Give a port as the file has it."""
    settings = tuple(Kept(*each) for each in by_hand(port))
    return KeptPort(
        side,
        host,
        namespace,
        port.interface,
        port.kernel,
        port.boot,
        settings,
        dict(port.unknown),
    )


def write(file: Path, target: str, ports: tuple[KeptPort, ...]) -> None:
    """Write a new file. Raises UserError for one that is there."""
    require_new(file)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    state = StateFile(SCHEMA, ABOUT, target, now, ports)
    atomicfile.write_text(file.resolve(), _FILE.dump_json(state, indent=1).decode() + "\n")


def require_new(file: Path) -> None:
    """Raise UserError for a file that is there: it may be needed still."""
    if file.exists():
        raise UserError(
            "There is a file of this name already.",
            where=str(file),
            do="put that state back first (--restore), or name another file",
        )


def read(file: Path, target: str) -> StateFile:
    """Read a file. Raises UserError for what is none, or of another target."""
    text = textfile.read(file, "file of a state", do="name one that --take has written")
    try:
        state = _FILE.validate_json(text)
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        raise UserError(
            "This is no state of a lab machine.",
            where=f"{file}: {place}: {detail['msg']}".replace(": : ", ": "),
            do="name a file that `kseries hw state --take` has written",
        ) from error
    if state.target != target:
        raise UserError(
            f"This is the state of '{state.target}', not of '{target}'.",
            where=str(file),
            do=f"kseries hw state {state.target} …",
        )
    return state
