# SPDX-License-Identifier: GPL-2.0
"""Find out whether KVM really works here, once for each host.

The device proves nothing: where it is passed into a virtual machine, it can be opened, a machine
can be made, and then the guest spins for ever at its first timer interrupt; and QEMU does not
fall back by itself. So the kernel at hand is booted without a disk: it must come as far as the
panic for the lack of one, which needs timers, interrupts and both processors.
"""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.machines import confine, qemu
from kseries.machines.console import PANIC

KVM, TCG = "kvm", "tcg"
DEVICE = Path("/dev/kvm")
PROBE_S = 5.0
"""Emulation takes 2 s for it, a processor much less."""


@dataclass(frozen=True)
class Accelerator:
    """What guests run with, and what to tell about it ("" when there is nothing to)."""

    name: str
    note: str = ""
    probed: bool = False  # found out just now: worth to be remembered


@dataclass(frozen=True)
class Answer:
    """What is remembered of a probe. key: of the host that it was made on."""

    key: str
    works: bool
    why: str


ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def choose(wanted: str | None, memory: Path, qemu_version: str, kernel: Path) -> Accelerator:
    """Choose KVM when it works, else emulation; `wanted` overrides.

    memory: file of the remembered answer. kernel: an image to probe with.
    """
    if wanted is not None:
        return Accelerator(wanted)
    lack = device_lack(DEVICE)
    if lack:
        return _emulation(lack)
    remembered = recall(memory, host_key(qemu_version))
    if remembered is not None:
        return Accelerator(KVM) if remembered.works else _emulation(remembered.why)
    why = probe(kernel)
    return replace(_emulation(why) if why else Accelerator(KVM), probed=True)


def device_lack(device: Path) -> str:
    """Say why the device cannot be used; "" when it can be opened."""
    if not device.exists():
        return f"there is no {device}"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"this user may not open {device} (its group is usually kvm)"
    return ""


def probe(kernel: Path) -> str:
    """Boot the kernel under KVM without a disk; say why KVM does not work, "" when it does."""
    arguments = (*qemu.CONSOLE_ARGUMENTS, "loglevel=4")
    machine = qemu.Machine(KVM, cpus=2, memory_mib=512, kernel=kernel, arguments=arguments)
    memory = machine.memory_mib << 20
    try:
        with confine.confined(kernel, memory=memory, disk=0, kvm=True) as place:
            words = qemu.base_argv(replace(machine, kernel=place.kernel))
            words += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
            deadline = Deadline.after(PROBE_S)
            done = proc.run(place.argv(words), cwd=Path("/"), deadline=deadline, check=False)
    except proc.CommandTimeout:
        return f"{DEVICE} is there, but a kernel does not come up with it in {PROBE_S:.0f} s"
    if PANIC.search(done.output):
        return ""
    code = confine.returncode(done.returncode)
    last = done.output.strip().rpartition("\n")[2] or "it printed nothing"
    return f"{DEVICE} is there, but QEMU ended with {proc.status_of(code)}: {last}"


def remember(memory: Path, qemu_version: str, accelerator: Accelerator) -> None:
    """Keep the answer for this host.

    To be called once a kernel has booted with it: a kernel that hangs by itself looks like a
    KVM that does not work.
    """
    works = accelerator.name == KVM
    answer = Answer(host_key(qemu_version), works, "" if works else _why(accelerator))
    atomicfile.write_bytes(memory, ANSWER.dump_json(answer, indent=2) + b"\n")


def recall(memory: Path, key: str) -> Answer | None:
    """Give what is remembered for the host with this key, None when nothing is."""
    try:
        answer = ANSWER.validate_json(memory.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return answer if answer.key == key else None


def host_key(qemu_version: str) -> str:
    """Name all that can change the answer: this boot of the host, its kernel, processor, QEMU.

    The processor stands beside the boot, as a machine can be moved or restored from a snapshot
    onto another host without booting.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    cpu = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    kept = [line for line in cpu if line.startswith(("model name", "microcode", "flags"))]
    text = "\n".join([boot, platform.release(), qemu_version, *kept])
    return hashlib.sha256(text.encode()).hexdigest()


_PREFIX = "guests are emulated, which is slower: "


def _emulation(why: str) -> Accelerator:
    return Accelerator(TCG, note=_PREFIX + why)


def _why(accelerator: Accelerator) -> str:
    return accelerator.note.removeprefix(_PREFIX)
