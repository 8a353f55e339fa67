# SPDX-License-Identifier: GPL-2.0
"""Where a patched tree's own code runs on this machine: bubblewrap, or plainly when trusted.

A posted patch can change Makefiles, Kconfig's `$(shell …)` and host programs. Inside there is no
network, no home and no file of root's, a read-only system, an own process namespace, an
unprivileged user, and limits on memory and processes. Only the build folder and the compiler
cache of the stack can be written. Paths inside are the same for every clone, so that compiler
caches are shared between them. Time is limited by the deadline of whoever starts the program.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseries import proc, publish
from kseries.deadline import Deadline
from kseries.errors import CheckFailed, UserError

INSIDE_TREE = Path("/kseries/linux")
INSIDE_CCACHE = Path("/kseries/ccache")
NOBODY = 65534

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USR_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# What the dynamic linker and Debian's alternatives (awk, cc) read below /etc.
ETC_FILES = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d")

GIB = 1 << 30
# The address space of one process. ld with DWARF, KASAN and BTF takes 3 to 4 GiB; more than the
# machine has cannot end well.
AS_LOWEST = 4 * GIB
AS_HIGHEST = 16 * GIB
# One file. A vmlinux with all debug information has about 1 GiB.
FILE_SIZE = 16 * GIB
# Processes of the user; root's drop to "nobody" is shared by all runs of the machine. make -jN
# needs six a job: make, sh, ccache, gcc, cc1, as.
PROCESSES = 4096
PROCESSES_A_CORE = 32
TMP_SIZE = 4 * GIB
# When memory runs out, the kernel takes a build before the user's other programs.
OOM_SCORE = 500
PROBE_LIMIT_S = 20.0
READ_LIMIT = 64 << 20
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Host:
    """What the planner must know about this machine."""

    uid: int
    memory: int  # bytes
    cores: int
    links: tuple[tuple[str, str], ...]  # merged /usr: (target, path)
    folders: tuple[str, ...]  # where /bin and so on are folders of their own

    @classmethod
    def probe(cls) -> Host:
        """Look at this machine."""
        places = [Path("/") / name for name in USR_LINKS]
        return cls(
            uid=os.geteuid(),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            cores=len(os.sched_getaffinity(0)),
            links=tuple((str(p.readlink()), str(p)) for p in places if p.is_symlink()),
            folders=tuple(str(p) for p in places if p.is_dir() and not p.is_symlink()),
        )


@dataclass(frozen=True)
class Sandbox:
    """A place for one tree and one build folder.

    build: a direct subfolder of `tree`; it must exist, as must `ccache`.
    trusted: the user vouches for the code; everything runs as the user, with the real paths.
    readable: more files or folders to be read inside, at their own paths.
    """

    tree: Path
    build: Path
    ccache: Path | None
    trusted: bool
    readable: tuple[Path, ...] = ()
    host: Host = field(default_factory=Host.probe)

    @property
    def inside_tree(self) -> Path:
        """Where programs find the tree."""
        return self.tree if self.trusted else INSIDE_TREE

    @property
    def inside_build(self) -> Path:
        """Where programs find the build folder."""
        return self.inside_tree / self.build.name

    @property
    def inside_ccache(self) -> Path | None:
        """Where programs find the compiler cache."""
        return self.ccache if self.trusted or self.ccache is None else INSIDE_CCACHE

    @property
    def owner(self) -> int:
        """The user that programs run as, who must own what they write."""
        return NOBODY if self.host.uid == 0 and not self.trusted else self.host.uid

    def argv(
        self, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> list[str]:
        """Plan the command line that runs `command` in the tree, in a cleared environment.

        env: what programs see beside PATH, HOME and LC_ALL.
        """
        words = [str(word) for word in command]
        if self.trusted:
            return ["env", "-i", *_pairs(self._trusted_env(), env), *words]
        return [
            "bwrap",
            *self._namespaces(),
            *self._mounts(),
            *_setenv(env),
            "--",
            *self._drop(),
            *words,
        ]

    def outside(self, text: str) -> str:
        """Turn paths inside into those of this machine, for messages."""
        return text if self.trusted else text.replace(str(INSIDE_TREE), str(self.tree))

    def _trusted_env(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", SYSTEM_PATH),
            "HOME": os.environ.get("HOME", "/"),
            "LC_ALL": "C",
        }

    def _namespaces(self) -> list[str]:
        words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        words += ["--unshare-cgroup-try", "--die-with-parent", "--clearenv"]
        if self.host.uid == 0:
            # Root makes the mounts, as the clone may stand below a folder that only root can
            # pass. What setpriv needs to leave root is all that stays.
            words += ["--cap-drop", "ALL"]
            for capability in ("SETUID", "SETGID", "SETPCAP"):
                words += ["--cap-add", f"CAP_{capability}"]
            return words
        return [*words, "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]

    def _mounts(self) -> list[str]:
        words = ["--ro-bind", "/usr", "/usr"]
        for target, path in self.host.links:
            words += ["--symlink", target, path]
        for path in self.host.folders:
            words += ["--ro-bind", path, path]
        words += _folders(Path("/etc/any"))
        for name in ETC_FILES:
            words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        words += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
        words += ["--perms", "1777", "--size", str(TMP_SIZE), "--tmpfs", "/tmp"]  # noqa: S108
        for extra in self.readable:
            words += [*_folders(extra), "--ro-bind", str(extra), str(extra)]
        words += [*_folders(INSIDE_TREE), "--ro-bind", str(self.tree), str(INSIDE_TREE)]
        words += ["--bind", str(self.build), str(self.inside_build)]
        if self.ccache is not None:
            words += ["--bind", str(self.ccache), str(INSIDE_CCACHE)]
        return [*words, "--remount-ro", "/", "--chdir", str(INSIDE_TREE)]

    def _drop(self) -> list[str]:
        words = []
        if self.host.uid == 0:
            words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            words += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
        space = min(AS_HIGHEST, max(AS_LOWEST, self.host.memory * 3 // 4))
        processes = PROCESSES + PROCESSES_A_CORE * self.host.cores
        words += ["prlimit", f"--as={space}", f"--nproc={processes}", f"--fsize={FILE_SIZE}"]
        return [*words, "--core=0", "--", "choom", "-n", str(OOM_SCORE), "--"]


def prepare(sandbox: Sandbox) -> None:
    """Make the writable folders, owned by who runs inside, and see that the sandbox works here.

    Raises UserError when bubblewrap is missing or may not make namespaces on this machine.
    """
    for folder in (sandbox.build, sandbox.ccache):
        if folder is not None:
            with publish.disk_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                if folder.stat().st_uid != sandbox.owner:
                    give(folder, sandbox.owner)
    if sandbox.trusted:
        return
    if proc.which("bwrap") is None:
        raise UserError(
            "The sandbox needs bubblewrap, which is not installed.",
            do="install it (`apt-get install bubblewrap`), or say that you trust the series"
            " (`trusted = true` in the stack): its code then runs as you, with your files",
        )
    probe = proc.run(
        sandbox.argv(["test", "-r", ".", "-a", "-x", "."]),
        cwd=sandbox.tree,
        deadline=Deadline.after(PROBE_LIMIT_S),
        check=False,
    )
    if not probe.ok and not probe.output:
        raise UserError(
            "The tree cannot be read by the user that the sandbox runs as.",
            where=f"{sandbox.tree} (user {sandbox.owner})",
            do=f"chmod -R go+rX {sandbox.tree}",
        )
    if not probe.ok:
        raise UserError(
            f"The sandbox does not work on this machine: {probe.output.strip()}",
            where=f"{probe.argv[0]}, user {sandbox.host.uid}, {sandbox.tree}",
            do="allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1,"
            " kernel.apparmor_restrict_unprivileged_userns=0), take bubblewrap 0.8 or newer, or"
            " say that you trust the series (`trusted = true` in the stack)",
        )


def give(folder: Path, uid: int) -> None:
    """Make `uid` the owner of a folder and of all in it; links are not followed.

    Only root can, and only root leaves files that somebody else must write.
    """
    if os.geteuid() != 0:
        return
    for place, folders, files, handle in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            if os.stat(name, dir_fd=handle, follow_symlinks=False).st_uid != uid:
                os.chown(name, uid, uid, dir_fd=handle, follow_symlinks=False)
        if Path(place) == folder:
            os.chown(handle, uid, uid)


def made_file(build: Path, name: str) -> Path:
    """Give the real path of a file that code in the sandbox made.

    A series could leave a link to a file of the user's, or a pipe, in its place, and we would
    read that outside of the sandbox. Raises CheckFailed for those and when there is no file.
    """
    path = build / name
    real = path.resolve()
    if real.is_relative_to(build.resolve()) and real.exists() and stat.S_ISREG(real.stat().st_mode):
        return real
    raise CheckFailed(
        "The build did not leave a plain file where it should.",
        where=f"{path}" + (f" -> {real}" if real != path else ""),
        do="read the log of the build; a series that puts links there cannot be trusted",
    )


def made_text(build: Path, name: str) -> str:
    """Read a text file that code in the sandbox made. Raises like `made_file`."""
    with made_file(build, name).open(errors="replace") as file:
        return file.read(READ_LIMIT)


def harmless(text: str) -> str:
    """Make control characters visible in what code in the sandbox says, before people see it.

    A terminal obeys them, and a series could choose them. Newlines and tabs stay.
    """
    return CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def _folders(path: Path) -> list[str]:
    """Make the folders above `path`; those that bubblewrap makes by itself only root can pass."""
    words = []
    for folder in reversed(path.parents[:-1]):
        words += ["--perms", "0755", "--dir", str(folder)]
    return words


def _pairs(*environments: Mapping[str, str] | None) -> list[str]:
    merged: dict[str, str] = {}
    for environment in environments:
        merged.update(environment or {})
    return [f"{name}={value}" for name, value in merged.items()]


def _setenv(env: Mapping[str, str] | None) -> list[str]:
    fixed = {"PATH": SYSTEM_PATH, "HOME": "/tmp", "LC_ALL": "C"}  # noqa: S108
    words = []
    for name, value in {**fixed, **(env or {})}.items():
        words += ["--setenv", name, value]
    return words
