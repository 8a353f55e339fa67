# SPDX-License-Identifier: GPL-2.0
"""Check the host: what is there, what is missing, and the command that fixes each problem.

What limits a hostile series and cannot be had on this host is told, too: `BOUNDS`.
"""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import KseriesError
from kseries.lib.paths import Cache, Project

GIB = 1 << 30

# Import (0.4), worktree (1.7), a build with its debug twin (4), root file system (0.6), logs.
DISK_OUT_GIB = 6
DISK_CACHE_GIB = 3
# Two linkers of vmlinux side by side with a guest of 2 GiB.
MEMORY_GIB = 4


class Health(StrEnum):
    """Outcome of a check."""

    OK = "ok"
    SLOW = "slow"  # works, less well
    OPEN = "open"  # works, with a bound less around what a series can do
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One check. fix: the command that fixes it, "" where nothing is to be done."""

    name: str
    health: Health
    found: str
    fix: str = ""


@dataclass(frozen=True)
class Tool:
    """A program that stages run, and the Debian package that brings it."""

    program: str
    package: str
    needed_for: str
    optional: bool = False


TOOLS = (
    Tool("git", "git", "apply"),
    Tool("xz", "xz-utils", "fetch"),
    Tool("make", "make", "config, build"),
    Tool("gcc", "gcc", "build"),
    Tool("ld", "binutils", "build"),
    Tool("flex", "flex", "config"),
    Tool("bison", "bison", "config"),
    Tool("bc", "bc", "build"),
    Tool("perl", "perl", "build"),
    Tool("rsync", "rsync", "install"),
    Tool("ccache", "ccache", "build", optional=True),
    Tool("bwrap", "bubblewrap", "sandbox"),
    Tool("setpriv", "util-linux", "ending programs with us"),
    Tool("prlimit", "util-linux", "sandbox"),
    Tool("mmdebstrap", "mmdebstrap", "root file system"),
    Tool("mke2fs", "e2fsprogs", "root file system"),
    Tool("qemu-system-x86_64", "qemu-system-x86", "test"),
)


@dataclass(frozen=True)
class Bound:
    """What keeps a series from harming this host, where the host can enforce it.

    missing: looks; gives "" where it is enforced, else why not. kept: what it keeps.
    """

    name: str
    kept: str
    missing: Callable[[], str]
    fix: str


def _no_group_limits() -> str:
    """Tell what `building.guard` stands in for: no cgroup is made, wherever they are delegated."""
    return "counted once a second, as kseries makes no cgroups"


def _no_userns() -> str:
    if os.geteuid() == 0:
        return ""
    try:
        return "" if int(USERNS_LIMIT.read_text()) > 0 else f"{USERNS_LIMIT} is 0"
    except (OSError, ValueError):
        return f"{USERNS_LIMIT} cannot be read"


def _no_seccomp() -> str:
    """See whether the kernel filters system calls, and whether there is what makes filters."""
    try:
        if "Seccomp:" not in Path("/proc/self/status").read_text():
            return "this kernel has none"
    except OSError as error:
        return str(error)
    return "" if ctypes.util.find_library("seccomp") else "no libseccomp"


USERNS_LIMIT = Path("/proc/sys/user/max_user_namespaces")
BOUNDS = (
    Bound(
        "memory of a build",
        "a bound of the kernel's for all its processes together; each has one of its own",
        _no_group_limits,
        "",
    ),
    Bound(
        "user namespaces",
        "a sandbox, for who is not root",
        _no_userns,
        "sysctl -w user.max_user_namespaces=10000",
    ),
    Bound("seccomp", "fewer system calls", _no_seccomp, "apt-get install libseccomp2"),
)


def examine(project: Project, cache: Cache) -> tuple[Finding, ...]:
    """Carry out every check; none of them changes anything or takes longer than seconds."""
    return (
        _machine(),
        *(_tool(tool) for tool in TOOLS),
        _sandbox(project.root),
        _disk(_out_name(project), project.out, DISK_OUT_GIB),
        _disk("disk for the cache", cache.root, DISK_CACHE_GIB),
        _memory(),
        _kvm(Path("/dev/kvm")),
        *(_bound(bound) for bound in BOUNDS),
    )


def _out_name(project: Project) -> str:
    return "disk for the workspace" if project.workspace else "disk for out/"


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing that is needed is missing."""
    return not any(finding.health is Health.MISSING for finding in findings)


