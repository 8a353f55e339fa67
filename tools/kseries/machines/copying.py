# SPDX-License-Identifier: GPL-2.0
"""Files and folders to and from a guest, as archives that its own tar makes and reads."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from kseries.lib import atomicfile
from kseries.lib.bounded import HeadTail
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.machines import transfer
from kseries.machines.agent import Sink
from kseries.machines.base import TargetLost
from kseries.machines.command import Command

Execute = Callable[[Command, Deadline, Sink], int | None]
"""Runs a command on the guest; gives its exit status, None at the deadline."""

MESSAGE_BYTES = 4000
REPORT_S = 10.0
TAR_ERRORS = "/run/kseries-tar"
ARCHIVE_BYTES = 256 << 20
"""What an archive may have beside the contents of its files."""

_PUT = 'mkdir -p "$1" && exec tar -xp --no-same-owner --warning=no-timestamp -C "$1"'
_GET = f'exec tar -c -C "$1" -- "$2" 2>{TAR_ERRORS}'


def put(execute: Execute, source: Path, destination: str, deadline: Deadline) -> None:
    """Copy a file or folder of the host to the guest. Raises InfraError, and as `pack` does."""
    if not os.path.lexists(source):
        raise UserError("There is no such file to copy to the target.", where=str(source))
    place = PurePosixPath(destination)
    with tempfile.TemporaryFile() as spool, atomicfile.disk_errors(Path(tempfile.gettempdir())):
        transfer.pack(source, place.name, spool)
        argv = ("sh", "-c", _PUT, "put", str(place.parent))
        said = _Said()
        status = execute(Command(argv, feed=transfer.chunks(spool)), deadline, said.feed)
    _check(status, f"{source} to {destination}", said, deadline)


def get(execute: Execute, source: str, destination: Path, deadline: Deadline) -> list[str]:
    """Copy a file or folder of the guest to the host; give what was left out.

    Raises InfraError, TargetLost when what comes is not an archive.
    """
    place = PurePosixPath(source)
    command = Command(("sh", "-c", _GET, "get", str(place.parent), place.name))
    room = transfer.MAX_BYTES + ARCHIVE_BYTES
    with tempfile.TemporaryFile() as spool, atomicfile.disk_errors(Path(tempfile.gettempdir())):

        def keep(data: bytes) -> None:
            # That it is too much for an archive is found out when it is read.
            nonlocal room
            spool.write(data[:room])
            room = max(0, room - len(data))

        status = execute(command, deadline, keep)
        # 1: a file changed while it was read. That is no reason to have nothing.
        if status not in (0, 1):
            said = _Said()
            execute(Command(("cat", TAR_ERRORS)), Deadline.after(REPORT_S), said.feed)
            _check(status, f"{source} to {destination}", said, deadline)
        try:
            return transfer.unpack(spool, place.name, destination)
        except tarfile.TarError as error:
            raise TargetLost(
                f"What the guest sent is not an archive of {source}: {error}"
            ) from error


class _Said:
    """What a program printed that should print little: the end of it."""

    def __init__(self) -> None:
        self._kept = HeadTail(0, MESSAGE_BYTES)

    def feed(self, data: bytes) -> None:
        self._kept.feed(data)

    def text(self) -> str:
        return self._kept.end().decode(errors="replace").strip()


def _check(status: int | None, what: str, said: _Said, limit: Deadline) -> None:
    if status == 0:
        return
    text = said.text() if status is not None else f"not done within {limit.limit_s:.0f} s"
    raise InfraError(f"Could not copy {what}.", where=text)
