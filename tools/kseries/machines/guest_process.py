# SPDX-License-Identifier: GPL-2.0
"""A started guest: QEMU, its console, its control channel, and how it ended."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines import accel, asking, confine, qemu, qemulog
from kseries.machines.agent import Agent, Garbled, Report
from kseries.machines.base import BootFailed, KernelDied, TargetLost, Witness
from kseries.machines.command import Command
from kseries.machines.consolelog import ConsoleLog
from kseries.machines.starvation import Meter

LAST_WORDS_S = 2.0
"""How long a dying kernel gets to print the rest, and QEMU to end."""

PING_S = 5.0

MARK_S, MARK_QUIET_S = 60.0, 15.0
"""How long a mark may take to the console, behind what the kernel has still to print there; and how
long nothing may come there meanwhile. The agent has said by then that it wrote the mark."""

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
    terminal: socket.socket | None = None

    @property
    def qemu_pid(self) -> int | None:
        """The process of QEMU itself, which what confines it has started; None when it is gone."""
        return proc.descendant(self.child.pid, qemu.PROGRAM)

    def death(self, kind: type[KernelDied] = KernelDied) -> TargetLost:
        """Say how the machine ended; `kind` when it was its kernel."""
        self.agent.drain()
        self.console.raise_error()
        self.console.wait_ended(LAST_WORDS_S)
        self.console.raise_error()
        watcher = self.console.watcher
        if watcher.death is not None:
            return kind(watcher.death, where=f"{self.logs.console}:{watcher.death_line}")
        status = self._qemu_status()
        if status:
            status = confine.returncode(status)
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
            hung=True,
        )

    def hang(self, command: Command) -> InfraError:
        """Say what hangs: the whole machine, or only the program, in the kernel."""
        watcher = self.console.watcher
        where = f"{proc.command_text(command.argv)[:TAIL_BYTES]}\n{self.logs.console}"
        answers = asking.answers(self, PING_S)
        if isinstance(answers, InfraError):
            return answers
        self.console.sysrq(HANG_KEYS)
        if watcher.suspicion:
            return KernelDied(watcher.suspicion, where=where, hung=True)
        # A program that cannot be killed, a machine that is deaf while QEMU runs: what the kernel
        # under test does, not what the host does. Its tasks are on the console now.
        what = asking.STUCK if answers else "it hangs: the machine does not answer any more"
        return KernelDied(what, where=where, hung=True)

    def witness(self, report: Report) -> Witness:
        """Give what was seen of the kernel up to a mark: by the agent, and on the console.

        The console's log was told to expect the mark.
        """
        missing = []
        if not self.console.wait_expected(MARK_S, MARK_QUIET_S):
            self.console.raise_error()
            missing.append("a mark did not come to the console: something was kept from it")
        missing += report.log.missing
        if lines := self.console.end_part():
            missing.append(f"{lines} lines of the console were too many to keep")
        return Witness(report.counts, tuple(report.log.said), tuple(missing))

    def garbled(self, error: Garbled, kind: type[KernelDied] = KernelDied) -> TargetLost:
        """Say that the guest's agent was tampered with, or that its memory is spoilt."""
        self.console.raise_error()
        return kind(
            f"the agent in the guest does not speak as ours does any more: {error};"
            f" {asking.TAMPERED}",
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
    machine: qemu.Machine,
    image: Path,
    logs: Logs,
    lines: list[tuple[float, str]],
    meter: Meter,
    *,
    terminal: bool = False,
    cable: socket.socket | None = None,
) -> Iterator[Guest]:
    """Start a machine that lives as long as the block. Its console goes to its log and `lines`.

    meter: measures how long the host lets it wait. terminal: whether it has a port for one.
    cable: its end of a socket whose other end is another machine's; remains the caller's.
    """
    with ExitStack() as stack:
        disk = stack.enter_context(image.open("rb"))
        place = stack.enter_context(
            confine.confined(
                machine.kernel,
                memory=machine.memory_mib << 20,
                disk=image.stat().st_size,
                kvm=machine.accelerator == accel.KVM,
            )
        )
        console_end, console_stream = _pair(stack)
        channel_end, channel = _pair(stack)
        console = ConsoleLog(console_stream, logs.console, lines)
        stack.callback(console.close)
        channels = qemu.Channels(disk.fileno(), console_end.fileno(), channel_end.fileno())
        given = [console_end, channel_end]
        typed: socket.socket | None = None
        if terminal:
            typed_end, typed = _pair(stack)
            given.append(typed_end)
            channels = replace(channels, terminal=typed_end.fileno())
        if cable is not None:
            channels = replace(channels, cable=cable.fileno())
        machine = replace(machine, kernel=place.kernel)
        argv = place.argv(qemu.argv(machine, channels))
        log = stack.enter_context(qemulog.appended(logs.qemu, f"$ {proc.command_text(argv)}"))
        child = stack.enter_context(
            proc.start(argv, cwd=Path("/"), stdout=log, pass_fds=channels.fds)
        )
        # Only QEMU holds these now: they end when it ends.
        log.close()
        for end in given:
            end.close()
        stack.enter_context(meter.measuring(child.pid, qemu.PROGRAM))
        yield Guest(logs, child, console, Agent(channel, console.wake), typed)


def _pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    stack.callback(ours.close)
    stack.callback(theirs.close)
    return ours, theirs


def _tail(file: Path) -> str:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return log.read(TAIL_BYTES).decode(errors="replace").rstrip()
