# SPDX-License-Identifier: GPL-2.0
"""Run nox so that its exit status is that of the sessions that run kseries; `./nox` starts it.

nox makes 1 of every failed session. A session that runs kseries tells its exit status through a
file of this call of nox alone (`tell`), and the highest counts: 0 pass, 1 a test or check failed,
2 usage, 3 the infrastructure was lost or the run was ended. Other sessions fail with 1.

A signal to nox is handed on to what the session runs, once: that is in a session of its own, where
Ctrl-C of the terminal does not reach it by itself.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import FrameType

PASS, FAILED, USAGE, LOST = range(4)

FILE = "KSERIES_NOX_STATUS"
"""The environment variable with the name of the file that sessions tell their exit status in."""

NO_SUCH_SESSION = 3  # of nox, before any session runs
INTERRUPTED = 130  # of nox

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def tell(status: int | None) -> None:
    """Tell how a session's kseries ended; None, or an exit status it does not have: it was lost."""
    known = status if status in (PASS, FAILED, USAGE, LOST) else LOST
    if FILE in os.environ:
        with Path(os.environ[FILE]).open("a") as file:
            file.write(f"{known}\n")


def combined(nox: int, told: list[int]) -> int:
    """Give the exit status of a call. nox: its own. told: those of its sessions with kseries."""
    if nox == INTERRUPTED:
        return LOST
    if nox == NO_SUCH_SESSION and not told:
        return USAGE
    return max([*told, min(nox, FAILED) if told else nox])


def main() -> int:
    """Run nox with the arguments of this process; give the exit status."""
    from nox.__main__ import main as nox_main

    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # of nohup
            signal.signal(number, _hand_on)
    with tempfile.TemporaryDirectory(prefix="kseries-nox-") as folder:
        file = Path(folder) / "status"
        file.touch()
        os.environ[FILE] = str(file)
        try:
            nox_main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except KeyboardInterrupt:
            status = INTERRUPTED
        return combined(status, [int(line) for line in file.read_text().split()])


def _hand_on(number: int, _frame: FrameType | None) -> None:
    """Hand a signal on to what runs; nox then waits for its end, as after Ctrl-C."""
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), number)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
