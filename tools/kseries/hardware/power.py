# SPDX-License-Identifier: GPL-2.0
"""The power switch of a lab machine, and its console.

Programs of the workstation work them, and for Redfish a library. Passwords are in files, or
variables of the environment, that the target names.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kseries.hardware import labgrid, password, redfish
from kseries.hardware.ssh import OPTIONS
from kseries.hardware.target import (
    CommandConsole,
    CommandPower,
    Console,
    Ipmi,
    Lab,
    Power,
    Redfish,
    SshConsole,
)
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines.consolelog import ConsoleLog, TimedLines

LIMIT_S = 60.0
ASK_S = 15.0


def require_usable(lab: Lab) -> None:
    """Raise UserError where a password, or a program or library for them, is missing."""
    for each in (lab.power, lab.console):
        if isinstance(each, Redfish):
            redfish.require_usable(each)
        elif isinstance(each, Ipmi):
            password.read(each)
    if lab.labgrid is not None:
        labgrid.require_usable(lab.labgrid)


def can_switch(power: Power) -> bool:
    """Whether there is a switch."""
    return power.kind != "none"


def cycle(power: Power, log: Path) -> None:
    """Switch a machine off and on. Raises KseriesError where the switch does not work."""
    if isinstance(power, Redfish):
        redfish.cycle(power, LIMIT_S)
        return
    for argv in switch_commands(power):
        proc.run(argv, cwd=Path("/"), deadline=Deadline.after(LIMIT_S), log=log, env=_secret(power))


def switch_commands(power: Power) -> list[list[str]]:
    """Plan the commands that switch a machine off and on; [] where none does."""
    if isinstance(power, CommandPower):
        return [list(power.off), list(power.on)]
    if isinstance(power, Ipmi):
        return [[*_ipmi(power), "chassis", "power", "cycle"]]
    return []


def state(power: Power) -> str:
    """Ask a switch whether the machine is on: "On" or "Off"; "" where nobody can be asked.

    Raises KseriesError where it does not answer.
    """
    if isinstance(power, Redfish):
        return redfish.state(power)
    argv: Sequence[str] = ()
    if isinstance(power, Ipmi):
        argv = [*_ipmi(power), "chassis", "power", "status"]
    elif isinstance(power, CommandPower):
        argv = power.status
    if not argv:
        return ""
    deadline = Deadline.after(ASK_S)
    told = proc.run(argv, cwd=Path("/"), deadline=deadline, env=_secret(power)).output
    word = told.split()[-1].capitalize() if told.split() else ""
    if word not in ("On", "Off"):
        raise InfraError(
            "The power switch does not tell whether the machine is on.",
            where=f"{argv[0]}: {told[:500]}",
            do="the last word that the command prints has to be `on` or `off`",
        )
    return word


def console_command(console: Console) -> list[str]:
    """Plan the command that shows a console; [] for none."""
    if isinstance(console, SshConsole):
        return ["ssh", *OPTIONS, "--", console.host, *console.command]
    if isinstance(console, CommandConsole):
        return list(console.command)
    if isinstance(console, Ipmi):
        return [*_ipmi(console), "sol", "activate"]
    return []


@contextmanager
def shown(console: Console, file: Path, lines: TimedLines) -> Iterator[None]:
    """Keep what a console shows, in a file and `lines`, for as long as the block."""
    argv = console_command(console)
    if not argv:
        yield
        return
    near, child_end = socket.socketpair()
    with child_end:
        log = ConsoleLog(near, file, lines)
        try:
            with proc.start(
                argv,
                cwd=Path("/"),
                stdin=child_end.fileno(),
                stdout=child_end.fileno(),
                env=_secret(console),
            ):
                child_end.close()
                yield
        finally:
            log.close()


def _ipmi(bmc: Ipmi) -> list[str]:
    word = ["-E"] if bmc.password_env else ["-f", str(password.place(bmc))]
    return ["ipmitool", "-I", "lanplus", "-H", bmc.bmc, "-U", bmc.user, *word]


def _secret(way: Power | Console) -> Mapping[str, str]:
    """Give the variables that a program reads its password from; check the file that it reads."""
    if not isinstance(way, Ipmi):
        return {}
    found = password.read(way)
    return {"IPMITOOL_PASSWORD": found} if way.password_env else {}
