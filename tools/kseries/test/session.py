# SPDX-License-Identifier: GPL-2.0
"""One machine at work: it is booted when there is something to run, and again when it died."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from kseries.lib import atomicfile
from kseries.lib.bounded import MIB, HeadTail
from kseries.lib.deadline import Deadline
from kseries.lib.runfolder import RunFolder
from kseries.machines.base import BootFailed, KernelDied, Starved, Target, TargetLost
from kseries.model import (
    EventKind,
    InstalledSuites,
    Kernel,
    ProgramResult,
    Ran,
    TestProgram,
)
from kseries.parse import ktap, marks, outcome
from kseries.parse.outcome import Ended, label_of
from kseries.parse.running import RunningCases, Span
from kseries.test import checkpoint
from kseries.test.coverage import Coverage
from kseries.test.observed import Observed, Seen
from kseries.test.ready import PLACE, Unlinked, bring
from kseries.test.shards import Shard
from kseries.test.testlog import TestLog, open_log

BOOT_S = 180.0  # a kernel with all checkers, emulated, needs 25

KMEMLEAK = "/sys/kernel/debug/kmemleak"
LEAK_AGE_S = 6  # kmemleak tells of an object when it is older than 5 s, in the second scan
LEAKS_S = 300.0
LEAKS_BYTES = 16 * MIB

# Prints where what the kernel has lost was allocated. Arguments: kmemleak's file, an age. kmemleak
# ends itself when it finds no memory for what it must remember, and then scans no more.
_LEAKS = """[ -w "$1" ] || exit 0
scan() { { echo scan >"$1"; } 2>/dev/null; }
scan "$1" && sleep "$2" && scan "$1" || exit 3
cat "$1"
"""
GAVE_UP = 3

# How long a kernel waits before it complains that something stalls, and a little more: seconds. The
# watchdog takes 20, RCU 21, the search for hung tasks 120.
STALL_S = {
    EventKind.LOCKUP: 30.0,
    EventKind.RCU_STALL: 30.0,
    EventKind.HUNG_TASK: 130.0,
}
STARVED_SHARE = 0.5  # of that time


class NoBoot(Exception):
    """The kernel did not come up; the text says so for people."""


@dataclass
class Session:
    """A machine, and what it was made to do.

    tell: gets a few words on what goes on. began: when the tests did, on the monotonic clock.
    fresh: whether each shard gets a machine that was just booted.
    """

    number: int  # of the machine, from 1
    installed: InstalledSuites
    kernel: Kernel
    target: Target
    run: RunFolder
    tell: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    fresh: bool = False
    functions: Sequence[str] = ()  # symbols of those whose calls are counted
    boots: int = 0
    up: bool = False
    used: bool = False  # since it was booted
    notes: list[str] = field(default_factory=list)
    _spans: dict[str, tuple[Span, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Remember where the logs of earlier sessions end."""
        signed = checkpoint.marks(self.run)
        logs = [(self.target, self.run.console(self.number))]
        if self.target.peer is not None:
            logs.append((self.target.peer, self.run.peer_console(self.number)))
        self._logs = [Observed(target, log, signed) for target, log in logs]
        self._is_spoilt = False
        self._coverage = Coverage(self.functions, self.target, self.run)

    def boot(self) -> None:
        """See to it that the machine is up and has the programs. Raises NoBoot."""
        is_witness = not any(log.hidden for log in self._logs)
        if self.up and is_witness and not self._is_spoilt and not (self.fresh and self.used):
            return
        self.up = self.used = self._is_spoilt = False
        self.boots += 1
        for log in self._logs:
            log.booting()
        began = time.monotonic()
        try:
            self.tell("booting" if self.boots == 1 else f"booting again ({self.boots})")
            self.target.boot(self.kernel, Deadline.after(BOOT_S))
            self.tell("copying the tests")
            bring(self.target, self.installed)
            self._coverage.begin()
        except KernelDied as death:
            if death.hung:
                self._raise_starved(began, time.monotonic())
            raise NoBoot(_no_boot(death, self.boots)) from death
        except Unlinked as error:
            # What kernel and suite make of it is seen: it is no fault of the host's.
            raise NoBoot(f"{error.what} {error.where}") from error
        self.up = True

    def run_shard(self, shard: Shard) -> ProgramResult:
        """Run a shard on the booted machine, to its end or to the kernel's."""
        program = shard.program
        label = label_of(program)
        log = self.run.test_log(program.suite, program.name, shard.number)
        started, death, hung = time.monotonic(), "", False
        status: int | None = None
        self.used = True
        # A kernel that has complained once looks for less.
        self._is_spoilt = self._is_spoilt or bool(program.provokes)
        self.tell(label)
        with open_log(log, lambda running: self.tell(f"{label}: {_current(running)}")) as sink:
            try:
                status = self._marked(program, sink)
                self._coverage.look(label)
            except KernelDied as error:
                death, hung = error.reason, error.hung
                self.up = False
        now = time.monotonic()
        if status is None and (hung or not death):
            self._raise_starved(started, now)
        self._look_for_stalls()
        running = sink.running.running if status is None else ()
        with log.open(errors="replace") as lines:
            said = ktap.parse(lines)
        said = replace(said, problems=(*said.problems, *sink.problems))
        result = outcome.judge(program, said, Ended(status, now - started, death, running))
        spans = sink.running.spans(now)
        if death and running:
            for observed in self._logs:
                observed.died(label, running[-1])
        self._spans[label] = (*self._spans.get(label, ()), *spans)
        result = outcome.with_times(result, spans)
        ran = Ran(self.number, round(started - self.began, 3), round(now - started, 3))
        return replace(result, log=str(log.relative_to(self.run.path)), ran=(ran,))

    def _marked(self, program: TestProgram, sink: TestLog) -> int | None:
        """Run a program between marks in the kernel log; give its exit status."""
        label = label_of(program)
        # What came late is still of what ran before.
        self._mark(marks.CLOSE)
        self._mark(marks.START, label)
        end = self.target.run(
            command_of(program),
            deadline=Deadline.after(program.timeout_s),
            cwd=str(PurePosixPath(PLACE, program.folder)),
            env=dict(program.env),
            on_line=sink.take,
        )
        self._mark(marks.END, label)
        return end.status

    def _mark(self, kind: str, label: str = "") -> None:
        for log in self._logs:
            log.mark(kind, label)

    def _look_for_stalls(self) -> None:
        """See whether the kernel complains of what the host did. Raises Starved."""
        for log in self._logs:
            for event, at in log.new_events():
                if event.kind in STALL_S:
                    self._raise_starved(at - STALL_S[event.kind], at)
            log.look()

    def _raise_starved(self, since: float, until: float) -> None:
        """Raise Starved when the host let the machine wait for half of that time or more."""
        waited_s, whole_s = self.target.waited(since, until), until - since
        if waited_s < STARVED_SHARE * whole_s:
            return
        said = (
            f"this host has too much to do: of {whole_s:.0f} s the machine's processors"
            f" waited {waited_s:.0f} s for one of the host's"
        )
        for log in self._logs:
            log.note(marks.STARVED, f"from line {log.looked + 1}: {said}")
        raise Starved(
            f"{said[0].upper()}{said[1:]}.",
            where=f"machine {self.number}, load {os.getloadavg()[0]:.1f}",
            do="go on when there is less to do on it (`--resume`)",
        )

    def end(self) -> tuple[Seen, ...]:
        """Have the kernel tell what it lost, power the machine off, give what was seen."""
        if self.up and self.used:
            self._look_for_leaks()
        if self.up:
            self._last_look()
        closed = time.monotonic()
        self.target.close()
        self.up = False
        return tuple(log.seen(self.number, self._spans, closed) for log in self._logs)

    def _last_look(self) -> None:
        """See what the kernel said since the last program has ended."""
        began = time.monotonic()
        try:
            self._mark(marks.CLOSE)
            self._look_for_stalls()
        except Starved as starved:
            # All tests have run, and what they did is known.
            self.notes.append(starved.what)
        except KernelDied as death:
            self._died(death, began, "after the last test")
        except TargetLost as loss:
            self.notes.append(f"the machine was lost after the last test: {loss.what}")

    def _died(self, death: KernelDied, began: float, when: str) -> None:
        """Note that the kernel has died when all tests had run, also where its log does not say."""
        self.up = False
        what = f"the kernel died {when}: {death.reason}"
        self.notes.append(what)
        if any(e.kind is EventKind.PANIC for log in self._logs for e, _ in log.new_events()):
            return
        try:
            if death.hung:
                self._raise_starved(began, time.monotonic())
        except Starved as starved:
            self.notes.append(starved.what)
        else:
            self._logs[0].note(marks.TAINT, what)

    def _look_for_leaks(self) -> None:
        """Have the kernel say what was never freed; its log tells how many, our log where."""
        self.tell("looking for memory leaks")
        began = time.monotonic()
        found = HeadTail(LEAKS_BYTES, 0)
        kept: list[bytes] = []
        try:
            end = self.target.run(
                ["sh", "-c", _LEAKS, "sh", KMEMLEAK, str(LEAK_AGE_S)],
                deadline=Deadline.after(LEAKS_S),
                on_line=lambda _at, line: kept.append(found.feed(f"{line}\n".encode())),
            )
            if end.status == GAVE_UP:
                self.notes.append("kmemleak has given up: whether memory was lost is not known")
        except KernelDied as death:
            self._died(death, began, "while it looked for memory leaks")
        except TargetLost as loss:
            self.up = False
            # All tests have run: that nobody knows of leaks is told, and is no reason to lose them.
            self.notes.append(f"the machine was lost while it looked for memory leaks: {loss.what}")
        if kept:
            log = self.run.log("kmemleak", self.number)
            atomicfile.write_bytes(log, b"".join([*kept, found.end()]))
            self.notes.append(f"memory was lost: {log.name} tells where it was allocated")


def command_of(program: TestProgram) -> list[str]:
    """Give the command that runs a program on the target."""
    first, *rest = program.argv
    if "/" in first and not first.startswith(("./", "../")):
        first = str(PurePosixPath(PLACE, first))
    return [first, *rest]


def _current(running: RunningCases) -> str:
    return running.running[-1] if running.running else f"{running.ended} cases done"


def _no_boot(death: KernelDied, boots: int) -> str:
    what = "did not boot" if isinstance(death, BootFailed) else "died right after booting"
    again = f", at boot number {boots}" if boots > 1 else ""
    return f"the kernel {what}{again}: {death.reason}"
