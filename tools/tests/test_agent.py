# SPDX-License-Identifier: GPL-2.0
"""Frames, spoken with a socket that plays the guest."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kseries.deadline import Deadline
from kseries.targets.agent import Agent, Command, Gone, Silent, Unfit, encode


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    return kind + len(payload).to_bytes(4, "little") + payload


def number(value: int) -> bytes:
    return value.to_bytes(4, "little")


@pytest.fixture
def wake() -> Iterator[int]:
    handle = os.eventfd(0)
    yield handle
    os.close(handle)


@pytest.fixture
def pair(wake: int) -> Iterator[tuple[Agent, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Agent(ours, wake), theirs


def soon() -> Deadline:
    return Deadline.after(0.2)


def test_the_payload_of_a_command() -> None:
    command = Command(("a", "", "c d"), "/f", {"X": "1=2"}, feed=[])
    assert encode(command) == b"1\0/f\x001\0X=1=2\0a\0\0c d\0"


@pytest.mark.parametrize(
    "command",
    [
        Command(()),
        Command(("a\0b",)),
        Command(("a",), env={"": "x"}),
        Command(("a",), env={"A=B": "x"}),
        Command(("a" * (2 << 20),)),
    ],
)
def test_commands_that_cannot_be_sent(command: Command) -> None:
    with pytest.raises(Unfit):
        encode(command)


def test_output_and_end(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    data = frame(b"H", b"6.12") + frame(b"O", b"one") + frame(b"O", b"two")
    guest.sendall(data + frame(b"X", number(3 << 8)))
    seen = bytearray()
    assert agent.execute(Command(("x",)), soon(), seen.extend) == 3
    assert seen == b"onetwo"
    assert agent.wait_hello(soon())
    assert guest.recv(100) == frame(b"R", b"0\0/\x000\0x\0")


def test_a_signal_gives_the_status_of_a_shell(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    guest.sendall(frame(b"X", number(9)))
    assert agent.execute(Command(("x",)), soon(), lambda _: None) == 137


def test_at_most_a_window_of_input_is_on_the_way(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    guest.setblocking(False)
    taken = bytearray()

    def read_all() -> None:
        with suppress(BlockingIOError):
            while data := guest.recv(1 << 20):
                taken.extend(data)

    def feed() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(1 << 16)
            read_all()

    assert agent.execute(Command(("x",), feed=feed()), soon(), lambda _: None) is None
    read_all()
    assert taken.count(frame(b"I", bytes(1 << 16))) == 16


def test_a_guest_that_says_nothing(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    assert not agent.wait_hello(soon())
    assert agent.execute(Command(("x",)), soon(), lambda _: None) is None
    with pytest.raises(Silent):
        agent.execute(Command(("y",)), soon(), lambda _: None)
    with pytest.raises(Silent):
        agent.kill(soon())
    assert not agent.answers(soon())
    guest.sendall(frame(b"X", number(9)))
    agent.kill(soon())
    guest.sendall(frame(b"X", number(0)))
    assert agent.execute(Command(("y",)), soon(), lambda _: None) == 0


def test_a_channel_that_closes(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    guest.close()
    with pytest.raises(Gone):
        agent.wait_hello(soon())


def test_what_came_before_the_death_is_handed_out(
    pair: tuple[Agent, socket.socket], wake: int
) -> None:
    agent, guest = pair
    os.eventfd_write(wake, 1)
    seen = bytearray()
    with pytest.raises(Gone):
        agent.execute(Command(("x",)), soon(), seen.extend)
    guest.sendall(frame(b"O", b"late"))
    agent.drain()
    assert seen == b"late"
