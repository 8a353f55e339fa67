# SPDX-License-Identifier: GPL-2.0
"""The power switch of a lab machine, and its console: programs of the workstation.

Passwords are read by the programs themselves, from files that the target names.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kseries.hardware.ssh import OPTIONS
from kseries.hardware.target import (
    CommandConsole,
    CommandPower,
    Console,
    Ipmi,
    Power,
    Redfish,
    SshConsole,
)
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.machines.consolelog import ConsoleLog, TimedLines

LIMIT_S = 60.0


def require_known(power: Power) -> None:
    """Raise UserError for a kind of switch that cannot be worked yet."""
    if isinstance(power, Redfish):
        raise UserError(
            "Power switches that speak Redfish are not supported yet.",
            do='use kind = "ipmi" where the BMC speaks it, or "command" with a command of yours',
        )


def switch_commands(power: Power) -> list[list[str]]:
    """Plan the commands that switch a machine off and on; [] where nothing does."""
    if isinstance(power, CommandPower):
        return [list(power.off), list(power.on)]
    if isinstance(power, Ipmi):
        return [[*_ipmi(power), "chassis", "power", "cycle"]]
    return []


def cycle(power: Power, log: Path) -> bool:
    """Switch a machine off and on; False where nothing does, or the switch does not work."""
    commands = switch_commands(power)
    try:
        for argv in commands:
            proc.run(argv, cwd=Path("/"), deadline=Deadline.after(LIMIT_S), log=log)
    except proc.CommandFailed:
        return False
    return bool(commands)


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
                argv, cwd=Path("/"), stdin=child_end.fileno(), stdout=child_end.fileno()
            ):
                child_end.close()
                yield
        finally:
            log.close()


def _ipmi(bmc: Ipmi) -> Sequence[str]:
    file = str(Path(bmc.password_file).expanduser())
    return ["ipmitool", "-I", "lanplus", "-H", bmc.bmc, "-U", bmc.user, "-f", file]
