# SPDX-License-Identifier: GPL-2.0
"""A lab machine as a `Target`: kernels by kexec, programs by the agent, all of it over ssh."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from kseries.hardware import boots, place, port, restore
from kseries.hardware.boots import Running
from kseries.hardware.ends import Ends
from kseries.hardware.kernellog import KernelLog
from kseries.hardware.place import AGENT, SESSION
from kseries.hardware.stream import Stream
from kseries.hardware.target import Target as LabTarget
from kseries.hardware.underway import Underway
from kseries.hardware.visit import Visit
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.progress import Progress
from kseries.lib.runfolder import RunFolder
from kseries.machines import asking, copying, running
from kseries.machines.agent import Agent, Report
from kseries.machines.agent import Silent as Unanswered
from kseries.machines.base import BootFailed, Exit, TargetLost, TimedLine, Witness
from kseries.machines.command import Command
from kseries.model import Kernel

T = TypeVar("T")

KILL_S = 30.0
HELLO_S = 60.0
SERIAL = "serial"
"""The log in the run folder of what the target's console shows, where it has one."""

MARK, HELLO = Command(("mark",)), Command(("hello",))  # for messages


class LabMachine:
    """A lab machine (a `Target`). Leaving it puts the machine back into its first state."""

    def __init__(
        self,
        target: LabTarget,
        run: RunFolder,
        progress: Progress,
        *,
        number: int = 1,
        modules: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """Describe the machine; nothing is done before it is entered.

        modules: folder with those of the kernel, one folder each release. arguments: more words
        for the kernel's command line; they win.
        """
        self._target = target
        self._run = run
        self._progress = progress
        self._modules = modules
        self._arguments = (*target.lab.dut.arguments, *arguments)
        self._log = KernelLog(run.console(number))
        self._visit = Visit(target, run, progress)
        self._stack = ExitStack()
        self._facts = {"accelerator": target.name, "target": target.name, "note": ""}
        self._session: Underway | None = None
        self._token = ""
        self._aborted = threading.Event()

    def __enter__(self) -> LabMachine:
        """Take the lock, and the machine's state. Raises InfraError."""
        self._visit.enter(f"run {self._run.name}")
        try:
            self._stack.enter_context(
                self._log.watching(self._visit.lab.console, self._run.log(SERIAL))
            )
        except BaseException:
            self._visit.leave()
            raise
        self._facts["own kernel"] = self._visit.own.release
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the machine back, also at an error, which is raised rather than another one."""
        try:
            self.close()
        except InfraError as told:
            if kind is None:
                raise
            self._progress.note(str(told))

    @property
    def peer(self) -> None:
        """Nobody: the machine at the other end boots nothing for us."""
        return

    @property
    def facts(self) -> Mapping[str, str]:
        """`target`, `own kernel`; `accelerator` is the target's name; `note`."""
        return self._facts

    @property
    def ends(self) -> Ends:
        """Both ports, for who asks and sets them; what is set is put back when we leave."""
        return Ends(self._target.lab, self._visit.connected)

    def set_up_ports(self) -> None:
        """Have both ports up with their addresses again. Raises port.Unfit."""
        self._facts["interface"] = self._visit.configure()

    def boot(self, kernel: Kernel, deadline: Deadline) -> None:
        """Start the kernel by kexec, and an agent on it. Raises BootFailed, InfraError.

        How long it may take is the target's, as machines need minutes.
        """
        del deadline
        self._end_session()
        self._require_at_work()
        self._visit.was_cycled = False
        limit_s = self._target.lab.boot.deadline_s
        before = self._visit.home()
        began = time.monotonic()
        self._progress.update(f"{self._target.name}: sending the kernel")
        image, initrd = self._persist(
            lambda: place.kernel(
                self._visit.dut, kernel, self._modules, self._target.lab.boot.initrd
            )
        )
        self._token = secrets.token_hex(8)
        words = boots.arguments(before, self._token, self._arguments)
        deployed = time.monotonic()
        self._log.begin()
        self._persist(lambda: boots.load(self._visit.dut, before.boot, image, initrd, words))
        boots.start(self._visit.dut_lasting, before.boot)
        self._visit.dut_lasting.close()
        came = boots.wait(
            self._visit.dut_lasting, before.boot, Deadline.after(limit_s), self._aborted.is_set
        )
        self._require_ours(came, kernel, limit_s)
        assert came is not None
        up = time.monotonic()
        try:
            self._persist(self.set_up_ports)
        except port.Unfit as lack:
            raise self._boot_failed(f"it came up, and {lack}") from lack
        self._begin_session(came)
        self._facts["boot times"] = (
            f"{deployed - began:.1f} s to deploy, {up - deployed:.1f} s to boot,"
            f" {time.monotonic() - up:.1f} s to make ready"
        )

    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        on_line: TimedLine | None = None,
    ) -> Exit:
        """Run a program to its end or to the deadline (then all that it started is killed).

        Raises KernelDied when the machine was booted or hung meanwhile, TargetLost.
        """
        variables = dict(env or {})
        if port.NETIF in variables:  # of a suite that wants somebody at the other end of a cable
            lab, interface = self._target.lab, self._facts["interface"]
            variables |= port.environment(lab, interface)
        command = Command(tuple(argv), cwd, variables)
        return running.run(self._execute, command, deadline, on_line)

    def put(self, source: Path, destination: str, deadline: Deadline) -> None:
        """Copy a file or folder of the host to the machine; what it has already is not sent."""
        self._require_at_work()
        del deadline
        self._persist(lambda: place.bring(self._visit.dut, source, destination))

    def get(self, source: str, destination: Path, deadline: Deadline) -> None:
        """Copy a file or folder of the machine to the host, as `destination`, replacing it."""
        left_out = copying.get(self._execute, source, destination, deadline)
        if left_out:
            self._progress.note(f"not copied from the machine: {', '.join(left_out[:10])}")

    def mark(self, line: str, deadline: Deadline) -> Witness:
        """Write a line into the kernel log; give what the kernel said of itself up to it."""
        report = self._asked(MARK, lambda agent: self._marked(agent, line, deadline))
        log = report.log
        if log.marked:
            self.note([line])
        return Witness(report.counts, tuple(log.said), log.missing)

    def note(self, lines: Sequence[str]) -> None:
        """Put lines behind the kernel log."""
        self._log.add(lines)

    def console(self) -> tuple[tuple[float, str], ...]:
        """Give the kernel log of all boots so far: (arrival on the monotonic clock, line)."""
        return tuple(self._log.lines)

    def waited(self, since: float, until: float) -> float:
        """Say that nobody lets it wait: it has processors of its own."""
        del since, until
        return 0.0

    def abort(self) -> None:
        """Have whoever waits for the machine be told that it is lost; from any thread."""
        self._aborted.set()
        if (session := self._session) is not None:
            session.stream.abort()

    def close(self) -> None:
        """Bring the machine back to its first state and let go of it. Safe to repeat."""
        self._aborted.clear()
        self._end_session()
        try:
            found = self._visit.leave()
        finally:
            self._stack.close()
        notes = restore.repaired(found)
        self._facts["note"] = "; ".join(notes)

    # ---- booting

    def _persist(self, work: Callable[[], T]) -> T:
        """Do what may be done twice, and survive that the connection is lost."""
        self._visit.connections.stop = self._aborted.is_set
        return self._visit.connections.persist(work)

    def _require_ours(self, came: Running | None, kernel: Kernel, limit_s: float) -> None:
        """Raise BootFailed for a kernel that did not come up; the machine is on its own then."""
        self._require_at_work()
        if came is None:
            why = f"it did not answer within {limit_s:.0f} s"
            own = self._visit.own_kernel("")
            raise self._boot_failed(f"{why}; the machine is on {own.release} again", hung=True)
        if came.token != self._token:
            raise self._boot_failed(f"the machine came back on its own kernel, {came.release}")
        if came.release != kernel.release:
            raise self._boot_failed(
                f"another kernel answered: it calls itself {came.release}, not {kernel.release}"
            )

    def _boot_failed(self, why: str, *, hung: bool = False) -> BootFailed:
        death = self._log.last_words()
        reason = f"{death}; {why}" if death else why
        return BootFailed(reason, where=self._log.where, hung=hung)

    def _begin_session(self, came: Running) -> None:
        """Start the agent on the machine, and talk to it."""
        place.serve(self._visit.dut)
        lab = self._target.lab
        stream = Stream(
            host=lab.dut.host,
            program=AGENT,
            folder=SESSION,
            boot=came.boot,
            patience_s=lab.boot.deadline_s,
            when_lost=self._visit.cycle,
            log=self._run.log("ssh"),
        )
        wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._stack.callback(os.close, wake)
        self._session = Underway(
            host=lab.dut.host,
            agent=Agent(stream.ours, wake, lambda line: self._log.add([line])),
            stream=stream,
            log=self._log,
            visit=self._visit,
            aborted=self._aborted.is_set,
        )
        self._require_at_work()
        if not self._asked(HELLO, lambda agent: agent.wait_hello(Deadline.after(HELLO_S))):
            said = place.must(self._visit.dut, f"cat {SESSION}/agent.log; true")
            raise TargetLost(
                f"The agent on {lab.dut.host} does not answer.",
                where=f"{lab.dut.host}:{SESSION}/agent.log\n{said}",
            )

    def _end_session(self) -> None:
        """Leave what runs on the machine for us; booting it ends that."""
        session, self._session = self._session, None
        if session is not None:
            session.stream.close()

    # ---- running

    def _execute(
        self, command: Command, deadline: Deadline, sink: Callable[[bytes], None]
    ) -> int | None:
        """Run a command; at the deadline kill it and give None. Raises KernelDied, TargetLost."""

        def execute(agent: Agent) -> int | None:
            status = agent.execute(command, deadline, sink)
            if status is None:
                self._settle()
                agent.kill(Deadline.after(KILL_S))
            return status

        return self._asked(command, execute)

    def _marked(self, agent: Agent, line: str, deadline: Deadline) -> Report:
        report = agent.mark(line, deadline)
        if report is None:
            self._settle()
            raise Unanswered
        return report

    def _settle(self) -> None:
        """Wait for a connection that was lost to be there again, or to be given up."""
        if self._session is not None:
            self._session.stream.settled(3 * self._target.lab.boot.deadline_s)

    def _asked(self, command: Command, ask: Callable[[Agent], T]) -> T:
        """Ask the agent something; its errors become those of a target."""
        if self._session is None:
            raise TargetLost("The machine runs no kernel of ours.", where=self._target.name)
        return asking.asked(self._session, command, ask, self._lost)

    def _lost(self, error: InfraError) -> InfraError:
        """Let go of a session that is no use any more."""
        self._end_session()
        return error

    def _require_at_work(self) -> None:
        if self._aborted.is_set():
            raise TargetLost("The run was ended.", where=self._target.name)
