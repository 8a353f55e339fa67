# SPDX-License-Identifier: GPL-2.0
"""Start a master or a worker in the foreground: this process becomes it.

It holds a lock as long as it lives, so that there are never two of one folder.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError, UserError
from seriesbot import secretfile
from seriesbot.engine.local import environment
from seriesbot.farm.folders import TAC, MasterFolder, WorkerFolder

LOCK, PID = ".lock", ".pid"
MADE_BY = ".database-of"  # the version of Buildbot that the database is of

TWISTD = "from twisted.scripts.twistd import run; run()"
BUILDBOT = "from buildbot.scripts.runner import run; run()"


def start(path: Path) -> NoReturn:
    """Become the master or the worker of a folder.

    Raises UserError for a folder of neither, or of one that runs.
    """
    is_master = MasterFolder(path).settings.is_file()
    if not is_master and not WorkerFolder(path).settings.is_file():
        raise UserError(
            "This is no folder of a master or a worker.",
            where=str(path),
            do="`seriesbot buildbot master DIR` and `seriesbot buildbot worker DIR …` make one",
        )
    _require_buildbot("buildbot" if is_master else "buildbot-worker")
    # What is told to read its settings again before it has read them need not.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    handle = _locked(path)
    os.set_inheritable(handle, True)
    (path / PID).write_text(str(os.getpid()))
    if is_master:
        _upgrade(path)
    words = ["--nodaemon", "--no_save", "--pidfile=", f"--python={TAC}"]
    os.chdir(path)
    os.execve(sys.executable, _python(TWISTD, *words), environment())  # noqa: S606


def read_again(path: Path) -> bool:
    """Have the master of a folder read its settings again; False where none runs."""
    with suppress(OSError, ValueError):
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC)
        if atomicfile.is_locked(handle):
            os.kill(int((path / PID).read_text()), signal.SIGHUP)
            return True
    return False


def _locked(path: Path) -> int:
    with atomicfile.disk_errors(path):
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise UserError(
            "It runs already.", where=str(path), do="leave it the work, or end it first"
        ) from error
    return handle


def _require_buildbot(package: str) -> None:
    try:
        version(package)
    except PackageNotFoundError as error:
        raise UserError(
            f"The package {package} is not installed.",
            do="pip install -e '.[buildbot]' in the clone",
        ) from error


def _upgrade(path: Path) -> None:
    """Make the database, or bring it up to date: once for each version of Buildbot."""
    told = f"{version('buildbot')} {MasterFolder(path).read().db}"
    stamp = path / MADE_BY
    if stamp.is_file() and stamp.read_text() == told:
        return
    words = ("upgrade-master", "--quiet", str(path))
    done = subprocess.run(  # noqa: S603
        _python(BUILDBOT, *words), env=environment(), capture_output=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        raise InfraError(
            "The master's database cannot be made, or brought up to date.",
            where=said,
            do="see that the address in master.toml (db) is right, and the database up",
        )
    secretfile.write(stamp, told)  # the address can hold a password


def _python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-P", "-c", code, *words]
