# SPDX-License-Identifier: GPL-2.0
"""A kernel under test that runs on a lab machine, and what became of it when it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kseries.hardware.kernellog import KernelLog
from kseries.hardware.place import SESSION
from kseries.hardware.ssh import Refused
from kseries.hardware.stream import End, Stream
from kseries.hardware.visit import Visit
from kseries.lib import proc
from kseries.lib.errors import InfraError
from kseries.machines import asking
from kseries.machines.agent import Agent, Garbled
from kseries.machines.base import KernelDied, TargetLost
from kseries.machines.command import Command

PING_S = 30.0


@dataclass(frozen=True)
class Underway:
    """A session on the machine: an agent, and the stream of what it says.

    host: as ssh knows the machine. aborted: whether the run was ended from outside.
    """

    host: str
    agent: Agent
    stream: Stream
    log: KernelLog
    visit: Visit
    aborted: Callable[[], bool]

    def death(self) -> InfraError:
        """Say what became of the machine: its bytes have come to an end."""
        end = self.stream.wait_end(PING_S)
        self.agent.drain()
        if end is End.BOOTED:
            return self._reset()
        if self.aborted():
            return TargetLost("The run was ended.", where=self.host)
        if end is End.LOST:
            return self.visit.stranded("it hangs and does not come back")
        if end is End.REFUSED:
            return Refused(
                f"{self.host} has another host key than the one that is known.",
                where=f"ssh {self.host}",
                do="find out why; then `ssh-keygen -R` its name, and log in once by hand",
            )
        return TargetLost(
            f"The agent on {self.host} has ended, and the machine runs on.",
            where=f"{self.host}:{SESSION}/agent.log",
            do="is its disk full, or did a test kill it?",
        )

    def garbled(self, error: Garbled) -> KernelDied:
        """Say that the agent was tampered with, or that its memory is spoilt."""
        return KernelDied(
            f"the agent does not speak as ours does any more: {error}; {asking.TAMPERED}",
            where=self.log.where,
        )

    def hang(self, command: Command) -> InfraError:
        """Say what hangs; the machine still answers to ssh."""
        answers = asking.answers(self, PING_S)
        if isinstance(answers, InfraError):
            return answers
        where = f"{proc.command_text(command.argv)[: asking.MESSAGE_BYTES]}\n{self.log.where}"
        what = asking.STUCK if answers else "it hangs: the agent does not answer any more"
        return KernelDied(what, where=where, hung=True)

    def _reset(self) -> KernelDied:
        """Say that the kernel under test is gone; the machine runs its own."""
        hung = self.visit.was_cycled
        what = "it hung, and was switched off and on" if hung else "the machine reset meanwhile"
        death = self.log.last_words()
        where = self.log.where
        return KernelDied(f"{death} ({what})" if death else what, where=where, hung=hung)
