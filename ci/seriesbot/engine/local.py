# SPDX-License-Identifier: GPL-2.0
"""The engine `local`: each order is a process of this machine, which outlives the bot.

jobs/<key>/ holds order.json, series/, the lock that its runner has as long as it lives, and, once
it is over, ended.json and results.json. So a bot that was killed finds what runs and what ended;
an order whose lock nobody has and that has not ended is lost.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.runfolder import MAX_BYTES
from kseries.lib.textfile import content
from seriesbot.engine.base import Found, Order, Outcome

SERIES = "series"
ORDER = "order.json"
ENDED = "ended.json"
RESULTS = "results.json"
OUTPUT = "output.log"
BASE = "base.json"
LOCK = "lock"
CANCEL = "cancel"
GRACE_S = 20.0  # for what is cancelled to end by itself

SECRET = "SERIESBOT_"  # how the names of the bot's own variables begin

KSERIES = (sys.executable, "-P", "-m", "kseries")

MAX_SAID = 4000  # characters
MAX_BASE = 1 << 20  # bytes

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]*")  # kept below its folder


@dataclass
class LocalEngine:
    """Carries out orders in processes. work: its folder. command: what `run …` is given to."""

    work: Path
    command: tuple[str, ...] = KSERIES
    slots: int = 1

    def submit(self, order: Order) -> None:
        """Start an order, unless it runs or is over."""
        folder = self._folder(order.key)
        with atomicfile.disk_errors(folder):
            if not folder.is_dir():
                lay_out(folder, order, self.command, self.slots)
            lock = _locked(folder)
            if lock is None:
                return
            try:
                if not (folder / ENDED).exists():
                    self._start(folder, lock)
            finally:
                os.close(lock)  # the runner has its own

    def look(self, key: str) -> Outcome | Found:
        """Tell what became of an order."""
        folder = self._folder(key)
        # Asked first: what ends in between has ended.json by then.
        runs = _is_locked(folder)
        try:
            told = json.loads((folder / ENDED).read_bytes())
            return Outcome(int(told["exit_code"]), document(folder), said(folder))
        except (OSError, ValueError, KeyError, TypeError):
            return Found.RUNNING if runs else Found.GONE

    def base(self, key: str) -> bytes:
        """Give what was found about the base, b"" as long as nothing was."""
        try:
            return content(self._folder(key) / BASE, MAX_BASE)
        except (FileNotFoundError, UserError):
            return b""

    def page(self, key: str) -> str:  # noqa: ARG002 - that of another engine
        """Give nothing: there are no pages."""
        return ""

    def forget(self, key: str) -> bool:
        """End an order and drop its folder; False while it still runs."""
        folder = self._folder(key)
        if not folder.exists():
            return True
        if _is_locked(folder):
            cancelled = folder / CANCEL
            if not cancelled.exists():
                cancelled.touch()
            elif time.time() - cancelled.stat().st_mtime > GRACE_S:
                _kill(folder)
            return False
        atomicfile.remove_tree(folder)
        return True

    def _folder(self, key: str) -> Path:
        assert _PLAIN.fullmatch(key)
        return self.work / "jobs" / key

    def _start(self, folder: Path, lock: int) -> None:
        """Start a runner, which is no child of ours: it has a session of its own, and lives on."""
        runner = [sys.executable, "-P", "-m", "seriesbot.engine.runner", str(folder), str(lock)]
        with (folder / "runner.log").open("ab") as log:
            subprocess.run(  # noqa: S603
                ["/usr/bin/setsid", "--fork", *runner],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                check=True,
            )


def lay_out(folder: Path, order: Order, command: Sequence[str], slots: int) -> None:
    """Make the folder of an order."""
    assert _PLAIN.fullmatch(order.name)
    told = {
        "command": list(command),
        "series": f"{SERIES}/{order.name}",
        "arguments": list(order.arguments),
        "limit_s": order.limit_s,
        "slots": slots,
    }
    with atomicfile.new_folder(folder) as new:
        series = new / SERIES / order.name
        series.mkdir(parents=True)
        for name, data in order.files.items():
            assert "/" not in name
            (series / name).write_bytes(data)
        (new / ORDER).write_text(json.dumps(told))


def environment() -> dict[str, str]:
    """Give the variables of what is started: the bot's own may hold a password."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _locked(folder: Path) -> int | None:
    """Take the lock of an order; None while its runner has it."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _is_locked(folder: Path) -> bool:
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    return atomicfile.is_locked(handle)


def document(folder: Path) -> bytes | None:
    """Give results.json of an order, None where there is none."""
    try:
        return content(folder / RESULTS, MAX_BYTES)
    except FileNotFoundError:
        return None


def said(folder: Path) -> str:
    """Give the end of what was printed."""
    with suppress(OSError), (folder / OUTPUT).open("rb") as file:
        file.seek(max(0, (folder / OUTPUT).stat().st_size - 4 * MAX_SAID))
        return file.read().decode(errors="replace")[-MAX_SAID:]
    return ""


def _kill(folder: Path) -> None:
    """Kill the runner of an order that does not end when it is told to."""
    with suppress(OSError, ValueError):
        pid = int((folder / "pid").read_text())
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
        if os.fsencode(folder) in words:
            os.killpg(pid, signal.SIGKILL)
