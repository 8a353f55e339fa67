# SPDX-License-Identifier: GPL-2.0
"""The one door to lab machines: OpenSSH's client with the user's own config.

Nothing is asked (BatchMode), and a host key that is not the known one is refused whatever the
config says. One connection to a machine carries all that a command does there; it ends with us.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from kseries.lib import proc, threads
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError

CONNECT_S = 8.0
LOGIN_S = 30.0
T = TypeVar("T")
LOST = 255
"""ssh's own exit status, when the connection is gone."""

OPTIONS = (
    # Given here, they count before the user's config.
    *("-o", "BatchMode=yes"),
    *("-o", "StrictHostKeyChecking=yes"),
    *("-o", f"ConnectTimeout={CONNECT_S:.0f}"),
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=2"),
    # A lab machine is not to reach what the workstation can.
    *("-o", "ForwardAgent=no", "-o", "ForwardX11=no", "-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no", "-o", "RequestTTY=no", "-o", "RemoteCommand=none"),
)

ADVICE = (
    # The first row with a text that was printed tells what happened, and what to do.
    (
        "IDENTIFICATION HAS CHANGED",
        "has another host key than the one that is known",
        "find out why (installed anew?); then `ssh-keygen -R` its name, and log in once by hand",
    ),
    (
        "Host key verification failed",
        "has a host key that is not known here",
        "log in once by hand, and compare the fingerprint",
    ),
    (
        "Permission denied",
        "lets no key of yours in",
        "put your key there (ssh-copy-id), or into the agent (ssh-add)",
    ),
    (
        "Could not resolve hostname",
        "has a name that nobody knows",
        "correct `host` in the target's file, or name it in ~/.ssh/config",
    ),
    (
        "Bad configuration option",
        "cannot be asked: ssh's config is wrong",
        "correct ~/.ssh/config as ssh says above",
    ),
    ("Connection refused", "runs no sshd there", "see on its console whether it is up"),
)
KEYS = ADVICE[:2]
"""What does not go away by itself."""
UNREACHABLE = ("does not answer", "see on its console whether it is up, and its network")


class Unreachable(InfraError):
    """A machine cannot be reached, or the connection was lost."""


class TooSlow(Unreachable):
    """A machine did not answer in time; the connection may be good."""


class Refused(Unreachable):
    """What answers may be another machine: its host key is not the one that is known."""


@dataclass(frozen=True)
class Link:
    """A connection to a machine. host: as ssh takes it."""

    host: str
    socket: Path

    def run(self, script: str, deadline: Deadline, shell: str = "sh -s") -> proc.Completed:
        """Run a script on the machine; stdout and stderr come together.

        shell: what reads it. Nothing of it is carried out before all of it has arrived.

        Raises Unreachable when the connection is lost, and at the deadline.
        """
        argv = [*_argv(self.host, self.socket, "-o", "ControlMaster=no"), f"exec {shell}"]
        with tempfile.TemporaryFile() as file:
            # A script that is cut short has no closing brace, so nothing of it is carried out.
            # What comes by two ways may come mixed, in the middle of a line.
            file.write(f"{{\nexec 2>&1\n{script}\nexit\n}}\n".encode())
            file.seek(0)
            return self._fed(argv, file, deadline)

    def feed(self, command: str, source: IO[bytes], deadline: Deadline) -> proc.Completed:
        """Run a command on the machine whose standard input is a file. Raises as `run` does."""
        argv = [*_argv(self.host, self.socket, "-o", "ControlMaster=no"), command]
        return self._fed(argv, source, deadline)

    def _fed(self, argv: list[str], source: IO[bytes], deadline: Deadline) -> proc.Completed:
        try:
            done = proc.run(argv, cwd=Path("/"), deadline=deadline, stdin=source, check=False)
        except proc.CommandTimeout as error:
            raise TooSlow(
                f"{self.host} took longer than {deadline.limit_s:.0f} s to answer.",
                where=f"ssh {self.host}",
                do="see on its console what it does; a driver may hang",
            ) from error
        if done.returncode == LOST:
            raise unreachable(self.host, done.output)
        return done


