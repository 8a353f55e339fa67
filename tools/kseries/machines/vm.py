# SPDX-License-Identifier: GPL-2.0
"""A virtual machine as a target: QEMU with a small root file system of our own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from kseries.lib import atomicfile, leases, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Progress, Silent
from kseries.lib.runfolder import RunFolder
from kseries.machines import (
    accel,
    asking,
    capacity,
    confine,
    consolelog,
    copying,
    qemu,
    rootfs,
    running,
)
from kseries.machines.agent import Agent, Garbled, Gone
from kseries.machines.base import BootFailed, Exit, TargetLost, TimedLine, Witness
from kseries.machines.command import Command
from kseries.machines.guest_process import PING_S, Guest, Logs, started
from kseries.machines.needs import Needs
from kseries.machines.starvation import Meter
from kseries.model import Kernel

ARGUMENTS = ("root=/dev/vda", "rw", f"init={rootfs.AGENT_PLACE}", "net.ifnames=0")

KILL_GRACE_S = 30.0
POWER_OFF_S = 10.0

T = TypeVar("T")

# Of the network card, where there is a cable.
MAC, PEER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"

USUAL = Needs()
MARK = Command(("mark",))  # for messages


class VirtualMachine:
    """One virtual machine (a `Target`); it can be booted again after it was lost."""

    def __init__(
        self,
        project: Project,
        cache: Cache,
        run: RunFolder,
        progress: Progress,
        *,
        number: int = 1,
        accelerator: str | None = None,
        arguments: Sequence[str] = (),
        needs: Needs = USUAL,
        terminal: bool = False,
        is_peer: bool = False,
    ) -> None:
        """Describe the machine; nothing is made or started before it is entered.

        number: of those that work for this run, names its logs; what they hold stays.
        accelerator: "kvm" or "tcg"; None: KVM when it works. arguments: more words for the
        kernel's command line; they win. needs: of the tests that it is going to run.
        terminal: whether it has a port for somebody who types. is_peer: of another machine,
        which boots it.
        """
        self._cache = cache
        self._peer: VirtualMachine | None = None
        if needs.machines > 1:
            alone = replace(needs, machines=1)
            self._peer = VirtualMachine(
                project,
                cache,
                run,
                Silent(),  # what there is to tell is told of the first one
                number=number,
                accelerator=accelerator,
                arguments=arguments,
                needs=alone,
                is_peer=True,
            )
        self._mac = PEER_MAC if is_peer else MAC
        self._logs = Logs(
            run.peer_console(number) if is_peer else run.console(number),
            run.log("qemu-peer" if is_peer else "qemu", number),
        )
        self._rootfs_log = run.log("guest")
        self._progress = progress
        self._wanted = accelerator
        self._arguments = tuple(arguments)
        self._has_terminal = terminal
        self._settings = _settings(project, needs)
        self._packages = needs.packages
        self._facts: dict[str, str] = {}
        self._meter = Meter()
        self._lines = consolelog.earlier(self._logs.console)
        self._image: Path | None = None
        self._lease: leases.Lease | None = None  # nobody removes the image meanwhile
        self._stack = ExitStack()
        self._guest: Guest | None = None
        self._child: proc.Child | None = None
        self._aborted = False
        self._abort_lock = threading.Lock()

    @staticmethod
    def capacity(project: Project, needs: Needs = USUAL) -> int:
        """Give how many such machines can work side by side on this host."""
        return capacity.machines(needs.machines * _settings(project, needs).memory_mib)

    def __enter__(self) -> VirtualMachine:
        """Make the root file system when it is not there."""
        self.prepare()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Power off; at an error without asking."""
        if kind is None:
            self.close()
        else:
            self._let_go()

    @property
    def peer(self) -> VirtualMachine | None:
        """The machine at the other end of its cable, where there is one."""
        return self._peer

    @property
    def facts(self) -> Mapping[str, str]:
        """`qemu`, `guest`; once booted `accelerator` and `note` ("" when nothing to tell)."""
        return self._facts

    def prepare(self) -> None:
        """Make what takes long the first time, so that no deadline runs meanwhile."""
        self._facts["qemu"] = qemu.version()
        self._image = rootfs.ensure(
            self._cache.rootfs,
            self._settings,
            self._progress,
            self._rootfs_log,
            packages=self._packages,
        )
        if self._lease is None:
            self._lease = leases.use(self._image)
        self._facts["guest"] = self._image.stem
        if why := confine.why_open():
            self._progress.note(f"QEMU sees the files of this host that anybody may read: {why}")
        if self._peer is not None:
            self._peer.prepare()

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        """Start the kernel and wait until programs can be run. Raises BootFailed.

        Finding out about KVM, once for each host, does not count against the deadline.
        """
        if self._image is None:
            self.prepare()
        self._let_go()
        if self._peer is None:
            self._boot(kernel, deadline)
            return
        near, far = socket.socketpair()
        with near, far:
            self._peer._boot(kernel, deadline, far)
            self._boot(kernel, deadline, near)

    def _boot(self, kernel: Kernel, deadline: Deadline, cable: socket.socket | None = None) -> None:
        assert self._image is not None
        granted_s = deadline.remaining()
        choice = self._accelerator(kernel.image)
        deadline = Deadline.after(granted_s)
        machine = self._machine(kernel.image, choice.name)
        guest = self._start(machine, self._image, cable)
        try:
            up = guest.agent.wait_hello(deadline)
        except Gone:
            raise self._lost(guest.death(BootFailed)) from None
        except Garbled as error:
            raise self._lost(guest.garbled(error, BootFailed)) from error
        if not up:
            raise self._lost(guest.silence(deadline))
        self._guest = guest
        if choice.probed:
            accel.remember(self._memory, self._facts["qemu"], choice)

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        on_line: TimedLine | None = None,
    ) -> Exit:
        """Run a program to its end or to the deadline (then all processes are killed).

        A program that a signal ended has the status 128 + its number, as in a shell.
        Raises KernelDied as soon as the console shows it, TargetLost when nothing answers.
        """
        command = Command(tuple(argv), cwd, env or {})
        return running.run(self._execute, command, deadline, on_line)

    def put(self, source: Path, destination: str, deadline: Deadline) -> None:
        """Copy a file or folder of the host to the target, as `destination`.

        A folder is merged into one that is there. Owner is root, modes and links are kept.
        """
        copying.put(self._execute, source, destination, deadline)

    def get(self, source: str, destination: Path, deadline: Deadline) -> None:
        """Copy a file or folder of the target to the host, as `destination`, replacing it.

        Devices and links that lead out of `source` are left out. Files of debugfs and the like
        that say they are empty come out empty: copy them on the target first.
        """
        left_out = copying.get(self._execute, source, destination, deadline)
        if left_out:
            self._progress.note(f"not copied from the guest: {', '.join(left_out[:10])}")

    @property
    def terminal(self) -> socket.socket:
        """Our end of the port for somebody who types, of a booted machine that has one."""
        terminal = self._running().terminal
        assert terminal is not None, "made without a terminal"
        return terminal

    def mark(self, line: str, deadline: Deadline) -> Witness:
        """Write a line into the kernel log; give what the kernel said of itself up to it.

        Raises KernelDied, TargetLost.
        """
        guest = self._running()
        guest.console.expect(line)
        report = self._asked(MARK, lambda agent: agent.mark(line, deadline))
        if report is None:
            raise self._lost(guest.hang(MARK))
        return guest.witness(report)

    def note(self, lines: Sequence[str]) -> None:
        """Put lines of ours behind the kernel log."""
        if self._guest is not None:
            self._guest.console.note(lines)
            return
        with atomicfile.disk_errors(self._logs.console), self._logs.console.open("ab") as sink:
            sink.write("".join(f"{line}\n" for line in lines).encode(errors="replace"))
        now = time.monotonic()
        self._lines.extend((now, line) for line in lines)

    def console(self) -> tuple[tuple[float, str], ...]:
        """Give the kernel log of all boots so far: (arrival on the monotonic clock, line)."""
        return tuple(self._lines)

    def waited(self, since: float, until: float) -> float:
        """Give for how many seconds of that time (monotonic clock) the host let it wait."""
        return self._meter.waited(since, until)

    def abort(self) -> None:
        """End the machine at once and for good; whoever waits for it is told that it is lost.

        May be called from any thread.
        """
        with self._abort_lock:
            self._aborted = True
            if self._child is not None:
                proc.kill(self._child)
        if self._peer is not None:
            self._peer.abort()

    def close(self) -> None:
        """Power off and let go. Safe to repeat."""
        if self._peer is not None:
            self._peer.close()
        if self._guest is not None:
            with suppress(Gone, Garbled):
                self._guest.agent.power_off(Deadline.after(PING_S))
                self._guest.console.wait_ended(POWER_OFF_S)
        self._let_go()
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    # ---- inside

    @property
    def _memory(self) -> Path:
        return self._cache.host / "kvm.json"

    def _accelerator(self, image: Path) -> accel.Accelerator:
        self._progress.update("choosing between KVM and emulation")
        choice = accel.choose(self._wanted, self._memory, self._facts["qemu"], image)
        if choice.note and self._facts.get("note") != choice.note:
            self._progress.note(choice.note)
        self._facts["accelerator"], self._facts["note"] = choice.name, choice.note
        return choice

    def _machine(self, image: Path, accelerator: str) -> qemu.Machine:
        return qemu.Machine(
            accelerator=accelerator,
            cpus=self._settings.cpus,
            memory_mib=self._settings.memory_mib,
            kernel=image,
            mac=self._mac,
            arguments=(
                *qemu.CONSOLE_ARGUMENTS,
                *qemu.TIMER_ARGUMENTS,
                *qemu.RCU_ARGUMENTS,
                *qemu.LOG_ARGUMENTS,
                *ARGUMENTS,
                *self._arguments,
            ),
        )

    def _start(self, machine: qemu.Machine, image: Path, cable: socket.socket | None) -> Guest:
        with self._abort_lock:
            if self._aborted:
                raise TargetLost("The virtual machine was ended.", where=str(self._logs.console))
            guest = self._stack.enter_context(
                started(
                    machine,
                    image,
                    self._logs,
                    self._lines,
                    self._meter,
                    terminal=self._has_terminal,
                    cable=cable,
                )
            )
            self._child = guest.child
        return guest

    def _execute(
        self, command: Command, deadline: Deadline, sink: Callable[[bytes], None]
    ) -> int | None:
        """Run a command; at the deadline kill it and give None. Raises KernelDied, TargetLost."""

        def execute(agent: Agent) -> int | None:
            status = agent.execute(command, deadline, sink)
            if status is None:
                agent.kill(Deadline.after(KILL_GRACE_S))
            return status

        return self._asked(command, execute)

    def _asked(self, command: Command, ask: Callable[[Agent], T]) -> T:
        """Ask the agent something; its errors become those of a target."""
        return asking.asked(self._running(), command, ask, self._lost)

    def _running(self) -> Guest:
        if self._guest is None:
            raise TargetLost(
                "The virtual machine does not run.", where=str(self._logs.console), do="boot it"
            )
        return self._guest

    def _lost(self, error: InfraError) -> InfraError:
        """Let go of a machine that is no use any more."""
        self._let_go()
        return error

    def _let_go(self) -> None:
        with self._abort_lock:
            self._guest = self._child = None
        self._stack.close()
        if self._peer is not None:
            self._peer._let_go()


def _settings(project: Project, needs: Needs) -> rootfs.VmSettings:
    told = rootfs.read_settings(project.configs / "targets" / "vm.toml")
    return replace(told, memory_mib=max(told.memory_mib, needs.memory_mib))
