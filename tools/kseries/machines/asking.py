# SPDX-License-Identifier: GPL-2.0
"""Ask a machine's agent for something, and say what became of the machine when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.machines.agent import Agent, Garbled, Gone
from kseries.machines.agent import Silent as Unanswered
from kseries.machines.command import Command, Unfit

T = TypeVar("T")

MESSAGE_BYTES = 4000
TAMPERED = "a test has tampered with it, or the kernel has spoilt its memory"
STUCK = "a program cannot be killed, it hangs in the kernel"


class Booted(Protocol):
    """A machine that runs a kernel under test with an agent on it."""

    @property
    def agent(self) -> Agent:
        """What programs are run by."""
        ...

    def death(self) -> InfraError:
        """Say how it ended: its agent's bytes have come to an end."""
        ...

    def garbled(self, error: Garbled) -> InfraError:
        """Say that its agent does not speak as ours does any more."""
        ...

    def hang(self, command: Command) -> InfraError:
        """Say what hangs: all of it, or only a command."""
        ...


def asked(
    machine: Booted,
    command: Command,
    ask: Callable[[Agent], T],
    lost: Callable[[InfraError], InfraError],
) -> T:
    """Ask the agent of a machine; its errors become those of a target, which `lost` is told."""
    try:
        return ask(machine.agent)
    except Unfit as error:
        raise UserError(
            f"This cannot be run on the target: {error}.",
            where=proc.command_text(command.argv)[:MESSAGE_BYTES],
        ) from error
    except Gone:
        raise lost(machine.death()) from None
    except Garbled as error:
        raise lost(machine.garbled(error)) from error
    except Unanswered:
        raise lost(machine.hang(command)) from None


def answers(machine: Booted, within_s: float) -> bool | InfraError:
    """Tell whether an agent that did not do as it was told is there at all; else its fate."""
    try:
        return machine.agent.answers(Deadline.after(within_s))
    except Gone:
        return machine.death()
    except Garbled as error:
        return machine.garbled(error)
