# SPDX-License-Identifier: GPL-2.0
"""A started guest: QEMU, its console, its control channel, and how it ended."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kseries import proc
from kseries.deadline import Deadline
from kseries.targets import qemu
from kseries.targets.agent import Agent, Command, Garbled, Gone
from kseries.targets.base import BootFailed, KernelDied, TargetLost
from kseries.targets.consolelog import ConsoleLog

LAST_WORDS_S = 2.0
"""How long a dying kernel gets to print the rest, and QEMU to end."""

PING_S = 5.0

HANG_KEYS = "lw"
"""SysRq: what each processor does, which tasks are blocked."""

TAIL_BYTES = 2000


@dataclass(frozen=True)
class Logs:
    """Files that a machine's kernel log and QEMU's own messages are appended to."""

    console: Path
    qemu: Path


@dataclass(frozen=True)
class Guest:
    """A guest that was started."""

    logs: Logs
    child: proc.Child
    console: ConsoleLog
    agent: Agent

    def death(self, kind: type[KernelDied]) -> TargetLost:
        """Say how the machine ended; `kind` when it was its kernel."""
        self.console.raise_error()
        self.console.wait_ended(LAST_WORDS_S)
        self.console.raise_error()
        watcher = self.console.watcher
        if watcher.death is not None:
            return kind(watcher.death, where=f"{self.logs.console}:{watcher.death_line}")
        status = self._qemu_status()
        if status:
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            return TargetLost(
                f"QEMU ended with {how}.",
                where=f"{self.logs.qemu}\n{_tail(self.logs.qemu)}",
                do="`kseries doctor` checks the host; was QEMU killed for lack of memory?",
            )
        return kind(
            f"the machine reset without a word (a triple fault?); {self._last()}",
            where=f"{self.logs.console}:{watcher.count}",
        )

    def silence(self, deadline: Deadline) -> BootFailed:
        """Say that the guest did not come up in time."""
        self.console.raise_error()
        watcher = self.console.watcher
        return BootFailed(
            f"it did not come up within {deadline.limit_s:.0f} s;"
            f" {watcher.suspicion or self._last()}",
            where=f"{self.logs.console}:{watcher.count}",
        )

    def hang(self, command: Command) -> TargetLost:
        """Say what hangs: the whole machine, or only the program, in the kernel."""
        watcher = self.console.watcher
        where = f"{proc.command_text(command.argv)[:TAIL_BYTES]}\n{self.logs.console}"
        try:
            answers = self.agent.answers(Deadline.after(PING_S))
        except Gone:
            return self.death(KernelDied)
        except Garbled as error:
            return self.garbled(error, KernelDied)
        self.console.sysrq(HANG_KEYS)
        if watcher.suspicion:
            return KernelDied(watcher.suspicion, where=where)
        # A program that cannot be killed, a machine that is deaf while QEMU runs: what the kernel
        # under test does, not what the host does. Its tasks are on the console now.
        if answers:
            return KernelDied("a program cannot be killed, it hangs in the kernel", where=where)
        return KernelDied("it hangs: the machine does not answer any more", where=where)

    def garbled(self, error: Garbled, kind: type[KernelDied]) -> TargetLost:
        """Say that the guest's agent was tampered with, or that its memory is spoilt."""
        self.console.raise_error()
        return kind(
            f"the agent in the guest does not speak as ours does any more: {error};"
            " a test has tampered with it, or the kernel has spoilt its memory",
            where=f"{self.logs.console}:{self.console.watcher.count}",
        )

    def _qemu_status(self) -> int | None:
        """Give QEMU's exit status; it is about to end, as its console was closed."""
        deadline = Deadline.after(LAST_WORDS_S)
        while self.child.poll() is None and not deadline.expired:
            time.sleep(0.02)
        return self.child.poll()

    def _last(self) -> str:
        last = self.console.watcher.last
        return f"its last line: {last}" if last else "it printed nothing"


@contextmanager
def started(
    machine: qemu.Machine, image: Path, logs: Logs, lines: list[tuple[float, str]]
) -> Iterator[Guest]:
    """Start a machine that lives as long as the block. Its console goes to its log and `lines`."""
    with ExitStack() as stack:
        console_end, console_stream = _pair(stack)
        channel_end, channel = _pair(stack)
        log = stack.enter_context(logs.qemu.open("ab"))
        console = ConsoleLog(console_stream, logs.console, lines)
        stack.callback(console.close)
        argv = qemu.argv(machine, qemu.Channels(image, console_end.fileno(), channel_end.fileno()))
        log.write(f"$ {proc.command_text(argv)}\n".encode())
        log.flush()
        ends = (console_end.fileno(), channel_end.fileno())
        child = stack.enter_context(proc.start(argv, cwd=Path("/"), stdout=log, pass_fds=ends))
        # Only QEMU holds these now: they end when it ends.
        console_end.close()
        channel_end.close()
        yield Guest(logs, child, console, Agent(channel, console.wake))


def _pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    stack.callback(ours.close)
    stack.callback(theirs.close)
    return ours, theirs


def _tail(file: Path) -> str:
    return file.read_bytes()[-TAIL_BYTES:].decode(errors="replace").rstrip()
