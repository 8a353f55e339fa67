# SPDX-License-Identifier: GPL-2.0
"""A terminal of the host as that of a shell in a guest: what is typed goes there and back, raw."""

from __future__ import annotations

import os
import select
import shutil
import socket
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PORT = "/dev/vport0p2"
"""In the guest: the port that QEMU gives it (qemu.argv)."""

CHUNK = 1 << 16
LEAVE = b"exit\n"
LOOK_S = 0.2

# Started in the guest: a shell on a terminal of its own, whose other end is the port.
_RC = """\
stty rows {rows} cols {columns}
export TERM={term}
cd {folder}
PS1='kseries:\\w# '
"""


def shell(folder: str) -> list[str]:
    """Plan the program that serves a shell in the guest. folder: where the shell begins."""
    columns, rows = shutil.get_terminal_size()
    term = os.environ.get("TERM", "dumb")
    term = term if term.replace("-", "").replace(".", "").isalnum() else "dumb"
    rc = _RC.format(rows=rows, columns=columns, term=term, folder=folder)
    start = 'printf %s "$1" >/run/kseries-rc && exec socat -d0 "$2" "$3"'
    served = "EXEC:'bash --rcfile /run/kseries-rc -i',pty,setsid,ctty,stderr,sane"
    return ["sh", "-c", start, "sh", rc, f"OPEN:{PORT},rdwr", served]


def pump(typed: int, shown: int, far: socket.socket, ended: Callable[[], bool]) -> None:
    """Carry bytes between a terminal of ours and the guest until it has ended.

    typed, shown: file descriptors. At the end of what is typed the guest's shell is told
    to end.
    """
    sources: list[int | socket.socket] = [typed, far]
    with _raw(typed):
        while not ended():
            ready = select.select(sources, [], [], LOOK_S)[0]
            if typed in ready and not _hand_on(typed, far):
                sources.remove(typed)
            if far in ready and not _show(far, shown):
                return
        while select.select([far], [], [], LOOK_S)[0] and _show(far, shown):
            pass


def _hand_on(typed: int, far: socket.socket) -> bool:
    data = os.read(typed, CHUNK)
    far.sendall(data or LEAVE)
    return bool(data)


def _show(far: socket.socket, shown: int) -> bool:
    data = far.recv(CHUNK)
    view = memoryview(data)
    while view:
        view = view[os.write(shown, view) :]
    return bool(data)


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Have a terminal hand on each key as it is typed; what is none stays as it is."""
    if not os.isatty(terminal):
        yield
        return
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
