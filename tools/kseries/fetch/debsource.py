# SPDX-License-Identifier: GPL-2.0
"""What Debian packages: kernel sources that are installed, and packages got through apt.

Nothing is installed.

apt is asked with the host's own package lists as long as these will do. Where they do not (they
are missing or stale, or the package is in another suite than the host's), lists of our own below
the cache are used, so that the system's stay untouched and no privilege is needed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kseries.lib import atomicfile, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.proc import Completed
from kseries.lib.progress import Progress

QUERY_LIMIT_S = 60.0
UPDATE_LIMIT_S = 900.0
DOWNLOAD_LIMIT_S = 3600.0

T = TypeVar("T")

_ENGLISH = {"LC_ALL": "C", "LANGUAGE": "C", "DEBIAN_FRONTEND": "noninteractive"}
# What apt says when its lists name a file that the mirror has replaced.
_STALE = ("  404  ", "Hash Sum mismatch", "File has unexpected size", "was not found")
_DISK_FULL = ("No space left on device", "don't have enough free space")


class StaleLists(InfraError):
    """The lists name a package that the mirror does not have any more; newer ones help."""


@dataclass(frozen=True)
class Installed:
    """A source package that is installed, and the tarball that it put there."""

    version: str
    tarball: Path


def installed(package: str, sources: Path = Path("/usr/src")) -> Installed | None:
    """Find the installed package's tarball; None when it is not installed."""
    if proc.which("dpkg-query") is None:
        return None
    argv = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package]
    answer = proc.run(
        argv, cwd=Path("/"), deadline=Deadline.after(QUERY_LIMIT_S), env=_ENGLISH, check=False
    )
    status, _, version = answer.output.strip().partition(" ")
    tarball = sources / f"{package}.tar.xz"
    if not answer.ok or status != "installed" or not tarball.is_file():
        return None
    return Installed(version, tarball)


