# SPDX-License-Identifier: GPL-2.0
"""Virtual machines that stand in for a lab, reached over ssh alone: a DUT and a peer.

Each runs Debian's own kernel from a disk of its own, has a NIC (e1000e) with a cable to the other,
and one more NIC that ssh comes by. Or there is one machine with a cable between two ports of its
own. They are made of nothing: the image through mmdebstrap, kept in the cache; keys anew each time.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kseries.bench import cpio
from kseries.lib import atomicfile, leases
from kseries.lib.locks import locked
from kseries.lib.paths import Cache, Project
from kseries.lib.progress import Silent
from kseries.machines import accel, qemu, rootfs

DATA = Path(__file__).parent / "data" / "standin"
PACKAGES = (
    "busybox-static",
    "irqbalance",
    "kexec-tools",
    "linux-image-amd64",
    "openssh-client",
    "openssh-server",
)
MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
"""That its first program needs to reach the disk."""
DEPMOD = ("modules.dep.bin", "modules.alias.bin", "modules.symbols.bin", "modules.builtin.bin")
MEMORY_MIB = 1024
BOOT_LIMIT_S = 180.0
# QEMU translates a page of a program anew for each address that a process has it at, and keeps all
# of that. Who then writes to the page, as kexec does, has QEMU look through it at each word: after
# some thousand processes a kernel took minutes to start, and whole processors stood still.
ONE_PLACE = ("norandmaps",)
# Where each processor has a thread, one may still run code that another has just patched: of some
# sixty boots of Debian's kernel, which patches a lot when it loads modules, one died of an int3.
ONE_THREAD = {accel.TCG: "tcg,thread=single"}
TARGET = """\
kind = "ssh"
title = "stand-in"
[dut]
host = "dut"
interface = "eth1"
pci = "0000:00:03.0"
driver = "e1000e"
addresses = ["192.0.2.1/24", "2001:db8::1/64"]
config = ["hardware"]
[peer]
host = "peer"
interface = "eth1"
addresses = ["192.0.2.2/24", "2001:db8::2/64"]
"""
"""The file of both as a target."""
NAMESPACE = "far"
ALONE = TARGET.replace(
    'host = "peer"\ninterface = "eth1"',
    f'''\
namespace = "{NAMESPACE}"
interface = "eth2"
pci = "0000:00:04.0"''',
)
"""The same of a machine that is alone, with its second port in a namespace."""
MACS = ("52:54:00:12:34:01", "52:54:00:12:34:02")  # of the ends of the cable


@dataclass(frozen=True)
class Boot:
    """What both machines boot: kernel, image, and what of the initrd is the same for all."""

    kernel: Path
    image: Path  # that all was made of
    disk: Path
    accelerator: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Standin:
    """A machine that runs. host: as its ssh config calls it."""

    host: str
    child: subprocess.Popen[bytes]
    console: Path
    initrd: Path
    monitor: Path  # of QEMU, a socket


@dataclass(frozen=True)
class Pair:
    """Two machines and the cable between them; or one, which is the peer, too.

    config: of ssh, which knows them by name.
    """

    dut: Standin
    peer: Standin
    config: Path
    known_hosts: Path

    def ssh(self, host: str, command: str) -> str:
        """Run a command in a machine as anybody would, and give what it prints."""
        done = subprocess.run(
            self._argv(host, command), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def feed(self, host: str, command: str, source: IO[bytes]) -> None:
        """Run a command in a machine that reads a file."""
        subprocess.run(self._argv(host, command), stdin=source, timeout=120, check=True)

    def _argv(self, host: str, command: str) -> list[str]:
        return ["ssh", "-F", str(self.config), "-o", "BatchMode=yes", host, command]


def prepared() -> Boot:
    """Give what the machines boot, made where it is not kept."""
    cache = Cache.find().rootfs
    settings = rootfs.read_settings(Project.find().configs / "targets" / "vm.toml")
    cache.mkdir(parents=True, exist_ok=True)
    image = rootfs.ensure(cache, settings, Silent(), cache / "standin.log", packages=PACKAGES)
    kept = cache / f"standin-disk-{image.stem}"
    with locked(kept, Silent()):
        if not kept.is_dir():
            for old in cache.glob("standin-*guest-*"):  # an image that is gone has none
                atomicfile.remove_tree(old)
            with tempfile.TemporaryDirectory(prefix="standin-") as name:
                _boot_files(image, Path(name), Path(name) / "made")
                _run("cp", "-r", "--sparse=always", f"{name}/made", str(kept))
    kernel = kept / "vmlinuz"
    accelerator = accel.choose(None, Cache.find().host / "kvm.json", qemu.version(), kernel).name
    files = {file.name: file.read_bytes() for file in sorted((kept / "initrd").iterdir())}
    return Boot(kernel, image, kept / "disk", accelerator, files)


def _boot_files(image: Path, work: Path, made: Path) -> None:
    """Take out of an image what boots it: `vmlinuz`, and in `initrd/` what an initrd holds.

    `disk` is the image with a journal, as a machine that is reset needs one.
    """
    (made / "initrd").mkdir(parents=True)
    _run("cp", "--sparse=always", str(image), str(made / "disk"))
    _run("/usr/sbin/tune2fs", "-O", "has_journal", str(made / "disk"))
    _debugfs(image, f"rdump /boot {work}")
    (kernel,) = (work / "boot").glob("vmlinuz-*")
    kernel.rename(made / "vmlinuz")
    release = kernel.name.removeprefix("vmlinuz-")
    modules = work / "base/usr/lib/modules"
    modules.mkdir(parents=True)
    _debugfs(image, f"rdump /usr/lib/modules/{release} {modules}")
    _debugfs(image, f"dump /usr/bin/busybox {made}/initrd/busybox")
    (work / "base/lib").symlink_to("usr/lib")
    # The packages' own scripts were not run.
    _run("depmod", "--basedir", str(work / "base"), release)
    for name in DEPMOD:
        shutil.copyfile(modules / release / name, made / "initrd" / f"depmod-{name}")
    for number, file in enumerate(_needed(modules / release)):
        data = subprocess.run(["xz", "-dc", file], capture_output=True, check=True).stdout
        (made / "initrd" / f"module-{number:02}-{file.stem}").write_bytes(data)


def _needed(folder: Path) -> list[Path]:
    """Give the files of MODULES and of what they need, in the order that they are loaded in."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        name, _, others = line.partition(":")
        needs[Path(name).name.partition(".")[0]] = [name, *others.split()]
    files: list[str] = []
    for name in MODULES:
        files += reversed(needs.get(name, []))  # none: it is built in
    return [folder / name for name in dict.fromkeys(files)]


