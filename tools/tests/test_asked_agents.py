# SPDX-License-Identifier: GPL-2.0
"""What becomes of a question to an agent, at the other end of a socket that plays the machine."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.machines import asking
from kseries.machines.agent import Agent, Garbled
from kseries.machines.command import Command
from tests.test_agent import frame

DO = Command(("do",))


@dataclass
class Machine:
    """Says what it was asked to say of itself."""

    agent: Agent
    far: socket.socket
    lost: list[InfraError] = field(default_factory=list)

    def death(self) -> InfraError:
        return InfraError("dead")

    def garbled(self, error: Garbled) -> InfraError:
        return InfraError(f"garbled: {error}")

    def hang(self, command: Command) -> InfraError:
        answers = asking.answers(self, 0.1)
        if isinstance(answers, InfraError):
            return answers
        return InfraError(f"{command.argv[0]} hangs, {answers}")

    def ask(self, question: Callable[[Agent], object], command: Command = DO) -> object:
        def lose(error: InfraError) -> InfraError:
            self.lost.append(error)
            return error

        return asking.asked(self, command, question, lose)


@pytest.fixture
def machine() -> Iterator[Machine]:
    ours, theirs = socket.socketpair()
    wake = os.eventfd(0)
    with ours, theirs:
        yield Machine(Agent(ours, wake), theirs)
    os.close(wake)


def greet(agent: Agent) -> bool:
    return agent.wait_hello(Deadline.after(0.2))


def end(agent: Agent) -> None:
    agent.kill(Deadline.after(0.1))


def run(agent: Agent) -> int | None:
    return agent.execute(DO, Deadline.after(0.1), lambda _: None)


def test_what_is_answered_is_given(machine: Machine) -> None:
    machine.far.sendall(frame(b"H", b"6.12"))
    assert machine.ask(greet) is True
    assert machine.lost == []


def test_whoever_dies_before_it_says_hello_is_told_as_dead(machine: Machine) -> None:
    machine.far.close()
    with pytest.raises(InfraError, match="dead"):
        machine.ask(greet)
    assert len(machine.lost) == 1


def test_whoever_speaks_otherwise_is_told(machine: Machine) -> None:
    machine.far.sendall(frame(b"?", b"6.12"))
    with pytest.raises(InfraError, match="garbled: "):
        machine.ask(greet)


@pytest.mark.parametrize("is_there", [False, True])
def test_what_cannot_be_ended_hangs_alone_or_with_all(machine: Machine, is_there: bool) -> None:
    machine.far.sendall(frame(b"H", b"6.12"))
    assert machine.ask(greet) is True
    assert machine.ask(run) is None
    seen = bytearray()

    def answer() -> None:
        while not seen.endswith(frame(b"P")):
            seen.extend(machine.far.recv(100))
        machine.far.sendall(frame(b"P"))

    pinged = threading.Thread(target=answer)
    if is_there:
        pinged.start()
    with pytest.raises(InfraError, match=f"do hangs, {is_there}"):
        machine.ask(end)
    if is_there:
        pinged.join()


def test_whoever_dies_when_looked_at_did_not_hang(machine: Machine) -> None:
    assert machine.ask(run) is None
    machine.far.shutdown(socket.SHUT_WR)
    with pytest.raises(InfraError, match="dead"):
        machine.ask(end)


def test_what_cannot_be_sent_is_the_users_and_costs_no_machine(machine: Machine) -> None:
    wrong = Command(("a\0b",))

    def execute(agent: Agent) -> int | None:
        return agent.execute(wrong, Deadline.after(0.1), lambda _: None)

    with pytest.raises(UserError, match="cannot be run"):
        machine.ask(execute, wrong)
    assert machine.lost == []
