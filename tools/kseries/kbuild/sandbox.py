# SPDX-License-Identifier: GPL-2.0
"""Where a patched tree's own code runs on this machine: bubblewrap, or plainly when trusted.

A posted patch can change Makefiles, Kconfig's `$(shell …)` and host programs. Inside there is no
network, no home and no file of root's, a read-only system, an own process namespace, an
unprivileged user, a filter of system calls (`syscalls`), and limits on memory, disk and processes
(`guard` holds what setrlimit(2) does not). Only the build folder and the compiler cache of the
sources can be written, both of which we only read, and with care (`untrusted`); the tree itself is
read-only. Paths inside are the same for every clone, so that compiler caches are shared between
them. Time is limited by the deadline of whoever starts the program.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from kseries.kbuild import syscalls
from kseries.kbuild.guard import Guard
from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.untrusted import Untrusted

INSIDE_TREE = Path("/kseries/linux")
INSIDE_STATE = Path("/kseries/state")
INSIDE_CCACHE = Path("/kseries/ccache")
INSIDE_CLEAN = Path("/kseries/ccache-of-base")
INSIDE_ORIGINAL = Path("/kseries/original")
# In the worktree: where the build folder is mounted, unless the tree has something there.
MOUNTPOINT = "out"
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
# Beside the build folder: what bubblewrap gives to seccomp, opened before it starts.
FILTER = "seccomp.bpf"
FILTER_HANDLE = 9
_WITH_FILTER = f'exec {FILTER_HANDLE}<"$1"; shift; exec "$@"'
# Arguments: the tree as it is, folders of it that are empty where we are, a command.
_WITH_COPIES = """\
for folder in $2; do
	find "$1/$folder" -mindepth 1 -maxdepth 1 \\
		-exec cp -RP --preserve=mode,timestamps -t "$folder" {} + || exit
