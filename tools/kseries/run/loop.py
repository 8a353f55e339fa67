# SPDX-License-Identifier: GPL-2.0
"""A built kernel to try things on: one program, or a shell. Nothing of it is a result of the run.

The machine is a fresh one with the run's tests in it; its logs are kept apart from the run's.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kseries.lib import atomicfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.lib.userpath import current, user_path
from kseries.machines import terminal
from kseries.machines.base import KernelDied
from kseries.machines.vm import VirtualMachine
from kseries.model import KernelEvent
from kseries.parse import klog
from kseries.run import stages
from kseries.run.context import RunContext
from kseries.suites import nics
from kseries.test.ready import PLACE, PUT_S, bring
from kseries.test.session import BOOT_S

FOLDER = "tried"  # of the run: logs of the last machine
SHARED = "/shared"
OWN = "/put"  # where files of the host go
DAY_S = 86_400.0
GOT_S = 600.0

TIMED_OUT = 124
"""Exit status for a program that was ended at its deadline, as timeout(1) has it."""


@dataclass(frozen=True)
class Wanted:
    """What the machine is to have. put: files and folders of the host, below OWN by their names.

    share: a folder that is there as SHARED, and gets back what is in it at the end; "" for none.
    nics: whether two linked interfaces are made.
    """

    put: tuple[str, ...] = ()
    share: str = ""
    nics: bool = False


@dataclass(frozen=True)
class Tried:
    """How a program ended. status: None at its deadline. events: complaints of the kernel."""

    status: int | None
    events: tuple[KernelEvent, ...]
    death: str = ""

    @property
    def exit_code(self) -> int:
        """The program's own, and 1 where the kernel has complained of what it did."""
        if self.death:
            return 1
        if self.status is None:
            return TIMED_OUT
        return self.status or int(bool(self.events))


def execute(work: RunContext, command: Sequence[str], wanted: Wanted, *, timeout_s: float) -> Tried:
    """Run a program on the run's kernel; it prints to our standard output.

    Its first word may be a program of this host, which is put there. Raises UserError for a run
    without a kernel or a file that is not there.
    """
    own = user_path(command[0], current())
    put = wanted.put
    if "/" in command[0] and own.is_file():
        put = (*put, command[0])
        command = (str(PurePosixPath(OWN, own.name)), *command[1:])
    status: int | None = None
    death = ""
    first = 0
    machine = None
    try:
        with _machine(work, put, wanted) as machine:
            first = len(machine.console())
            deadline = Deadline.after(timeout_s)
            status = machine.run(command, deadline=deadline, cwd=PLACE, on_line=_print).status
            _give_back(machine, wanted)
    except KernelDied as error:
        death = error.reason
    lines = machine.console() if machine else ()
    return Tried(status, tuple(klog.events(lines[first:], first_line=first + 1)), death)


def shell(work: RunContext, wanted: Wanted) -> None:
    """Let somebody type to a shell on the run's kernel, until it ends. Raises as `execute`."""
    with _machine(work, wanted.put, wanted, has_terminal=True) as machine:
        ended = threading.Event()
        failed: list[BaseException] = []

        def serve() -> None:
            try:
                words = terminal.shell(PLACE)
                machine.run(words, deadline=Deadline.after(DAY_S), on_line=_print)
            except BaseException as error:
                failed.append(error)
            finally:
                ended.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        terminal.pump(sys.stdin.fileno(), sys.stdout.fileno(), machine.terminal, ended.is_set)
        thread.join()
        if failed:
            raise failed[0]
        _give_back(machine, wanted)


@contextmanager
def _machine(
    work: RunContext, put: Sequence[str], wanted: Wanted, *, has_terminal: bool = False
) -> Iterator[VirtualMachine]:
    """Boot a machine with the run's tests and what is wanted in it."""
    sources = [_there(name) for name in put]
    shared = _there(wanted.share) if wanted.share else None
    kernel = work.outcome(stages.BUILD)
    folder = work.run.path / FOLDER
    atomicfile.remove_tree(folder)
    folder.mkdir()
    with work.machine(RunFolder(folder), 1, terminal=has_terminal) as machine:
        machine.boot(kernel, Deadline.after(BOOT_S))
        if work.run.has(stages.INSTALL.name):
            installed = work.outcome(stages.INSTALL)
            bring(machine, installed)
        else:
            machine.run(["mkdir", "-p", PLACE], deadline=Deadline.after(PUT_S))
        machine.run(["mkdir", "-p", OWN], deadline=Deadline.after(PUT_S))
        for source in sources:
            machine.put(source, f"{OWN}/{source.name}", Deadline.after(PUT_S))
        if shared is not None:
            machine.put(shared, SHARED, Deadline.after(PUT_S))
        if wanted.nics:
            machine.run(nics.words(), deadline=Deadline.after(PUT_S), on_line=_print)
        yield machine


def _there(name: str) -> Path:
    place = user_path(name, current())
    if not place.exists():
        raise UserError(f"There is no {name}.", where=str(place), do="name a file or a folder")
    return place


def _give_back(machine: VirtualMachine, wanted: Wanted) -> None:
    if wanted.share:
        machine.get(SHARED, _there(wanted.share), Deadline.after(GOT_S))


def _print(_at: float, line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
