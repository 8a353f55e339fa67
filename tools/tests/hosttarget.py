# SPDX-License-Identifier: GPL-2.0
"""A target that runs programs on this host and whose kernel is a script.

What a program writes to the kernel log ($KMSG) lands on the target's console. A panic that it
writes there is one, seen at the latest when the program says that it is dying; LOST, RESET and HUNG
are what happens to a machine without a word of its kernel. What it writes to $HIDDEN the kernel
says too, and the console does not show it; what it writes to $LATE comes at the next mark. $COUNTS
has the kernel's taint and how many warnings and Oopses it counts; where there is a file $DARK, the
console shows no marks. $WAITED has for how many seconds the host let it wait.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.machines.base import BootFailed, Exit, KernelDied, TargetLost, TimedLine, Witness
from kseries.model import Kernel
from kseries.parse.taint import Counts
from kseries.test.ready import PLACE


class HostTarget:
    """A target whose machine is a folder of this host."""

    def __init__(
        self, root: Path, console: Path, boots: Sequence[str], peer: HostTarget | None = None
    ) -> None:
        self.root = root
        self._peer = peer
        self.kmsg = console
        self.dies_at_boot = list(boots)
        self.boots = 0
        self.closed = self.aborted = False
        self._marked = 0
        self._lines: list[tuple[float, str]] = []

    def __enter__(self) -> HostTarget:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def peer(self) -> HostTarget | None:
        return self._peer

    @property
    def facts(self) -> Mapping[str, str]:
        return {"accelerator": "none"}

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        if self._peer is not None:
            self._peer.boot(kernel, deadline)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        self._collect()
        self._marked = len(self._lines)
        self._say(f"[    0.000000] Linux version {kernel.release}")
        reason = self.dies_at_boot[self.boots] if self.boots < len(self.dies_at_boot) else ""
        self.boots += 1
        if reason:
            self._say(f"[    1.000000] Kernel panic - not syncing: {reason}")
            raise BootFailed(reason, where="console.log")

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        on_line: TimedLine | None = None,
    ) -> Exit:
        words = [word.replace(PLACE, f"{self.root}{PLACE}") for word in argv]
        started = time.monotonic()

        def take(line: str) -> None:
            # The console is looked at where the program says so: in the same order always.
            if line == "# look":
                self._collect()
            if on_line is not None:
                on_line(time.monotonic(), line)
            if line == "dying":
                self._check()

        variables = {
            **(env or {}),
            "KMSG": str(self.kmsg),
            "STATE": str(self.root.parent / "state"),
            **{
                name.upper(): str(self.root / name) for name in ("hidden", "counts", "dark", "late")
            },
            "WAITED": str(self.root.parent / "waited"),
        }
        try:
            done = proc.run(
                ["sh", "-c", '"$@"', "sh", *words],
                cwd=Path(f"{self.root}{cwd}"),
                deadline=deadline,
                env=variables,
                on_line=take,
                check=False,
            )
        except proc.CommandTimeout:
            return Exit(None, time.monotonic() - started)
        self._check()
        return Exit(done.returncode, done.seconds)

    def mark(self, line: str, deadline: Deadline) -> Witness:
        late = self.root / "late"
        if late.exists():
            self._say(late.read_text().strip())
        self._check()
        said = [text for _, text in self._lines[self._marked :]]
        hidden, counts = self.root / "hidden", self.root / "counts"
        if hidden.exists():
            said += hidden.read_text().splitlines()
            hidden.unlink()
        dark = (self.root / "dark").exists()
        if not dark:
            self._say(f"[    1.000000] {line}")
        self._marked = len(self._lines)
        numbers = map(int, counts.read_text().split()) if counts.exists() else (0, 0, 0)
        missing = ("a mark did not come to the console",) if dark else ()
        return Witness(Counts(*numbers), tuple(said), missing)

    def note(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._say(line)

    def waited(self, since: float, until: float) -> float:
        file = self.root.parent / "waited"
        return float(file.read_text()) if file.exists() else 0.0

    def put(self, source: Path, destination: str, deadline: Deadline) -> None:
        # By a process of its own: a file that we have open for writing cannot be executed, and what
        # another thread forks meanwhile has it open, too, until it executes something itself.
        proc.run(
            ["cp", "-r", source, f"{self.root}{destination}"], cwd=self.root, deadline=deadline
        )

    def get(self, source: str, destination: Path, deadline: Deadline) -> None:
        raise NotImplementedError

    def console(self) -> tuple[tuple[float, str], ...]:
        self._collect()
        return tuple(self._lines)

    def abort(self) -> None:
        self.aborted = True
        with suppress(FileNotFoundError):
            (self.root / "abort").touch()

    def close(self) -> None:
        self.closed = True
        if self._peer is not None:
            self._peer.close()

    def _say(self, line: str) -> None:
        with self.kmsg.open("a") as file:
            file.write(f"{line}\n")
        self._collect()

    def _collect(self) -> None:
        text = self.kmsg.read_text() if self.kmsg.exists() else ""
        for line in text.splitlines()[len(self._lines) :]:
            self._lines.append((time.monotonic(), line))

    def _check(self) -> None:
        self._collect()
        last = [line for _, line in self._lines]
        at = max((i for i, line in enumerate(last) if "Linux version" in line), default=0)
        for line in last[at:]:
            if line.startswith("LOST"):
                raise TargetLost("The machine is gone.")
            if line.startswith(("RESET", "HUNG")):
                raise KernelDied(f"{line.lower()} it has", where="x", hung=line.startswith("HUNG"))
            if "Kernel panic" in line:
                raise KernelDied(line.partition("syncing: ")[2], where="console.log")
