# SPDX-License-Identifier: GPL-2.0
"""The command line of QEMU, and the console of the machine it runs."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kseries import proc, publish
from kseries.deadline import Deadline
from kseries.targets import console

PROGRAM = "qemu-system-x86_64"

CONSOLE_ARGUMENTS = ("console=ttyS0", "earlyprintk=serial,ttyS0,115200", "panic=-1")
"""earlyprintk shows a death before the console is set up; a panic resets, which ends QEMU."""
# At boot the kernel counts timer interrupts while it waits in a loop. A guest that the host lets
# wait meanwhile takes its timer for broken and panics ("IO-APIC + timer doesn't work!").
TIMER_ARGUMENTS = ("no_timer_check",)
# Most of the time that devices and namespaces take to go is spent waiting for grace periods.
RCU_ARGUMENTS = ("rcupdate.rcu_expedited=1",)

READ_SIZE = 1 << 16


@dataclass(frozen=True)
class Machine:
    """A virtual machine to start."""

    accelerator: str  # "kvm" or "tcg"
    cpus: int
    memory_mib: int
    kernel: Path
    arguments: tuple[str, ...]  # of the kernel's command line


@dataclass(frozen=True)
class Channels:
    """File descriptors of QEMU's ends, and the root file system."""

    image: Path
    console: int
    agent: int


def version() -> str:
    """Give QEMU's version line."""
    done = proc.run([PROGRAM, "--version"], cwd=Path("/"), deadline=Deadline.after(30.0))
    return done.output.partition("\n")[0]


def base_argv(machine: Machine) -> list[str]:
    """Plan the machine itself, without devices.

    q35, as the kernel with KASAN loses a minute in the ACPI tables of `pc`. -no-reboot: a reset
    or triple fault ends QEMU.
    """
    cpu = "host" if machine.accelerator == "kvm" else "max"
    return [
        *(PROGRAM, "-machine", "q35", "-accel", machine.accelerator, "-cpu", cpu),
        *("-smp", str(machine.cpus), "-m", f"{machine.memory_mib}M"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-kernel", str(machine.kernel), "-append", " ".join(machine.arguments)),
    ]


def argv(machine: Machine, channels: Channels) -> list[str]:
    """Plan the machine with console, control channel and a disk whose changes are dropped."""
    # QEMU doubles a comma to mean one.
    image = str(channels.image).replace(",", ",,")
    return [
        *base_argv(machine),
        # mux: the only way to send a break, which asks for SysRq, through a socket.
        *("-chardev", f"socket,id=console,fd={channels.console},mux=on"),
        *("-serial", "chardev:console"),
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=agent,fd={channels.agent}"),
        *("-device", "virtserialport,chardev=agent,nr=1,name=kseries.agent"),
        *("-drive", f"file={image},if=none,id=root,format=raw,snapshot=on"),
        *("-device", "virtio-blk-pci,drive=root"),
    ]


class ConsoleLog:
    """Reads a console as it comes, in a thread of its own: times its lines, keeps it in a file.

    A thread, as arrival times must be right and the guest must not be held up while the main
    thread does other things. It starts no programs.
    """

    def __init__(self, stream: socket.socket, file: Path, lines: list[tuple[float, str]]) -> None:
        """Start to read `stream`; append to `file` and `lines`."""
        self.watcher = console.Watcher(count=len(lines))
        self.wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._stream = stream
        self._file = file
        self._lines = lines
        self._ended = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._read, name="console", daemon=True)
        self._thread.start()

    def raise_error(self) -> None:
        """Raise InfraError when the file could not be written."""
        if self._error is not None:
            with publish.disk_errors(self._file):
                raise self._error

    def wait_ended(self, seconds: float) -> bool:
        """Wait until the machine has closed its console; tell whether it has."""
        return self._ended.wait(seconds)

    def sysrq(self, keys: str) -> None:
        """Type magic SysRq keys on the console; a kernel that hangs too deep does not see them."""
        for key in keys:
            with suppress(OSError):
                self._stream.send(b"\x01b" + key.encode())
            # The kernel takes one key for each break.
            self.wait_ended(0.3)

    def close(self) -> None:
        """Stop reading."""
        # Wakes the thread from recv when QEMU did not.
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._stream.close()
        os.close(self.wake)

    def _read(self) -> None:
        cutter = console.Lines()
        try:
            with self._file.open("ab", buffering=0) as sink:
                while data := self._receive():
                    sink.write(data)
                    self._take(cutter.feed(data))
                rest = cutter.flush()
                if rest:
                    # Keeps line numbers of the file and of `lines` the same over boots.
                    sink.write(b"\n")
                self._take(rest)
        except OSError as error:
            self._error = error
            os.eventfd_write(self.wake, 1)
            # Nobody listens any more: the guest must not wait for us.
            while self._receive():
                pass
        finally:
            self._ended.set()
            os.eventfd_write(self.wake, 1)

    def _receive(self) -> bytes:
        try:
            return self._stream.recv(READ_SIZE)
        except ConnectionError:
            return b""

    def _take(self, lines: list[str]) -> None:
        now = time.monotonic()
        for line in lines:
            self._lines.append((now, line))
            self.watcher.take(line)
            if self.watcher.death is not None:
                os.eventfd_write(self.wake, 1)