done
shift 2
exec "$@"
"""
# When memory runs out, the kernel takes a build before the user's other programs.
OOM_SCORE = 500
PROBE_LIMIT_S = 20.0


@dataclass(frozen=True)
class Host:
    """What the planner must know about this machine."""

    uid: int
    memory: int  # bytes
    cores: int
    links: tuple[tuple[str, str], ...]  # merged /usr: (target, path)
    folders: tuple[str, ...]  # where /bin and so on are folders of their own

    @classmethod
    def probe(cls, root: Path = Path("/")) -> Host:
        """Look at this machine. root: where its file system begins."""
        places = {f"/{name}": root / name for name in USR_LINKS}
        return cls(
            uid=os.geteuid(),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            cores=len(os.sched_getaffinity(0)),
            links=tuple((str(p.readlink()), name) for name, p in places.items() if p.is_symlink()),
            folders=tuple(n for n, p in places.items() if p.is_dir() and not p.is_symlink()),
        )


@dataclass(frozen=True)
class Sandbox:
    """A place for one tree and what is made of it.

    build: the folder that is written; it must exist (`prepare`), as must `ccache`, which is too.
    state: a folder of ours, and clean: a compiler cache, that are read. Each may be None.
    trusted: the user vouches for the code; everything runs as the user, with the real paths.
    readable: more files or folders to be read inside, at their own paths.
    written: folders of the tree (relative to it) that Makefiles write into, beside their sources:
    each command gets a copy of its own there, in memory, which is gone when it ends.
    compiler: the program that kernels are built with here.
    """

    tree: Path
    build: Path
    ccache: Path | None
    trusted: bool
    state: Path | None = None
    clean: Path | None = None
    readable: tuple[Path, ...] = ()
    written: tuple[str, ...] = ()
    compiler: str = "gcc"
    host: Host = field(default_factory=Host.probe)

    @property
    def inside_tree(self) -> Path:
        """Where programs find the tree."""
        return self.tree if self.trusted else INSIDE_TREE

    @property
    def objects(self) -> str:
        """Where make finds the build folder: a direct subfolder of the tree, or its path.

        What is compiled there knows the sources by relative paths, the same in every clone.
        """
        return str(self.build) if self.trusted else self._mountpoint()

    @property
    def inside_build(self) -> Path:
        """Where programs find the build folder."""
        return self.build if self.trusted else INSIDE_TREE / self._mountpoint()

    @property
    def inside_state(self) -> Path:
        """Where programs find the folder with what we tell them."""
        assert self.state is not None
        return self.state if self.trusted else INSIDE_STATE

    @property
    def inside_ccache(self) -> Path | None:
        """Where programs find the compiler cache."""
        return self.ccache if self.trusted or self.ccache is None else INSIDE_CCACHE

    @property
    def inside_clean(self) -> Path | None:
        """Where programs find the compiler cache that they only read."""
        return self.clean if self.trusted or self.clean is None else INSIDE_CLEAN

    @property
    def owner(self) -> int:
        """The user that programs run as, who must own what they write."""
        return NOBODY if self.host.uid == 0 and not self.trusted else self.host.uid

    @property
    def made(self) -> Untrusted:
        """Give the reader of the build folder."""
        return Untrusted(self.build)

    def argv(
        self, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> list[str]:
        """Plan the command line that runs `command` in the tree, in a cleared environment.

        env: what programs see beside PATH, HOME and LC_ALL.
        """
        words = [str(word) for word in command]
        if self.trusted:
            return ["env", "-i", *_pairs(self._trusted_env(), env), *words]
        # bubblewrap stays there as the first process, whose environment can be read at times.
        return [
            *("env", "-i", "/bin/sh", "-c", _WITH_FILTER, "sh", str(self._filter)),
            str(proc.which("bwrap") or "bwrap"),
            *("--seccomp", str(FILTER_HANDLE)),
            *self._namespaces(),
            *self._mounts(),
            *_setenv(env),
            "--",
            *self._drop(),
            *(self._copying() if self.written else []),
            *words,
        ]

    def outside(self, text: str) -> str:
        """Turn paths inside into those of this machine, for messages."""
        return text if self.trusted else text.replace(str(INSIDE_TREE), str(self.tree))

    def _mountpoint(self) -> str:
        """Name the empty folder of the worktree that the build folder is mounted on.

        It is the first name that the tree does not use itself, so that no tree can choose what
        is there. The worktree is ours: in it, nothing comes up that we did not check out.
        """
        return next(filter(self._is_unused, _mountpoints()))

    def _is_unused(self, name: str) -> bool:
        place = self.tree / name
        try:
            return stat.S_ISDIR(place.lstat().st_mode) and not any(place.iterdir())
        except FileNotFoundError:
            return True

    @property
    def _filter(self) -> Path:
        return self.build.with_name(FILTER)

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
        for folder, inside in ((self.state, INSIDE_STATE), (self.clean, INSIDE_CLEAN)):
            if folder is not None:
                words += ["--ro-bind", str(folder), str(inside)]
        if self.ccache is not None:
            words += ["--bind", str(self.ccache), str(INSIDE_CCACHE)]
        if self.written:
            words += ["--ro-bind", str(self.tree), str(INSIDE_ORIGINAL)]
        for name in self.written:
            words += [
                "--perms",
                "0777",
                "--size",
                str(TMP_SIZE),
                "--tmpfs",
                str(INSIDE_TREE / name),
            ]
        return [*words, "--remount-ro", "/", "--chdir", str(INSIDE_TREE)]

    def _copying(self) -> list[str]:
        """Plan what fills the folders that are written, and goes on with a command."""
        return ["sh", "-c", _WITH_COPIES, "sh", str(INSIDE_ORIGINAL), " ".join(self.written)]

    def _drop(self) -> list[str]:
        words = []
        if self.host.uid == 0:
            words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            words += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
        space = min(AS_HIGHEST, max(AS_LOWEST, self.host.memory * 3 // 4))
        processes = PROCESSES + PROCESSES_A_CORE * self.host.cores
        words += ["prlimit", f"--as={space}", f"--nproc={processes}", f"--fsize={FILE_SIZE}"]
        return [*words, "--core=0", "--", "choom", "-n", str(OOM_SCORE), "--"]


def run_in(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    deadline: Deadline,
    stdin: IO[bytes] | None = None,
    log: Path | None = None,
    on_line: proc.LineSink | None = None,
    check: bool = True,
) -> proc.Completed:
    """Run what `Sandbox.argv` planned, as `proc.run` does, within limits for all of it together.

    Raises CheckFailed when it takes more memory or disk than it may.
    """
    folders = [folder for folder in (sandbox.build, sandbox.ccache) if folder is not None]
    return proc.run(
        argv,
        cwd=sandbox.tree,
        deadline=deadline,
        stdin=stdin,
        log=log,
        on_line=on_line,
        watch=None if sandbox.trusted else Guard(folders),
        check=check,
    )


def prepare(sandbox: Sandbox) -> None:
    """Make the folders, each owned by who writes it, and see that the sandbox works here.

    Raises UserError when bubblewrap is missing or may not make namespaces on this machine.
    """
    with atomicfile.disk_errors(sandbox.build):
        for folder in (sandbox.build, sandbox.ccache):
            if folder is not None:
                _make_writable(folder, sandbox.owner)
        for folder in (sandbox.state, sandbox.clean):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        if not sandbox.trusted:
            (sandbox.tree / sandbox.objects).mkdir(exist_ok=True)
    if sandbox.trusted:
        return
    if proc.which("bwrap") is None:
        raise UserError(
            "The sandbox needs bubblewrap, which is not installed.",
            do="install it (`apt-get install bubblewrap`), or say that you trust the series"
            " (`trusted = true` in the stack): its code then runs as you, with your files",
        )
    atomicfile.write_bytes(sandbox.build.with_name(FILTER), syscalls.program())
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


def _make_writable(folder: Path, owner: int) -> None:
    """Make a folder that `owner` writes, in one that only we write; one of others is made anew.

    Nothing in it is touched: what the sandbox wrote belongs to the sandbox.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and folder.lstat().st_uid != owner:
        atomicfile.remove_tree(folder)
    if not folder.exists():
        folder.mkdir()
        if folder.stat().st_uid != owner:
            os.chown(folder, owner, owner, follow_symlinks=False)


def _mountpoints() -> Iterator[str]:
    yield MOUNTPOINT
    for number in itertools.count(1):
        yield f"{MOUNTPOINT}-{number}"


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