@dataclass(frozen=True)
class Links:
    """Connections, by host."""

    by_host: dict[str, Link]
    masters: tuple[proc.Child, ...]

    def together(self, *work: Callable[[], T]) -> list[T]:
        """Do work on several machines at the same time; raise the first error of them."""
        results: dict[int, T] = {}
        errors: dict[int, BaseException] = {}

        def one(number: int, each: Callable[[], T]) -> None:
            try:
                results[number] = each()
            except Exception as error:
                errors[number] = error

        threads.run(
            [threading.Thread(target=one, args=pair) for pair in enumerate(work)],
            lambda _: self._end(),
        )
        for number in sorted(errors):
            raise errors[number]
        return [results[number] for number in range(len(work))]

    def _end(self) -> None:
        """End the connections, and so what waits for an answer."""
        for child in self.masters:
            proc.kill(child)


@contextmanager
def connected(hosts: Sequence[str]) -> Iterator[Links]:
    """Connect to machines, to all at the same time.

    Raises Unreachable for the first that cannot be reached, UserError where ssh is not installed.
    """
    # Below /tmp, as the name of a socket has room for 100 characters.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ks-", dir="/tmp")))
        begun = []
        for number, host in enumerate(dict.fromkeys(hosts)):
            place, told = folder / str(number), folder / f"{number}.log"
            sink = stack.enter_context(told.open("wb"))
            link = Link(host, place)
            child = stack.enter_context(proc.start(_master(link), cwd=Path("/"), stdout=sink))
            begun.append((link, child, told))
        deadline = Deadline.after(LOGIN_S)
        for link, child, told in begun:
            _wait(link, child, told, deadline)
        links = {link.host: link for link, _, _ in begun}
        yield Links(links, tuple(child for _, child, _ in begun))


class Lasting:
    """A connection to a machine that is made anew after the machine was booted.

    `link` stays the same meanwhile. folder: for its socket, with a short name.
    """

    def __init__(self, host: str, folder: Path, name: str) -> None:
        self.link = Link(host, folder / name)
        self._told = folder / f"{name}.log"
        self._stack = ExitStack()
        self._child: proc.Child | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is a connection, which may be dead without anybody knowing."""
        return self._child is not None and self._child.poll() is None

    def connect(self) -> None:
        """Connect, in place of an earlier connection. Raises Unreachable."""
        self.begin()
        self.finish(Deadline.after(LOGIN_S))

    def begin(self) -> None:
        """Begin to connect, in a thread that outlives the connection (`lib.proc`)."""
        self.close()
        sink = self._stack.enter_context(self._told.open("wb"))
        self._child = self._stack.enter_context(
            proc.start(_master(self.link), cwd=Path("/"), stdout=sink)
        )

    def finish(self, deadline: Deadline) -> None:
        """Wait until what was begun is a connection. Raises Unreachable."""
        assert self._child is not None
        _wait(self.link, self._child, self._told, deadline)

    def close(self) -> None:
        """End the connection. Safe to repeat."""
        self._child = None
        self._stack.close()
        self.link.socket.unlink(missing_ok=True)


def stream_argv(host: str, command: str, log: Path) -> list[str]:
    """Plan a connection of its own that carries bytes to and from a command.

    log: gets what ssh itself has to say, of which some comes past its own option for that.
    """
    told = ["sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "sh", str(log)]
    return [*told, "ssh", *OPTIONS, "-o", "ControlPath=none", "--", host, command]


def _master(link: Link) -> list[str]:
    return _argv(link.host, link.socket, "-M", "-N", "-o", "ControlPersist=no")


def _wait(link: Link, child: proc.Child, told: Path, deadline: Deadline) -> None:
    while not link.socket.exists():
        if child.poll() is not None or deadline.expired:
            raise unreachable(link.host, told.read_text(errors="replace"))
        time.sleep(0.02)


def _argv(host: str, socket: Path, *more: str) -> list[str]:
    return ["ssh", *OPTIONS, "-o", f"ControlPath={socket}", *more, "--", host]


def unreachable(host: str, output: str) -> Unreachable:
    """Say why a machine cannot be reached. output: what ssh printed."""
    what, do = next(((what, do) for text, what, do in ADVICE if text in output), UNREACHABLE)
    lines = [line for line in output.splitlines() if line.strip() and "@@@" not in line]
    told = "\n".join(f"| {line}" for line in lines[-6:])
    kind = Refused if any(text in output for text, _, _ in KEYS) else Unreachable
    return kind(f"{host} {what}.", where=f"ssh {host}\n{told}", do=do)
