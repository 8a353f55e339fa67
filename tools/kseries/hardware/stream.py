# SPDX-License-Identifier: GPL-2.0
"""The bytes to and from the agent on a lab machine, over connections that may break.

The agent keeps all that it has said in a journal (machines/guest/detached.c); we keep what we have
told it. So whenever a connection is made again, both go on where the other one is.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from kseries.hardware.ssh import KEYS, stream_argv
from kseries.lib import proc
from kseries.lib.deadline import Deadline

# Behind whatever the machine's shell has to say to whoever logs in.
HEADER = re.compile(rb"\nkseries-agent (up|gone) ([0-9a-f-]{1,40}) (\d{1,19})\n")
GREETING_MAX = 1 << 16
GREETING_S = 60.0
PAUSE_S = 1.0
READ_SIZE = 1 << 16


class End(Enum):
    """Why no more bytes come."""

    CLOSED = "we are done with it"
    BOOTED = "the machine was booted"
    ENDED = "the agent has ended, and the machine runs on"
    LOST = "the machine does not answer"
    REFUSED = "the machine's host key is not the one that is known"


@dataclass
class Stream:
    """A channel for `machines.agent.Agent`, as long as the machine is not booted.

    program, folder: of the agent on the machine. boot: id of the boot that the session is of.
    patience_s: how long to try to connect again. when_lost: is asked once, when that was in vain;
    whether it makes sense to try as long again. log: gets what ssh has to say.
    """

    host: str
    program: str
    folder: str
    boot: str
    patience_s: float
    when_lost: Callable[[], bool]
    log: Path
    connections: int = 0
    end: End | None = None
    ours: socket.socket = field(init=False)
    _received: int = 0
    _sent: bytearray = field(default_factory=bytearray)
    _up: bool = False

    def __post_init__(self) -> None:
        """Begin to connect."""
        self.ours, self._far = socket.socketpair()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._changed = threading.Condition()
        self._closing = self._closed = False
        self._thread = threading.Thread(target=self._work, name="stream", daemon=True)
        self._thread.start()

    @property
    def is_up(self) -> bool:
        """Whether there is a connection."""
        return self._up

    def settled(self, seconds: float) -> bool:
        """Wait for a connection, or for the end; whether one of them came."""
        with self._changed:
            return self._changed.wait_for(lambda: self._up or self.end is not None, seconds)

    def wait_end(self, seconds: float) -> End | None:
        """Wait for the end; None where it did not come."""
        with self._changed:
            self._changed.wait_for(lambda: self.end is not None, seconds)
            return self.end

    def abort(self) -> None:
        """Have it end soon; from any thread."""
        self._closing = True
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """End it. Safe to repeat."""
        if self._closed:
            return
        self._closed = True
        self.abort()
        self.ours.close()
        self._thread.join()
        os.close(self._wake)

    # ---- in the thread

    def _work(self) -> None:
        end = End.LOST
        try:
            end = self._connections()
        finally:
            self._far.close()
            with self._changed:
                self._up, self.end = False, end
                self._changed.notify_all()

    def _connections(self) -> End:
        """Connect again and again; say how it ended."""
        has_asked = False
        deadline = Deadline.after(self.patience_s)
        while not self._closing:
            end, was_up = self._connection()
            if end is not None:
                return end
            if was_up:
                deadline = Deadline.after(self.patience_s)
            if deadline.expired:
                if has_asked or not self.when_lost():
                    return End.LOST
                has_asked = True
                deadline = Deadline.after(self.patience_s)
            self._pause()
        return End.CLOSED

    def _pause(self) -> None:
        """Wait a little; what is to be sent meanwhile waits in the socket."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.select(PAUSE_S)

    def _connection(self) -> tuple[End | None, bool]:
        """Connect once, and carry bytes as long as that lasts; whether there was a connection."""
        command = f"exec {self.program} attach {self.folder} {self._received}"
        near, child_end = socket.socketpair()
        with near, child_end:
            argv = stream_argv(self.host, command, self.log)
            with proc.start(
                argv, cwd=Path("/"), stdin=child_end.fileno(), stdout=child_end.fileno()
            ):
                child_end.close()
                self.connections += 1
                found, rest = self._greeting(near)
                if found is None:
                    return self._refused(), False
                kind, boot, taken = found[1].decode(), found[2].decode(), int(found[3])
                if kind == "gone":
                    self._rest(near, rest)
                    return (End.ENDED if boot == self.boot else End.BOOTED), True
                self._tell_up(True)
                try:
                    self._carry(near, rest, taken)
                finally:
                    self._tell_up(False)
        return (End.CLOSED if self._closing else None), True

    def _tell_up(self, value: bool) -> None:
        with self._changed:
            self._up = value
            self._changed.notify_all()

    def _refused(self) -> End | None:
        with suppress(OSError):
            said = self.log.read_text(errors="replace")
            if any(text in said for text, _, _ in KEYS):
                return End.REFUSED
        return None

    def _greeting(self, near: socket.socket) -> tuple[re.Match[bytes] | None, bytes]:
        """Read up to the agent's first line; give what came behind it."""
        data = bytearray()
        deadline = Deadline.after(GREETING_S)
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while len(data) < GREETING_MAX and not self._closing:
                if not selector.select(deadline.remaining()) or self._closing:
                    break
                part = _received(near)
                data += part
                found = HEADER.search(data)
                if found is not None:
                    return found, bytes(data[found.end() :])
                if not part:
                    break
        return None, b""

    def _rest(self, near: socket.socket, data: bytes) -> None:
        """Hand out what is left of a session that has ended."""
        while self._hand_out(data):
            data = _received(near)
            if not data:
                return

    def _hand_out(self, data: bytes) -> bool:
        try:
            self._far.sendall(data)
        except OSError:
            return False  # nobody wants it
        self._received += len(data)
        return True

    def _carry(self, near: socket.socket, data: bytes, taken: int) -> None:
        """Carry bytes both ways until the connection or we end. taken: what the agent has."""
        at = taken
        near.setblocking(False)
        while not self._closing:
            if data and not self._hand_out(data):
                return
            with selectors.DefaultSelector() as selector:
                more = selectors.EVENT_WRITE if at < len(self._sent) else 0
                selector.register(near, selectors.EVENT_READ | more)
                selector.register(self._far, selectors.EVENT_READ)
                selector.register(self._wake, selectors.EVENT_READ)
                ready = {key.fd: mask for key, mask in selector.select()}
            data = b""
            if ready.get(self._far.fileno()):
                asked = _received(self._far)
                if not asked:
                    return
                self._sent += asked
            mask = ready.get(near.fileno(), 0)
            try:
                if mask & selectors.EVENT_WRITE:
                    at += near.send(self._sent[at : at + READ_SIZE])
                if mask & selectors.EVENT_READ:
                    data = near.recv(READ_SIZE)
                    if not data:
                        return
            except BlockingIOError:
                continue
            except OSError:
                return


def _received(stream: socket.socket) -> bytes:
    try:
        return stream.recv(READ_SIZE)
    except OSError:
        return b""
