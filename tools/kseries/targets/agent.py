# SPDX-License-Identifier: GPL-2.0
"""Talk to the guest's agent (guest/agent.c, which describes the frames)."""

from __future__ import annotations

import os
import selectors
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kseries.deadline import Deadline

HEADER = struct.Struct("<BI")
NUMBER = struct.Struct("<I")
RUN, INPUT, KILL, PING, POWER_OFF = b"R", b"I", b"K", b"P", b"Q"
HELLO, OUTPUT, TAKEN, ENDED = b"H", b"O", b"A", b"X"

STDIN_WINDOW = 1 << 20
STDIN_CHUNK = 1 << 16
READ_SIZE = 1 << 18
COMMAND_MAX = 1 << 20

Sink = Callable[[bytes], None]


class Gone(Exception):
    """The machine closed the channel, or its console shows that it is dead."""


class Silent(Exception):
    """The agent did not answer until the deadline."""


class Unfit(Exception):
    """The command cannot be sent."""


@dataclass(frozen=True)
class Command:
    """A program to run on the guest. feed: its standard input; None: /dev/null."""

    argv: tuple[str, ...]
    cwd: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    feed: Iterable[bytes] | None = None


@dataclass
class _Program:
    """The program that runs now."""

    sink: Sink
    on_the_way: int = 0
    status: int | None = None


class Agent:
    """One end of the control channel.

    wake: a file descriptor that becomes readable when the console shows the machine's end.
    """

    def __init__(self, channel: socket.socket, wake: int) -> None:
        self._channel = channel
        self._channel.setblocking(False)
        self._wake = wake
        self._received = bytearray()
        self._program: _Program | None = None
        self._hello = False
        self._pong = False

    def wait_hello(self, deadline: Deadline) -> bool:
        """Wait until the guest is up; tell whether that was in time. Raises Gone."""
        return self._pump(lambda: self._hello, deadline)

    def execute(self, command: Command, deadline: Deadline, sink: Sink) -> int | None:
        """Run a program; give its exit status as a shell does, None when the deadline came first.

        At the deadline it still runs: `kill` must follow. Raises Unfit, Gone; Silent when an
        earlier program still runs.
        """
        payload = encode(command)
        if self._program is not None:
            raise Silent
        program = self._program = _Program(sink)
        if not self._send(RUN, payload, deadline):
            return None
        if command.feed is not None and not self._feed(program, command.feed, deadline):
            return None
        if not self._pump(lambda: program.status is not None, deadline):
            return None
        return self._finish(program)

    def kill(self, deadline: Deadline) -> None:
        """Kill all processes of the guest and wait for the program's end.

        Raises Silent when it does not end, Gone.
        """
        program = self._program
        if program is None:
            return
        if not self._send(KILL, b"", deadline):
            raise Silent
        if not self._pump(lambda: program.status is not None, deadline):
            raise Silent
        self._program = None

    def answers(self, deadline: Deadline) -> bool:
        """Tell whether the agent still answers. Raises Gone."""
        self._pong = False
        return self._send(PING, b"", deadline) and self._pump(lambda: self._pong, deadline)

    def power_off(self, deadline: Deadline) -> None:
        """Ask the guest to power off. Raises Gone."""
        self._send(POWER_OFF, b"", deadline)

    def drain(self) -> None:
        """Hand out what a dead machine has still sent."""
        try:
            while data := self._channel.recv(READ_SIZE):
                self._received += data
        except (BlockingIOError, ConnectionError):
            pass
        self._take_frames()

    def _feed(self, program: _Program, feed: Iterable[bytes], deadline: Deadline) -> bool:
        """Send standard input, as far as the program takes it; tell whether that was in time."""
        for chunk in _chunks(feed):
            size = len(chunk)

            def room(size: int = size) -> bool:
                return program.status is not None or program.on_the_way + size <= STDIN_WINDOW

            if not self._pump(room, deadline):
                return False
            if program.status is not None:
                return True
            program.on_the_way += size
            if not self._send(INPUT, chunk, deadline):
                return False
        return self._send(INPUT, b"", deadline)

    def _finish(self, program: _Program) -> int:
        self._program = None
        assert program.status is not None
        code = os.waitstatus_to_exitcode(program.status)
        return code if code >= 0 else 128 - code

    def _send(self, kind: bytes, payload: bytes, deadline: Deadline) -> bool:
        """Send a frame, taking what comes meanwhile; tell whether it went out in time."""
        rest = memoryview(HEADER.pack(kind[0], len(payload)) + payload)
        while rest:
            try:
                rest = rest[self._channel.send(rest) :]
            except BlockingIOError:
                if deadline.expired:
                    return False
                self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE, deadline)
            except ConnectionError as error:
                raise Gone from error
        return True

    def _pump(self, done: Callable[[], bool], deadline: Deadline) -> bool:
        """Take frames until `done`, or the deadline."""
        while not done():
            if deadline.expired:
                return False
            self._wait(selectors.EVENT_READ, deadline)
        return True

    def _wait(self, events: int, deadline: Deadline) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, events)
            selector.register(self._wake, selectors.EVENT_READ)
            ready = {key.fd: mask for key, mask in selector.select(deadline.remaining())}
        if ready.get(self._channel.fileno(), 0) & selectors.EVENT_READ:
            self._receive()
        elif self._wake in ready:
            raise Gone

    def _receive(self) -> None:
        try:
            data = self._channel.recv(READ_SIZE)
        except BlockingIOError:
            return
        except ConnectionError as error:
            raise Gone from error
        if not data:
            raise Gone
        self._received += data
        self._take_frames()

    def _take_frames(self) -> None:
        while len(self._received) >= HEADER.size:
            kind, size = HEADER.unpack_from(self._received)
            end = HEADER.size + size
            if len(self._received) < end:
                return
            payload = bytes(self._received[HEADER.size : end])
            del self._received[:end]
            self._take(bytes([kind]), payload)

    def _take(self, kind: bytes, payload: bytes) -> None:
        program = self._program
        if kind == HELLO:
            self._hello = True
        elif kind == PING:
            self._pong = True
        elif program is None:
            return
        elif kind == OUTPUT:
            program.sink(payload)
        elif kind == TAKEN:
            program.on_the_way -= NUMBER.unpack(payload)[0]
        elif kind == ENDED:
            program.status = NUMBER.unpack(payload)[0]


def encode(command: Command) -> bytes:
    """Encode a command as the payload of its frame.

    Raises Unfit for a NUL, a variable without a name, no program, or more than 1 MiB.
    """
    variables = [f"{name}={value}" for name, value in command.env.items()]
    has_input = "0" if command.feed is None else "1"
    strings: Sequence[str] = [
        *(has_input, command.cwd, str(len(variables))),
        *variables,
        *command.argv,
    ]
    if not command.argv:
        raise Unfit("no program")
    if any("\0" in text for text in strings):
        raise Unfit("an argument holds a NUL character")
    if any(not name or "=" in name for name in command.env):
        raise Unfit("a variable has no name")
    payload = b"".join(os.fsencode(text) + b"\0" for text in strings)
    if len(payload) > COMMAND_MAX:
        raise Unfit("the arguments are too long")
    return payload


def _chunks(feed: Iterable[bytes]) -> Iterable[bytes]:
    for data in feed:
        for at in range(0, len(data), STDIN_CHUNK):
            yield data[at : at + STDIN_CHUNK]