class Apt:
    """apt, asked about one package.

    suite: a suite beyond the host's own, "" for the host's. home: a folder for lists of our own.
    """

    def __init__(self, package: str, suite: str, home: Path, log: Path, progress: Progress) -> None:
        if proc.which("apt-get") is None:
            raise UserError(
                "This host has no apt: a Debian package cannot be had here.",
                where=package,
                do="take a source of another kind: a tarball, a git commit or a local tree",
            )
        self._package = package
        self._suite = suite
        self._home = home
        self._log = log
        self._progress = progress

    def candidate(self) -> str:
        """Give the version that the lists at hand offer, "" when they name none."""
        argv = ["apt-cache", *self._options(), "policy", self._package]
        answer = self._run(argv, QUERY_LIMIT_S)
        for line in answer.output.splitlines():
            name, _, value = line.strip().partition(": ")
            if name == "Candidate":
                return "" if value == "(none)" else value
        return ""

    def newest(self, version: str, use: Callable[[str], T]) -> T:
        """Give what `use` makes of the version that is offered.

        version: what `candidate` gave. Newer lists are got where that is "", or where `use` raises
        StaleLists. Raises UserError when nobody offers the package, InfraError when it cannot be
        had now.
        """
        try:
            return use(version or self._updated())
        except StaleLists as error:
            self._progress.note(f"{error.what} Getting newer ones.")
        return use(self._updated())

    def _updated(self) -> str:
        self.update()
        version = self.candidate()
        if not version:
            suite = f" of {self._suite}" if self._suite else ""
            raise UserError(
                f"apt{suite} knows no package {self._package}.",
                where="/etc/apt/sources.list, /etc/apt/sources.list.d",
                do="name a package that `apt-cache search` shows, or the suite that has it",
            )
        return version

    def update(self) -> None:
        """Get lists of our own, used from now on. Raises InfraError when none came."""
        self._progress.update("getting apt's package lists")
        for folder in (self._lists / "partial", self._home / "cache" / "archives" / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        os.utime(self._lists)
        if self._suite:
            atomicfile.write_text(self._home / "sources.list", _suite_entry(self._suite, self._log))
        argv = ["apt-get", "-q", *self._options(), "update"]
        answer = self._run(argv, UPDATE_LIMIT_S)
        if not any(self._lists.glob("*_Packages*")):
            raise InfraError(
                "apt could not get its package lists.",
                where=_tail(answer),
                do="check the network and /etc/apt/sources.list*, then try again",
            )

    def download(self, version: str, folder: Path) -> Path:
        """Download that version's package into `folder`, or take the one that is there.

        The caller holds the lock. Raises StaleLists, or InfraError for anything else.
        """
        final = folder / f"{self._package}_{version.replace(':', '%3a')}.deb"
        if final.is_file():
            return final
        with atomicfile.new_file(final) as partial:
            scratch = partial.with_name(f"{partial.name}.d")
            scratch.mkdir()
            try:
                self._download(version, scratch).rename(partial)
            finally:
                atomicfile.remove_tree(scratch)
        return final

    def _download(self, version: str, folder: Path) -> Path:
        argv = ["apt-get", "-q", "-o", "APT::Status-Fd=1", *self._options(), "download"]
        answer = self._run([*argv, f"{self._package}={version}"], DOWNLOAD_LIMIT_S, cwd=folder)
        packages = list(folder.glob("*.deb"))
        if answer.ok and packages:
            return packages[0]
        where = _tail(answer)
        if any(sign in answer.output for sign in _DISK_FULL):
            raise InfraError("The disk is full.", where=where, do=f"free some space for {folder}")
        if any(sign in answer.output for sign in _STALE):
            raise StaleLists(
                "apt's package lists are older than the mirror.",
                where=where,
                do="apt-get update, then try again",
            )
        raise InfraError(
            f"apt could not download {self._package}.",
            where=where,
            do="check the network and /etc/apt/sources.list*, then try again",
        )

    @property
    def _lists(self) -> Path:
        return self._home / "lists"

    def _options(self) -> list[str]:
        if not self._suite and not self._newer_than_host():
            return []
        options = [f"Dir::State::Lists={self._lists}", f"Dir::Cache={self._home / 'cache'}"]
        if os.geteuid() == 0:
            # apt's own unprivileged user cannot enter a cache below root's home.
            options.append("APT::Sandbox::User=root")
        if self._suite:
            options += [
                f"Dir::Etc::SourceList={self._home / 'sources.list'}",
                "Dir::Etc::SourceParts=/dev/null",
            ]
        return [word for option in options for word in ("-o", option)]

    def _newer_than_host(self) -> bool:
        """Whether lists of our own were got after the host's own."""
        answer = proc.run(
            ["apt-config", "shell", "LISTS", "Dir::State::Lists/d"],
            cwd=Path("/"),
            deadline=Deadline.after(QUERY_LIMIT_S),
            env=_ENGLISH,
        )
        # LISTS='/var/lib/apt/lists/'
        host = Path(answer.output.strip().partition("=")[2].strip("'"))
        return self._lists.is_dir() and _time(self._lists) > _time(host)

    def _run(self, argv: list[str], limit_s: float, cwd: Path = Path("/")) -> Completed:
        return proc.run(
            argv,
            cwd=cwd,
            deadline=Deadline.after(limit_s),
            env=_ENGLISH,
            log=self._log,
            on_line=self._show,
            check=False,
        )

    def _show(self, line: str) -> None:
        # APT::Status-Fd: "dlstatus:1:20.5:Retrieving file 1 of 1"
        kind, _, rest = line.partition(":")
        if kind == "dlstatus":
            percent = rest.split(":")[1]
            self._progress.update(
                f"downloading {self._package}", done=int(float(percent)), total=100
            )


def unpack_tarball(deb: Path, package: str, final: Path) -> None:
    """Write the kernel tarball that a source package carries to `final`. Raises InfraError."""
    wanted = f"usr/src/{package}.tar.xz"
    with atomicfile.disk_errors(final):
        argv = ["dpkg-deb", "--fsys-tarfile", deb]
        with proc.start([str(word) for word in argv], cwd=deb.parent) as child:
            assert child.stdout is not None
            try:
                with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
                    for member in tar:
                        content = tar.extractfile(member) if member.isreg() else None
                        if content is not None and member.name.lstrip("./") == wanted:
                            with final.open("wb") as sink:
                                shutil.copyfileobj(content, sink, 1 << 20)
                            return
            except tarfile.TarError as error:
                raise _no_tarball(deb, wanted, str(error)) from error
    raise _no_tarball(deb, wanted, "no such member")


def _no_tarball(deb: Path, wanted: str, why: str) -> InfraError:
    return InfraError(
        f"The Debian package holds no {wanted}: {why}.",
        where=str(deb),
        do=f"remove {deb} and try again",
    )


def _suite_entry(suite: str, log: Path) -> str:
    """Make the line of a sources list for a suite, on the mirror that the host itself uses."""
    host = platform.freedesktop_os_release()
    # Before the first `apt-get update` only this tells what the host's own list comes to.
    answer = proc.run(
        ["apt-get", "update", "--print-uris"],
        cwd=Path("/"),
        deadline=Deadline.after(QUERY_LIMIT_S),
        env=_ENGLISH,
        log=log,
    )
    # 'http://mirror/debian/dists/bookworm/InRelease' mirror_debian_dists_bookworm_InRelease 0
    mirrors = {name: uri for uri, name in re.findall(r"'(\S+?)dists/([^/]+)/", answer.output)}
    ending = "-security" if suite.endswith("-security") else ""
    for name in (host.get("VERSION_CODENAME", ""), "stable", "oldstable", "testing"):
        if f"{name}{ending}" in mirrors:
            keyring = Path(f"/usr/share/keyrings/{host.get('ID', '')}-archive-keyring.gpg")
            signed = f"[signed-by={keyring}] " if keyring.is_file() else ""
            return f"deb {signed}{mirrors[f'{name}{ending}']} {suite} main\n"
    raise InfraError(
        f"apt on this host names no mirror of its own suite, so {suite} cannot be found.",
        where="/etc/apt/sources.list, /etc/apt/sources.list.d",
        do=f"add the host's own suite there, or install the package from {suite} yourself",
    )


def _time(folder: Path) -> float:
    return folder.stat().st_mtime if folder.is_dir() else 0.0


def _tail(answer: Completed) -> str:
    lines = [line for line in answer.output.splitlines() if not line.startswith("dlstatus:")]
    command = proc.command_text(answer.argv)
    return "\n".join([command, *(f"| {line}" for line in lines[-proc.TAIL_LINES :])])
