# SPDX-License-Identifier: GPL-2.0
"""What is looked at to judge an attack: files of the host, listeners, what was left behind."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Of a file: mode, owner, group, size, time of the last change in ns, inode, names, content.
State = tuple[int, int, int, int, int, int, int, str]
FACTS = ("mode", "owner", "group", "size", "time", "inode", "number of names", "content")
SHOWN = 3
SEARCH_LIMIT = 32 << 20  # bytes


@dataclass(frozen=True)
class Canaries:
    """Files of the host as they were."""

    places: tuple[Path, ...]
    before: dict[str, State]

    @classmethod
    def of(cls, *places: Path) -> Canaries:
        """Look at files and at all in folders."""
        return cls(places, dict(_states(places)))

    def changed(self) -> list[str]:
        """Tell what is no longer as it was."""
        now = dict(_states(self.places))
        told = [f"made {name} on the host" for name in sorted(now.keys() - self.before.keys())]
        told += [f"removed {name} on the host" for name in sorted(self.before.keys() - now.keys())]
        for name in sorted(now.keys() & self.before.keys()):
            pairs = zip(FACTS, self.before[name], now[name], strict=True)
            facts = [fact for fact, old, new in pairs if old != new]
            if facts:
                told.append(f"changed {', '.join(facts)} of {name} on the host")
        return told[:SHOWN]


def _states(places: Iterable[Path]) -> Iterator[tuple[str, State]]:
    for place in places:
        yield str(place), _state(place)
        for folder, folders, files in os.walk(place):
            for name in (*folders, *files):
                path = Path(folder) / name
                yield str(path), _state(path)


def _state(path: Path) -> State:
    found = path.lstat()
    content = ""
    if stat.S_ISREG(found.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    elif stat.S_ISLNK(found.st_mode):
        content = str(path.readlink())
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    owner = (found.st_uid, found.st_gid)
    return (found.st_mode, *owner, size, found.st_mtime_ns, found.st_ino, found.st_nlink, content)


class Listeners:
    """What listens on the host: a port on loopback, an abstract socket, one with a name."""

    def __init__(self, token: str, path: Path) -> None:
        self.reached: list[str] = []
        self.abstract = f"kseries-attack-{token}"
        self._sockets: list[socket.socket] = []
        tcp = self._listen(socket.AF_INET, ("127.0.0.1", 0), "a port on loopback")
        self.port: int = tcp.getsockname()[1]
        self._listen(socket.AF_UNIX, f"\0{self.abstract}", "an abstract socket")
        # Names of sockets are short; the folder is reached through its descriptor.
        handle = os.open(path.parent, os.O_RDONLY)
        self._listen(socket.AF_UNIX, f"/proc/self/fd/{handle}/{path.name}", "a socket")
        os.close(handle)
        path.chmod(0o777)

    def close(self) -> None:
        """Stop listening."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _listen(self, family: int, address: object, name: str) -> socket.socket:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen()
        self._sockets.append(listener)
        threading.Thread(target=self._accept, args=(listener, name), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket, name: str) -> None:
        with suppress(OSError):
            while True:
                listener.accept()[0].close()
                self.reached.append(name)


def secrets_in(places: Sequence[Path], secrets: Iterable[str]) -> list[str]:
    """Tell of files that hold a secret of the host, links not followed."""
    words = ["-laF"]
    for secret in secrets:
        words += ["-e", secret]
    found = [Path(line) for line in searched(places, words).splitlines()]
    return [f"a secret of the host is in {path.name}" for path in found[:SHOWN]]


def searched(places: Sequence[Path], words: Sequence[str]) -> str:
    """Search files with grep, links not followed, huge ones (they are sparse) left out."""
    wanted = ["-xdev", "-type", "f", "-size", f"-{SEARCH_LIMIT}c", "-print0"]
    with subprocess.Popen(
        ["find", *map(str, places), *wanted], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as files:
        done = subprocess.run(
            ["xargs", "-0", "-r", "grep", *words, "--"],
            stdin=files.stdout,
            capture_output=True,
            check=False,
            timeout=120,
        )
    return done.stdout.decode(errors="replace")


def odd_files(folder: Path) -> list[str]:
    """Tell of what nobody may leave: programs that run as root, devices."""
    device, program = ("(", "-type", "b", "-o", "-type", "c", ")"), ("-perm", "-4000", "-uid", "0")
    told = [f"left a device: {name}" for name in found([folder], *device)]
    told += [f"left a program that runs as root: {name}" for name in found([folder], *program)]
    return told[:SHOWN]


def found(places: Sequence[Path], *words: str) -> list[str]:
    """Give the names of what find(1) finds, which no depth of folders keeps from it."""
    done = subprocess.run(
        ["find", *map(str, places), "-xdev", *words, "-printf", "%f\\0"],
        capture_output=True,
        check=False,
        timeout=120,
    )
    return [name for name in done.stdout.decode(errors="replace").split("\0") if name]
