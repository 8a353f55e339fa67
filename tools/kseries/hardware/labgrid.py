# SPDX-License-Identifier: GPL-2.0
"""Places of labgrid through its own client: who has one, its power, its console.

The one door to `labgrid-client`, a program of the user's: its version follows its coordinator's.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from kseries.hardware.target import CommandConsole, CommandPower, Lab, Labgrid
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError

CLIENT = "labgrid-client"
LIMIT_S = 40.0
TERMINALS = ("microcom", "telnet")
"""One of these shows the console to labgrid's client."""

# It has variables for what we tell it, and tells times as the clock on the wall has them.
_ENVIRONMENT = ("env", "-u", "LG_ENV", "-u", "LG_STATE", "-u", "LG_INITIAL_STATE", "TZ=UTC")

_NO_POWER = "target has no compatible resource available"

FAILURES = (
    # The first row with a text that was printed tells what happened, and what to do.
    (
        "Could not connect to coordinator",
        "The coordinator of labgrid at {coordinator} does not answer",
        "is it up, and is `labgrid.coordinator` in the target's file right?",
    ),
    (
        "matches nothing",
        "labgrid at {coordinator} has no place {place}",
        "correct `labgrid.place` in the target's file: `labgrid-client places` lists them",
    ),
    (
        "has no matching remote resource",
        "The place {place} lacks a resource that it names",
        "is its exporter up? `labgrid-client show` lists what is there",
    ),
    (
        "Found multiple resources",
        "The place {place} has several resources of that kind",
        "name one in the target's file: `labgrid.power`, `labgrid.console`",
    ),
    (
        "Failed to acquire resources",
        "The resources of {place} cannot be acquired",
        "is its exporter up, and does another place have one of them?",
    ),
)


@dataclass(frozen=True)
class Place:
    """A place as its coordinator has it.

    owner: "HOST/USER", "" where nobody has acquired it. since: when it was changed last, acquired
    for the most part, in seconds since the epoch. is_reserved: only somebody can acquire it.
    """

    owner: str
    since: float
    is_reserved: bool


@dataclass(frozen=True)
class Reservation:
    """A reservation: whose it is, since when."""

    owner: str
    since: float


def us() -> str:
    """Give who we are, as labgrid's client tells its coordinator."""
    host = os.environ.get("LG_HOSTNAME", socket.gethostname())
    return f"{host}/{os.environ.get('LG_USERNAME', getpass.getuser())}"


def command(place: Labgrid, *words: str) -> tuple[str, ...]:
    """Plan a command of labgrid's client for a place."""
    return (*_ENVIRONMENT, CLIENT, "-x", place.coordinator, "-p", place.place, *words)


def require_usable(place: Labgrid) -> None:
    """Raise UserError where labgrid's client is not there."""
    if proc.which(CLIENT) is None:
        raise UserError(
            f"The target is the place {place.place} of labgrid, whose program {CLIENT} is not"
            " installed.",
            do="`pipx install labgrid`, in the version that its coordinator has; without the table"
            " [labgrid] in the target's file a lock on the DUT is used",
        )


def look(place: Labgrid) -> Place:
    """Give who has a place. Raises UserError for one that is not there, InfraError."""
    lines = _ask(place, "show").splitlines()
    aliases = _value(lines, "aliases").replace(",", " ").split()
    # A part of a name does for the client.
    if f"Place '{place.place}':" not in lines and place.place not in aliases:
        raise _failure(place, "matches nothing")
    owner, changed = _value(lines, "acquired"), _value(lines, "changed")
    return Place(
        "" if owner == "None" else owner, _seconds(changed), bool(_value(lines, "reservation"))
    )


def reservation(place: Labgrid) -> Reservation | None:
    """Give the reservation that has a place; None where none does."""
    for text in re.split(r"^(?=Reservation ')", _ask(place, "reservations"), flags=re.MULTILINE):
        lines = text.splitlines()
        at = lines.index("  allocations:") if "  allocations:" in lines else len(lines)
        if f"    main: {place.place}" in lines[at:]:
            return Reservation(_value(lines, "owner"), _seconds(_value(lines, "created")))
    return None


def acquire(place: Labgrid) -> bool:
    """Acquire a place; False where somebody was faster, or has reserved it."""
    done = _run(place, "acquire")
    taken = ("already acquired", "was not reserved for")
    if not done.ok and not any(text in done.output for text in taken):
        raise _failure(place, done.output)
    return done.ok


def release(place: Labgrid, owner: str) -> None:
    """Release a place, where it is `owner` who has it."""
    _ask(place, "release-from", owner)


def equipped(lab: Lab, note: Callable[[str], None]) -> Lab:
    """Give a target whose place we have with the power and the console of the place.

    What its file says comes first.
    """
    place = lab.labgrid
    if place is None:
        return lab
    found = lab
    if lab.power.kind == "none" and _has_power(place):
        found = replace(found, power=_power(place))
    if lab.console.kind == "none" and "/NetworkSerialPort/" in _ask(place, "show"):
        if any(proc.which(program) for program in TERMINALS):
            found = replace(found, console=_console(place))
        else:
            note(
                f"the console of the place {place.place} is not kept: labgrid's client needs"
                f" {' or '.join(TERMINALS)} for it, and none is installed"
            )
    return found


def _has_power(place: Labgrid) -> bool:
    done = _run(place, "power", "get", *_named(place))
    if not done.ok and _NO_POWER not in done.output:
        raise _failure(place, done.output)
    return done.ok


def _power(place: Labgrid) -> CommandPower:
    def power(action: str) -> tuple[str, ...]:
        return command(place, "power", action, *_named(place))

    return CommandPower(kind="command", off=power("off"), on=power("on"), status=power("get"))


def _named(place: Labgrid) -> tuple[str, ...]:
    return ("--name", place.power) if place.power else ()


def _console(place: Labgrid) -> CommandConsole:
    words = ("console", "--loop", "--listenonly", *((place.console,) if place.console else ()))
    return CommandConsole(kind="command", command=command(place, *words))


def _ask(place: Labgrid, *words: str) -> str:
    done = _run(place, *words)
    if not done.ok:
        raise _failure(place, done.output)
    return done.output


def _run(place: Labgrid, *words: str) -> proc.Completed:
    require_usable(place)
    deadline = Deadline.after(LIMIT_S)
    return proc.run(command(place, *words), cwd=Path("/"), deadline=deadline, check=False)


def _failure(place: Labgrid, said: str) -> InfraError:
    unknown = ("", f"{CLIENT} failed", "try the same by hand")
    _, what, do = next((row for row in FAILURES if row[0] in said), unknown)
    lines = "".join(f"\n| {line}" for line in said.splitlines()[-4:])
    told = what.format(place=place.place, coordinator=place.coordinator)
    return InfraError(f"{told}.", where=f"{CLIENT} -x {place.coordinator}{lines}", do=do)


def _value(lines: list[str], key: str) -> str:
    """Give the value of a line, the last of them: what people write freely comes before."""
    return next(_values(lines, key), "")


def _values(lines: list[str], key: str) -> Iterator[str]:
    start = f"  {key}: "
    return (line.removeprefix(start).strip() for line in lines[::-1] if line.startswith(start))


def _seconds(text: str) -> float:
    """Read a time that the client has told; 0.0 where it makes no sense."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