@contextmanager
def pair(boot: Boot, folder: Path) -> Iterator[Pair]:
    """Start two machines; they are gone at the end."""
    with _machines(boot, folder, {"dut": [0], "peer": [1]}) as made:
        yield made


@contextmanager
def alone(boot: Boot, folder: Path) -> Iterator[Pair]:
    """Start a machine that has both ends of the cable; it is gone at the end."""
    with _machines(boot, folder, {"dut": [0, 1]}) as made:
        yield made


@contextmanager
def _machines(boot: Boot, folder: Path, ends: Mapping[str, Sequence[int]]) -> Iterator[Pair]:
    """Start machines. ends: of the cable, that each of them has."""
    config, known = folder / "ssh_config", folder / "known_hosts"
    _keygen(folder / "user")
    cable = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ExitStack() as stack:
        stack.enter_context(leases.use(boot.image))
        for end in cable:
            stack.enter_context(end)
        machines = []
        lines = []
        for name, numbers in ends.items():
            _keygen(folder / f"{name}_key")
            port = _free_port()
            nics = {MACS[number]: cable[number].fileno() for number in numbers}
            machines.append(stack.enter_context(_machine(boot, folder, name, port, nics)))
            lines += [f"Host {name}", "  HostName 127.0.0.1", f"  Port {port}", "  User root"]
            lines += [f"  IdentityFile {folder}/user", "  IdentitiesOnly yes"]
            lines += [f"  UserKnownHostsFile {known}", f"  HostKeyAlias {name}"]
            public = (folder / f"{name}_key.pub").read_text()
            with known.open("a") as file:
                file.write(f"{name} {public}")
        config.write_text("\n".join([*lines, ""]))
        for machine in machines:
            _wait(machine)
        yield Pair(machines[0], machines[-1], config, known)


@contextmanager
def _machine(
    boot: Boot, folder: Path, name: str, port: int, nics: Mapping[str, int]
) -> Iterator[Standin]:
    """Start a machine. nics: file descriptors of what they are connected with, by MAC address."""
    initrd, console = folder / f"{name}.initrd", folder / f"{name}.console"
    own = {
        "init": (DATA / "init").read_bytes(),
        "own-serve": (DATA / "serve").read_bytes(),
        "own-authorized_keys": (folder / "user.pub").read_bytes(),
        "own-host_key": (folder / f"{name}_key").read_bytes(),
    }
    initrd.write_bytes(cpio.archive({**boot.files, **own}))
    machine = qemu.Machine(
        accelerator=ONE_THREAD.get(boot.accelerator, boot.accelerator),
        cpus=2,
        memory_mib=MEMORY_MIB,
        kernel=boot.kernel,
        # Of its first program the initrd's own takes care; a kernel without one needs the words.
        arguments=(
            *("console=ttyS0", "root=/dev/vda", "rw", "init=/etc/serve"),
            *("quiet", "panic=-1", *qemu.TIMER_ARGUMENTS, *ONE_PLACE),
        ),
    )
    monitor = folder / f"{name}.monitor"
    argv = [
        # A reset boots the machine again, as everywhere.
        *(word for word in qemu.base_argv(machine) if word != "-no-reboot"),
        *("-initrd", str(initrd)),
        *("-monitor", f"unix:{monitor},server,nowait"),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
        *("-drive", f"file={boot.disk},if=none,id=root,format=raw,snapshot=on"),
        *("-device", "virtio-blk-pci,drive=root"),
        *("-netdev", f"user,id=ssh,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=ssh"),
        *_nics(nics),
        *("-device", "i6300esb", "-action", "watchdog=reset"),
    ]
    child = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *argv], pass_fds=tuple(nics.values())
    )
    try:
        yield Standin(name, child, console, initrd, monitor)
    finally:
        child.kill()
        child.wait()


def _nics(nics: Mapping[str, int]) -> Iterator[str]:
    """Give the words of QEMU; the name of the first is that of its end for the monitor."""
    for number, (mac, fd) in enumerate(nics.items()):
        name = f"cable{number or ''}"
        yield from ("-netdev", f"socket,id={name},fd={fd}")
        yield from ("-device", f"e1000e,netdev={name},mac={mac}")


def _wait(machine: Standin) -> None:
    """Wait until a machine lets somebody in."""
    end = time.monotonic() + BOOT_LIMIT_S
    while "stand-in: sshd runs" not in _console(machine):
        assert machine.child.poll() is None, _console(machine)
        assert time.monotonic() < end, _console(machine)
        time.sleep(0.2)


def _console(machine: Standin) -> str:
    return machine.console.read_text(errors="replace") if machine.console.exists() else ""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _keygen(file: Path) -> None:
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "stand-in", "-f", str(file))


def _debugfs(image: Path, request: str) -> None:
    _run("/usr/sbin/debugfs", "-R", request, str(image))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=300)
