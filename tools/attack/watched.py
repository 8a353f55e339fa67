# SPDX-License-Identifier: GPL-2.0
"""Run a program and tell how it ended, what it took, and which processes it left behind.

A program of its own (`python watched.py REPORT LIMIT_S PTY -- ARGV…`), since orphans of an attack
must come to it and not to another attack's: it is their subreaper.
"""

from __future__ import annotations

import ctypes
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
WAITED = "waited"
PATIENCE_S = 20.0  # of waiting for code in a sandbox
IDLE_S = 0.2  # of processor time, that count as nothing
GRACE_S = 1.0  # for processes that are being ended
POLL_S = 0.05
MEMORY_LIMIT = 3 << 30  # bytes; ended above it, for the host's sake
OUTPUT_LIMIT = 256 << 20  # bytes


def _descendants() -> dict[int, str]:
    """Give all processes below this one, with their command lines."""
    parents, found = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                parents[int(entry.name)] = (int(fields[1]), fields[0])
    for pid, (_, state) in parents.items():
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above][0]
        if above == os.getpid() and pid != above and state != "Z":
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                # One without a command line is on its way out.
                if words[0]:
                    found[pid] = b" ".join(words).decode(errors="replace")[:200]
    return found


def _peak(pid: int) -> int:
    """Give the most memory that a process has held, in bytes; 0 when it is gone."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def _reap(but: int) -> None:
    """Take note of orphans that ended, as the first process of a host does at once."""
    with suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid == but:
                return  # whoever started it asks for its status
            os.waitpid(found.si_pid, os.WNOHANG)


def _terminal(output: int) -> int:
    """Make a terminal whose output is copied to a file; give the program's side of it."""
    ours, theirs = pty.openpty()

    def copy() -> None:
        with suppress(OSError):
            while data := os.read(ours, 1 << 16):
                os.write(output, data)

    threading.Thread(target=copy, daemon=True).start()
    return theirs


class _Waiting:
    """Whether the program only waits for code in a sandbox, which has longer limits of its own."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._since, self._busy_s = time.monotonic(), 0.0

    def too_long(self) -> bool:
        """Look; true when it has done next to nothing for a while, and the sandbox is there."""
        busy_s = self._busy_s
        with suppress(OSError, ValueError):
            fields = self._stat.read_text(errors="replace").rpartition(")")[2].split()
            busy_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        now = time.monotonic()
        if busy_s - self._busy_s > IDLE_S:
            self._since, self._busy_s = now, busy_s
        elif now - self._since > PATIENCE_S:
            self._since = now
            running = " ".join(_descendants().values())
            # A machine is in a sandbox, too, but what it runs is given minutes.
            return "bwrap" in running and "qemu-system" not in running
        return False


def _starved_s(pid: int) -> float:
    """Give for how long a process could have run, and got no processor, in seconds."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) * 1e-9
    return 0.0


def _wait(child: subprocess.Popen[bytes], limit_s: float) -> tuple[int | None, int, str]:
    """Wait for the program; give its status (None when it had to be ended), memory and why.

    limit_s: of a host that has nothing else to do.
    """
    peak, deadline, waiting = 0, time.monotonic() + limit_s, _Waiting(child.pid)
    while child.poll() is None:
        _reap(child.pid)
        peak = max(peak, _peak(child.pid))
        why = ""
        if time.monotonic() > deadline + _starved_s(child.pid):
            why = f"did not end within {limit_s:.0f} s"
        elif waiting.too_long():
            why = WAITED
        elif peak > MEMORY_LIMIT:
            why = f"held {peak >> 20} MiB"
        elif os.fstat(1).st_size > OUTPUT_LIMIT:
            why = f"printed {os.fstat(1).st_size >> 20} MiB"
        if why:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            return None, peak, why
        time.sleep(POLL_S)
    return child.returncode, peak, ""


def main() -> None:
    """Run it; the report is JSON: status, peak (bytes), why, left (command lines)."""
    report, limit_s, terminal, _, *argv = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wire = _terminal(1) if terminal == "pty" else None
    words = ["setsid", "--ctty", "--wait", *argv] if wire is not None else argv
    child = subprocess.Popen(
        words, stdin=wire, stdout=wire, stderr=wire, start_new_session=wire is None
    )
    status, peak, why = _wait(child, float(limit_s))
    end = time.monotonic() + GRACE_S
    while (left := _descendants()) and time.monotonic() < end:
        _reap(0)
        time.sleep(POLL_S)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    told = {"status": status, "peak": peak, "why": why, "left": sorted(left.values())}
    Path(report).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
