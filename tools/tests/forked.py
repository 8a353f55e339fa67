# SPDX-License-Identifier: GPL-2.0
"""The command line in a process of its own, forked from this one, which has loaded its modules.

It is what `python -m kseries` is, signals and exit status and all, without the half second that a
new Python takes to import what a run needs.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import kseries.cli.run_context  # noqa: F401 - loaded for the children
from kseries.cli.main import SIGNALS, main


class Child:
    """A command that runs; stdout gives what it prints, on both streams."""

    def __init__(self, pid: int, reader: int) -> None:
        self._pid = pid
        self.stdout = open(reader, encoding="utf-8", newline="")  # noqa: SIM115
        self.returncode: int | None = None  # negative for a signal, as of Popen

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it was waited for."""
        if self.returncode is None:
            os.kill(self._pid, number)

    def ended(self) -> tuple[int, str]:
        """Wait for its end; give its exit status, and what it printed that was not read yet."""
        try:
            output = self.stdout.read()
        except BaseException:  # the test's time is up
            self.send_signal(signal.SIGKILL)
            raise
        finally:
            self.stdout.close()
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self.returncode, output


def start(words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Child:
    """Start `kseries` with these words."""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of threads: those of pytest-xdist, which the child does without.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _be_kseries(words, cwd, env, writer)
    os.close(writer)
    return Child(pid, reader)


def _be_kseries(words: Sequence[str], cwd: Path, env: Mapping[str, str], output: int) -> NoReturn:
    """Be a process as it would be when started anew, and end it."""
    status = 3
    try:
        # What the tests have open, locked and unfinished stays theirs.
        gc.freeze()
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
            os.dup2(file, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        warnings.resetwarnings()
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        sys.stdin = io.TextIOWrapper(io.FileIO(0))
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8")
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(2, "w")), encoding="utf-8", line_buffering=True
        )
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        tempfile.tempdir = None
        sys.argv = ["kseries", *words]
        status = main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
