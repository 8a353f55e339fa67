# SPDX-License-Identifier: GPL-2.0
"""Where QEMU runs: as a user without rights, with nothing of the host's but its own images.

The kernel in the guest was built from a series that nobody vouches for, and QEMU has faults that
a guest can use. So it sees /usr, a folder of its own and, where it is used, /dev/kvm; no network,
no home, no other process. It may start none, and its memory and files are bound. Root becomes
"nobody" for it. What else it needs it is handed as open files: console, control channel, root
file system. Where bubblewrap does not work, users, limits and QEMU's own filter are left.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kseries.kbuild.sandbox import ETC_FILES, NOBODY, OOM_SCORE, PROCESSES, SYSTEM_PATH, Host
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.untrusted import Untrusted

KVM = Path("/dev/kvm")
# Where QEMU keeps what a guest writes to its disk: not in memory, where that can be had.
_LASTING = "/var/tmp"  # noqa: S108
PLACES = Path(_LASTING if os.access(_LASTING, os.W_OK) else tempfile.gettempdir())
PREFIX = "kseries-vm-"
INSIDE = Path("/vm")
KERNEL, SPACE, DEVICE = "kernel", "tmp", "kvm"

# Beside the guest's memory: QEMU itself, its translated code (1 GiB), the stacks of its threads.
OWN_MEMORY = 4 << 30
OWN_FILES = 1 << 30
PROBE_S = 20.0


@dataclass(frozen=True)
class Confinement:
    """A place for one QEMU. groups: what it needs to open KVM. why_open: "" with bubblewrap."""

    folder: Path
    uid: int  # of who starts it
    memory: int  # bytes, of the guest
    disk: int  # bytes, of its root file system
    device: Path | None
    group: int | None
    why_open: str

    @property
    def kernel(self) -> Path:
        """Where QEMU finds the kernel."""
        return self._inside / KERNEL

    def argv(self, command: Sequence[str]) -> list[str]:
        """Plan the command line that runs QEMU there."""
        space = f"TMPDIR={self._inside / SPACE}"
        words = [
            *self._drop(),
            *self._limits(),
            "env",
            "-i",
            f"PATH={SYSTEM_PATH}",
            space,
            *command,
        ]
        return words if self.why_open else [*self._namespaces(), *words]

    @property
    def _inside(self) -> Path:
        return self.folder if self.why_open else INSIDE

    def _namespaces(self) -> list[str]:
        words = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        words += ["--unshare-cgroup-try", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"]
        if self.uid == 0:
            for capability in ("SETUID", "SETGID", "SETPCAP"):
                words += ["--cap-add", f"CAP_{capability}"]
        else:
            words += ["--unshare-user", "--disable-userns"]
        words += ["--ro-bind", "/usr", "/usr"]
        host = Host.probe()
        for target, path in host.links:
            words += ["--symlink", target, path]
        for path in host.folders:
            words += ["--ro-bind", path, path]
        words += ["--perms", "0755", "--dir", "/etc"]
        for name in ETC_FILES:
            words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        words += ["--proc", "/proc", "--dev", "/dev"]
        if self.device is not None:
            words += ["--dev-bind", str(self.device), str(KVM)]
        words += ["--remount-ro", "/dev", "--ro-bind", str(self.folder), str(INSIDE)]
        words += ["--bind", str(self.folder / SPACE), str(INSIDE / SPACE)]
        return [*words, "--remount-ro", "/", "--chdir", "/", "--setenv", "PATH", SYSTEM_PATH, "--"]

    def _drop(self) -> list[str]:
        if self.uid != 0:
            return ["setpriv", "--no-new-privs", "--"]
        groups = "--clear-groups" if self.group is None else f"--groups={self.group}"
        words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", groups, "--no-new-privs"]
        return [*words, "--inh-caps=-all", "--bounding-set=-all", "--"]

    def _limits(self) -> list[str]:
        # Root's "nobody" is shared with builds. QEMU may start no process, and has few threads.
        words = ["prlimit", f"--as={self.memory + OWN_MEMORY}", f"--fsize={self.disk + OWN_FILES}"]
        words += [f"--nproc={PROCESSES}", "--core=0", "--"]
        return [*words, "choom", "-n", str(OOM_SCORE), "--"]


@contextmanager
def confined(kernel: Path, *, memory: int, disk: int, kvm: bool) -> Iterator[Confinement]:
    """Make a place for one QEMU that lasts as long as the block.

    kernel: the image to boot, which a series built. memory, disk: of the guest, bytes.
    kvm: whether it uses KVM. Raises CheckFailed when the image is not a plain file.
    """
    _sweep()
    with atomicfile.disk_errors(PLACES):
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=PLACES))
    try:
        with atomicfile.disk_errors(folder):
            folder.chmod(0o755)
            Untrusted(kernel.parent).copy(kernel.name, folder / KERNEL)
            (folder / KERNEL).chmod(0o444)
            (folder / SPACE).mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder / SPACE, NOBODY, NOBODY)
        device, group = _kvm(folder) if kvm else (None, None)
        yield Confinement(folder, os.geteuid(), memory, disk, device, group, why_open())
    finally:
        atomicfile.remove_tree(folder)


def returncode(ended: int) -> int:
    """Give QEMU's own return code; what runs it in its place tells of signals as a shell does."""
    return 128 - ended if ended > 128 else ended


@cache
def why_open() -> str:
    """Say why bubblewrap cannot be used on this host; "" when it can."""
    if proc.which("bwrap") is None:
        return "bubblewrap is not installed"
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=PLACES) as name:
        (Path(name) / SPACE).mkdir()
        probe = Confinement(Path(name), os.geteuid(), 0, 0, None, None, "")
        # Not with QEMU's limits: what starts it may need more.
        words = [*probe._namespaces(), "true"]
        done = proc.run(words, cwd=Path("/"), deadline=Deadline.after(PROBE_S), check=False)
    return "" if done.ok else f"bubblewrap does not work here: {done.output.strip()[:200]}"


def _kvm(folder: Path) -> tuple[Path, int | None]:
    """Give the device to use, and the group that may; one that only root may open is made anew."""
    about = KVM.stat()
    if os.geteuid() != 0 or about.st_mode & 0o006 == 0o006:
        return KVM, None
    if about.st_mode & 0o060 == 0o060 and about.st_gid != 0:
        return KVM, about.st_gid
    own = folder / DEVICE
    try:
        os.mknod(own, stat.S_IFCHR | 0o600, about.st_rdev)
        os.chown(own, NOBODY, NOBODY)
    except OSError:
        # Then it does not open, and the probe for KVM says so.
        return KVM, None
    return own, None


def _sweep() -> None:
    """Remove what was left by those that were killed."""
    for left in PLACES.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        try:
            about = left.lstat()
        except FileNotFoundError:
            continue  # another kseries has removed it
        ours = about.st_uid == os.geteuid() and stat.S_ISDIR(about.st_mode)
        if ours and pid.isdigit() and not Path("/proc", pid).exists():
            atomicfile.remove_tree(left)