def _bound(bound: Bound) -> Finding:
    why = bound.missing()
    if not why:
        return Finding(bound.name, Health.OK, f"enforced: {bound.kept}")
    return Finding(bound.name, Health.OPEN, f"{why}; not enforced: {bound.kept}", bound.fix)


def _machine() -> Finding:
    machine = platform.machine()
    if machine == "x86_64":
        return Finding("machine", Health.OK, f"{machine}, {os.cpu_count()} cores")
    return Finding(
        "machine", Health.MISSING, machine, "use an x86_64 machine: others are not built"
    )


def _tool(tool: Tool) -> Finding:
    place = proc.which(tool.program)
    if place:
        return Finding(tool.program, Health.OK, str(place))
    health = Health.SLOW if tool.optional else Health.MISSING
    fix = f"apt-get install --no-install-recommends {tool.package}"
    return Finding(tool.program, health, f"not there (for: {tool.needed_for})", fix)


def _sandbox(cwd: Path) -> Finding:
    """Start the sandbox once: whether bwrap is there says nothing about being let."""
    if proc.which("bwrap") is None:
        return Finding("sandbox", Health.MISSING, "needs bwrap", "apt-get install bubblewrap")
    try:
        proc.run(
            ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"],
            cwd=cwd,
            deadline=Deadline.after(10),
        )
    except KseriesError as error:
        return Finding(
            "sandbox",
            Health.MISSING,
            error.where.splitlines()[-1].removeprefix("| ") if error.where else error.what,
            "sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000",
        )
    return Finding("sandbox", Health.OK, "bwrap starts")


def _disk(name: str, place: Path, wanted_gib: int) -> Finding:
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIB
    if free >= wanted_gib:
        return Finding(name, Health.OK, f"{free:.0f} GiB free at {place}")
    return Finding(
        name,
        Health.MISSING,
        f"{free:.1f} GiB free at {place}, {wanted_gib} wanted",
        "`kseries cache clear`, or set XDG_CACHE_HOME to a larger disk",
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    # The kernel keeps some of it for itself.
    if total >= MEMORY_GIB * 0.9:
        return Finding("memory", Health.OK, f"{total:.0f} GiB")
    return Finding(
        "memory",
        Health.MISSING,
        f"{total:.1f} GiB, {MEMORY_GIB} wanted",
        "build with fewer jobs: `kseries run --jobs 1`",
    )


def _kvm(device: Path) -> Finding:
    """Look at the device only: whether it works is found out when a kernel is there to boot."""
    if not device.exists():
        return Finding(
            "KVM",
            Health.SLOW,
            "no /dev/kvm: machines are emulated",
            "modprobe kvm_intel || modprobe kvm_amd",
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return Finding(
            "KVM",
            Health.SLOW,
            "/dev/kvm is not open to this user: machines are emulated",
            to_open(device, os.environ.get("USER", "$USER")),
        )
    return Finding("KVM", Health.OK, "/dev/kvm opens; the first boot proves it")


def to_open(device: Path, user: str) -> str:
    """Give the command by which a user may read and write a device that is another's."""
    facts = device.stat()
    join = "usermod --append --groups"
    if facts.st_gid and facts.st_mode & 0o060 == 0o060:
        try:
            return f"{join} {device.group()} {user}"
        except KeyError:  # a group without a name, as containers have them
            pass
    return f"chgrp kvm {device} && chmod g+rw {device} && {join} kvm {user}"
