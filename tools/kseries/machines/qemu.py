# SPDX-License-Identifier: GPL-2.0
"""The command line of QEMU, and the console of the machine it runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline

PROGRAM = "qemu-system-x86_64"

CONSOLE_ARGUMENTS = ("console=ttyS0", "earlyprintk=serial,ttyS0,115200", "panic=-1")
"""earlyprintk shows a death before the console is set up; a panic resets, which ends QEMU."""
# At boot the kernel counts timer interrupts while it waits in a loop. A guest that the host lets
# wait meanwhile takes its timer for broken and panics ("IO-APIC + timer doesn't work!").
TIMER_ARGUMENTS = ("no_timer_check",)
# Most of the time that devices and namespaces take to go is spent waiting for grace periods.
RCU_ARGUMENTS = ("rcupdate.rcu_expedited=1",)
# A test may lower the console's level: all is printed nevertheless. It may switch /dev/kmsg off for
# programs, where our marks go: given here, that cannot be changed. The log has room for a flood.
LOG_ARGUMENTS = ("ignore_loglevel", "printk.devkmsg=on", "log_buf_len=4M")


# What QEMU itself may ask of the host's kernel; guests need none of it.
SANDBOX = (
    "-sandbox",
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
)
IMAGE = "/dev/fdset/1"
"""The root file system: QEMU's name for a file that it was given open."""


@dataclass(frozen=True)
class Machine:
    """A virtual machine to start."""

    accelerator: str  # "kvm" or "tcg"
    cpus: int
    memory_mib: int
    kernel: Path
    arguments: tuple[str, ...]  # of the kernel's command line
    cpu: str = ""  # model and features; "": all that there is
    mac: str = ""  # of the network card, where there is a cable


@dataclass(frozen=True)
class Channels:
    """File descriptors of the root file system and of QEMU's ends."""

    image: int
    console: int
    agent: int
    terminal: int | None = None  # for somebody who types
    cable: int | None = None  # to another machine

    @property
    def fds(self) -> list[int]:
        """All that there are."""
        more = (self.terminal, self.cable)
        return [self.image, self.console, self.agent, *(fd for fd in more if fd is not None)]


def version() -> str:
    """Give QEMU's version line."""
    done = proc.run([PROGRAM, "--version"], cwd=Path("/"), deadline=Deadline.after(30.0))
    return done.output.partition("\n")[0]


@cache
def sandbox_words() -> tuple[str, ...]:
    """Give the options of QEMU's own filter of system calls; () where it was built without."""
    words = [PROGRAM, *SANDBOX, "-machine", "help"]
    done = proc.run(words, cwd=Path("/"), deadline=Deadline.after(30.0), check=False)
    return SANDBOX if done.ok else ()


def base_argv(machine: Machine) -> list[str]:
    """Plan the machine itself, without devices.

    q35, as the kernel with KASAN loses a minute in the ACPI tables of `pc`. -no-reboot: a reset
    or triple fault ends QEMU.
    """
    cpu = machine.cpu or ("host" if machine.accelerator == "kvm" else "max")
    return [
        *(PROGRAM, "-machine", "q35", "-accel", machine.accelerator, "-cpu", cpu),
        *("-smp", str(machine.cpus), "-m", f"{machine.memory_mib}M"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *(*sandbox_words(), "-name", "kseries,debug-threads=on"),
        *("-kernel", str(machine.kernel), "-append", " ".join(machine.arguments)),
    ]


def argv(machine: Machine, channels: Channels) -> list[str]:
    """Plan the machine with console, channels and a disk whose changes are dropped."""
    more: list[str] = []
    if channels.terminal is not None:
        more += ["-chardev", f"socket,id=terminal,fd={channels.terminal}"]
        more += ["-device", "virtserialport,chardev=terminal,nr=2,name=kseries.terminal"]
    if channels.cable is not None:
        more += ["-netdev", f"socket,id=cable,fd={channels.cable}"]
        more += ["-device", f"virtio-net-pci,netdev=cable,mac={machine.mac}"]
    return [
        *base_argv(machine),
        # mux: the only way to send a break, which asks for SysRq, through a socket.
        *("-chardev", f"socket,id=console,fd={channels.console},mux=on"),
        *("-serial", "chardev:console"),
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=agent,fd={channels.agent}"),
        *("-device", "virtserialport,chardev=agent,nr=1,name=kseries.agent"),
        *more,
        *("-add-fd", f"fd={channels.image},set=1"),
        *("-drive", f"file={IMAGE},if=none,id=root,format=raw,snapshot=on"),
        *("-device", "virtio-blk-pci,drive=root"),
    ]
