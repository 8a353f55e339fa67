# SPDX-License-Identifier: GPL-2.0
"""Frames, spoken with a socket that plays the guest."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kseries.lib.deadline import Deadline
from kseries.machines.agent import Agent, Garbled, Gone, Silent
from kseries.machines.command import Command, Unfit, encode
from kseries.parse.taint import Counts


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
        agent = Agent(ours, wake)
        theirs.sendall(frame(b"H", b"6.12"))
        assert agent.wait_hello(soon())
        yield agent, theirs


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
    guest.sendall(frame(b"O", b"one") + frame(b"O", b"two") + frame(b"X", number(3 << 8)))
    seen = bytearray()
    assert agent.execute(Command(("x",)), soon(), seen.extend) == 3
    assert seen == b"onetwo"
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


def test_a_guest_that_says_nothing(pair: tuple[Agent, socket.socket], wake: int) -> None:
    agent, guest = pair
    ours, _theirs = socket.socketpair()
    with ours, _theirs:
        assert not Agent(ours, wake).wait_hello(soon())
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
        agent.answers(soon())


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


RECORD = b"4,0,1000001,-;WARNING: at x\n"


def test_a_mark_brings_what_the_kernel_said(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    guest.sendall(
        frame(b"L", RECORD + b" SUBSYSTEM=net\n12,1,1000002,-;WARNING: a program says\n")
        + frame(b"L", b"6,4,2000003,-,caller=T1;two\\x0alines\n15,5,3,-;kseries: mark\n")
        + frame(b"W", b"512 1 -")
    )
    report = agent.mark("kseries: mark", soon())
    assert report is not None
    assert report.counts == Counts(512, 1, None)
    assert report.log.said == [
        "[    1.000001] WARNING: at x",
        "[    2.000003][    T1] two",
        "[    2.000003][    T1] lines",
    ]
    assert (report.log.lost, report.log.left_out, report.log.marked) == (2, 0, True)
    assert guest.recv(100) == frame(b"M", b"kseries: mark")
    guest.sendall(frame(b"W", b"512 1 -"))
    report = agent.mark("kseries: another", soon())
    assert report is not None
    assert not report.log.marked


def test_what_the_kernel_says_without_end_is_bounded(pair: tuple[Agent, socket.socket]) -> None:
    reader = pair[0]._log
    for number in range(10_000):
        reader.feed(b"4,%d,1,-;%s\n" % (number, b"x" * 1000))
    log = reader.take()
    assert sum(map(len, log.said)) <= 4 << 20
    assert log.left_out == 10_000 - len(log.said)
    assert log.lost == 0


@pytest.mark.parametrize(
    "sent",
    [
        [b"O" + (0xFFFFFFFF).to_bytes(4, "little")],
        [frame(b"O", bytes((1 << 15) + 1))],
        [frame(b"O")] * 1000,
        [frame(b"L")] * 1000,
        [frame(b"X", b"\0\0")],
        [frame(b"X", bytes(5))],
        [frame(b"X", number(0xFFFFFFFF))],
        [frame(b"X", number(0x80000000))],
        [frame(b"X", number(0x7F))],  # stopped
        [frame(b"X", number(0x0309))],  # both a signal and an exit status
        [frame(b"X", number(0)) * 2],
        [frame(b"X", number(0)), frame(b"O", b"after the end")],
        [frame(b"A", number(1))],
        [frame(b"A", number(0xFFFFFFFF))],
        [frame(b"H", b"6.12")],
        [frame(b"P")],
        [frame(b"P", b"x")],
        [frame(b"W", b"1 2 3")],
        [frame(b"W", b"x" * 20)],
        [frame(b"L", b"no record\n")],
        [frame(b"L", RECORD * 2)],  # a number a second time
        [frame(b"Z", b"?")],
        [b"\xff" * 100],
    ],
)
def test_what_no_agent_says(pair: tuple[Agent, socket.socket], sent: list[bytes]) -> None:
    agent, guest = pair
    guest.sendall(b"".join(sent))

    # The end came with the first frame, and nonsense behind it: it is found with the next one.
    def use() -> None:
        agent.execute(Command(("x",)), soon(), lambda _: None)
        agent.answers(soon())

    with pytest.raises(Garbled):
        use()


@pytest.mark.parametrize("first", [frame(b"O", b"x"), frame(b"P"), frame(b"X", number(0))])
def test_the_first_frame_is_a_hello(wake: int, first: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(first)
        with pytest.raises(Garbled):
            Agent(ours, wake).wait_hello(soon())


def test_a_frame_that_never_ends_is_not_collected(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    guest.sendall(b"O" + (1 << 15).to_bytes(4, "little") + bytes(1000))
    assert agent.execute(Command(("x",)), soon(), lambda _: None) is None
    assert len(agent._received) == 1005


def test_a_dead_machine_that_sends_on_is_left(pair: tuple[Agent, socket.socket]) -> None:
    agent, guest = pair
    assert agent.execute(Command(("x",)), soon(), lambda _: None) is None
    guest.sendall(frame(b"O", b"last") + b"\xff" * 1000)
    seen = bytearray()
    agent._program.sink = seen.extend  # type: ignore[union-attr]
    agent.drain()
    assert seen == b"last"
