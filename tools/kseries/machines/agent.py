# SPDX-License-Identifier: GPL-2.0
"""Talk to the guest's agent (guest/agent.c, which describes the frames)."""

from __future__ import annotations

import os
import re
import selectors
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from kseries.lib.deadline import Deadline
from kseries.machines import kmsg
from kseries.machines.command import Command, encode
from kseries.parse.taint import Counts

HEADER = struct.Struct("<BI")
NUMBER = struct.Struct("<I")
RUN, INPUT, KILL, MARK, PING, POWER_OFF = b"R", b"I", b"K", b"M", b"P", b"Q"
HELLO, OUTPUT, TAKEN, ENDED, LOG, COUNTS = b"H", b"O", b"A", b"X", b"L", b"W"

# How long the payload of each frame may be: (least, most) bytes. No other frame is accepted.
SIZES = {
    HELLO: (1, 64),  # utsname's release
    OUTPUT: (1, 1 << 15),
    TAKEN: (4, 4),
    ENDED: (4, 4),
    LOG: (1, 1 << 15),
    COUNTS: (5, 96),
    PING: (0, 0),
}
DRAIN_MAX = 8 << 20  # bytes that are taken of a machine that is dead

_COUNT = r"(\d{1,20}|-)"
_COUNTS = re.compile(rf"{_COUNT} {_COUNT} {_COUNT}")

STDIN_WINDOW = 1 << 20
STDIN_CHUNK = 1 << 16
READ_SIZE = 1 << 18

Sink = Callable[[bytes], None]


class Gone(Exception):
    """The machine closed the channel, or its console shows that it is dead."""


class Garbled(Exception):
    """What came is not what the guest's agent says; the text tells what is wrong with it.

    QEMU carries bytes faithfully: the guest's kernel, or a test that is root there, made it.
    """


class Silent(Exception):
    """The agent did not answer until the deadline."""


@dataclass(frozen=True)
class Report:
    """What the kernel said up to a mark, and what it counts."""

    log: kmsg.Log
    counts: Counts


@dataclass
class _Program:
    """The program that runs now."""

    sink: Sink
    on_the_way: int = 0
    status: int | None = None


class Agent:
    """One end of the control channel.

    wake: a file descriptor that becomes readable when the console shows the machine's end.
    on_kernel_line: gets the kernel's own lines as they come, as they were on a console.
    Whatever the other end sends, no more than one frame is held; all methods raise Garbled.
    """

    def __init__(
        self,
        channel: socket.socket,
        wake: int,
        on_kernel_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._channel = channel
        self._channel.setblocking(False)
        self._wake = wake
        self._received = bytearray()
        self._program: _Program | None = None
        self._log = kmsg.Reader(on_kernel_line)
        self._counts: Counts | None = None
        self._hello = False
        self._asked = self._pong = False

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

    def mark(self, line: str, deadline: Deadline) -> Report | None:
        """Write a line into the kernel log; None when there was no answer in time. Raises Gone."""
        self._counts, self._log.awaited = None, line
        if not self._send(MARK, line.encode(), deadline):
            return None
        if not self._pump(lambda: self._counts is not None, deadline):
            return None
        assert self._counts is not None
        return Report(self._log.take(), self._counts)

    def answers(self, deadline: Deadline) -> bool:
        """Tell whether the agent still answers. Raises Gone."""
        self._asked, self._pong = True, False
        return self._send(PING, b"", deadline) and self._pump(lambda: self._pong, deadline)

    def power_off(self, deadline: Deadline) -> None:
        """Ask the guest to power off. Raises Gone."""
        self._send(POWER_OFF, b"", deadline)

    def drain(self) -> None:
        """Hand out what a dead machine has still sent, as far as it makes sense."""
        taken = 0
        with suppress(BlockingIOError, ConnectionError, Garbled):
            while taken < DRAIN_MAX and (data := self._channel.recv(READ_SIZE)):
                taken += len(data)
                self._received += data
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
        data, at = self._received, 0
        try:
            while len(data) - at >= HEADER.size:
                number, size = HEADER.unpack_from(data, at)
                kind = bytes([number])
                least, most = SIZES.get(kind, (0, -1))
                if not least <= size <= most:
                    raise Garbled(f"a frame of type {kind!r} with {size} bytes")
                end = at + HEADER.size + size
                if len(data) < end:
                    break
                payload, at = bytes(data[at + HEADER.size : end]), end
                self._take(kind, payload)
        finally:
            del data[:at]

    def _take(self, kind: bytes, payload: bytes) -> None:
        if (kind == HELLO) is self._hello:
            # Another kernel was started in its place (kexec), or the first frame is missing.
            raise Garbled("it began anew" if self._hello else f"a frame of type {kind!r} at first")
        if kind == HELLO:
            self._hello = True
        elif kind == LOG:
            self._take_log(payload)
        elif kind == COUNTS:
            self._take_counts(payload)
        elif kind == PING:
            if not self._asked:
                raise Garbled("an answer to nothing")
            self._asked, self._pong = False, True
        else:
            self._take_of_program(kind, payload)

    def _take_of_program(self, kind: bytes, payload: bytes) -> None:
        program = self._program
        if program is None or program.status is not None:
            raise Garbled(f"a frame of type {kind!r} while no program ran")
        if kind == OUTPUT:
            program.sink(payload)
        elif kind == TAKEN:
            program.on_the_way -= NUMBER.unpack(payload)[0]
            if program.on_the_way < 0:
                raise Garbled("more input was taken than there was")
        else:
            status = NUMBER.unpack(payload)[0]
            if not _ends(status):
                raise Garbled(f"wait status {status:#x}")
            program.status = status

    def _take_log(self, payload: bytes) -> None:
        try:
            self._log.feed(payload)
        except kmsg.NoRecord as error:
            raise Garbled(f"no record of the kernel log: {error}") from error

    def _take_counts(self, payload: bytes) -> None:
        found = _COUNTS.fullmatch(payload.decode("ascii", errors="replace"))
        if found is None or self._counts is not None or not self._log.awaited:
            raise Garbled("counts of the kernel that make no sense")
        taint, warnings, oopses = (None if text == "-" else int(text) for text in found.groups())
        self._counts = Counts(taint or 0, warnings, oopses)


def _ends(status: int) -> bool:
    """Whether a wait status is that of a program that exited, or that a signal ended."""
    if status & 0x7F:
        return status <= 0xFF and os.WIFSIGNALED(status)
    return status <= 0xFFFF and not status & 0x80


def _chunks(feed: Iterable[bytes]) -> Iterable[bytes]:
    for data in feed:
        for at in range(0, len(data), STDIN_CHUNK):
            yield data[at : at + STDIN_CHUNK]
