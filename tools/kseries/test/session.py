# SPDX-License-Identifier: GPL-2.0
"""One machine at work: it is booted when there is something to run, and again when it died."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from kseries.install import modules
from kseries.lib import atomicfile
from kseries.lib.bounded import MIB, HeadTail
from kseries.lib.deadline import Deadline
from kseries.lib.runfolder import RunFolder
from kseries.machines.base import BootFailed, KernelDied, Starved, Target, TargetLost
from kseries.model import (
    EventKind,
    InstalledSuites,
    Kernel,
    KernelEvent,
    ProgramResult,
    Ran,
    TestProgram,
)
from kseries.parse import attribution, klog, ktap, marks, outcome
from kseries.parse.attribution import Death
from kseries.parse.marks import Marks
from kseries.parse.outcome import Ended, label_of
from kseries.parse.running import RunningCases, Span
from kseries.test import checkpoint
from kseries.test.coverage import Coverage
from kseries.test.shards import Shard
from kseries.test.testlog import TestLog, open_log
from kseries.test.watch import Watch

PLACE = "/kselftest"  # of the installed folder, on the target
BOOT_S = 180.0  # a kernel with all checkers, emulated, needs 25
PUT_S = 180.0

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

# Arguments: the folder with the modules of a release, and where such are looked for.
_LINK = 'mkdir -p "$2" && ln -sfn "$1"/* "$2"/'

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


@dataclass(frozen=True)
class Seen:
    """What one machine's kernel log says of the programs that ran there."""

    number: int  # of the machine
    log: str  # name of the file
    lines: tuple[tuple[float, str], ...]  # of the whole file: (time of arrival, line)
    first: int  # index of the first line that is told of here
    spans: Mapping[str, tuple[Span, ...]]
    deaths: tuple[Death, ...]
    closed: float  # when the machine was told to power off, on the monotonic clock
    signed: Marks

    def events(self) -> tuple[KernelEvent, ...]:
        """Give what the kernel complained of, charged to programs and cases."""
        found = attribution.events(
            self.lines, self.signed, self.spans, closed=self.closed, first=self.first
        )
        charged = attribution.charge_death(found, self.lines, self.deaths)
        return tuple(replace(event, log=self.log) for event in charged)


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
    _deaths: list[Death] = field(default_factory=list)
    _first: int = field(init=False)

    def __post_init__(self) -> None:
        """Remember where the log of earlier sessions ends."""
        self._first = len(self.target.console())
        self._signed = checkpoint.marks(self.run)
        self._watch = Watch(self.target, self._signed)
        self._coverage = Coverage(self.functions, self.target, self.run)

    def boot(self) -> None:
        """See to it that the machine is up and has the programs. Raises NoBoot."""
        if self.up and not self._watch.hidden and not (self.fresh and self.used):
            return
        self.up = self.used = False
        self.boots += 1
        self._watch.booting()
        self._looked = len(self.target.console())
        began = time.monotonic()
        try:
            self.tell("booting" if self.boots == 1 else f"booting again ({self.boots})")
            self.target.boot(self.kernel, Deadline.after(BOOT_S))
            self.tell("copying the tests")
            self.target.put(self.installed.folder, PLACE, Deadline.after(PUT_S))
            bring_modules(self.target, self.installed)
            self._coverage.begin()
        except KernelDied as death:
            if death.hung:
                self._raise_starved(began, time.monotonic())
            raise NoBoot(_no_boot(death, self.boots)) from death
        self.up = True

    def run_shard(self, shard: Shard) -> ProgramResult:
        """Run a shard on the booted machine, to its end or to the kernel's."""
        program = shard.program
        label = label_of(program)
        log = self.run.test_log(program.suite, program.name, shard.number)
        started, death, hung = time.monotonic(), "", False
        status: int | None = None
        self.used = True
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
            self._deaths.append(Death(label, len(self.target.console()), running[-1]))
        self._spans[label] = (*self._spans.get(label, ()), *spans)
        result = outcome.with_times(result, spans)
        ran = Ran(self.number, round(started - self.began, 3), round(now - started, 3))
        return replace(result, log=str(log.relative_to(self.run.path)), ran=(ran,))

    def _marked(self, program: TestProgram, sink: TestLog) -> int | None:
        """Run a program between marks in the kernel log; give its exit status."""
        label = label_of(program)
        # What came late is still of what ran before.
        self._watch.mark(marks.CLOSE)
        self._watch.mark(marks.START, label)
        end = self.target.run(
            command_of(program),
            deadline=Deadline.after(program.timeout_s),
            cwd=str(PurePosixPath(PLACE, program.folder)),
            env=dict(program.env),
            on_line=sink.take,
        )
        self._watch.mark(marks.END, label)
        return end.status

    def _look_for_stalls(self) -> None:
        """See whether the kernel complains of what the host did. Raises Starved."""
        lines = self.target.console()
        for event in klog.events(lines[self._looked :], first_line=self._looked + 1):
            if event.kind in STALL_S:
                at = lines[event.line - 1][0]
                self._raise_starved(at - STALL_S[event.kind], at)
        self._looked = len(lines)

    def _raise_starved(self, since: float, until: float) -> None:
        """Raise Starved when the host let the machine wait for half of that time or more."""
        waited_s, whole_s = self.target.waited(since, until), until - since
        if waited_s < STARVED_SHARE * whole_s:
            return
        said = (
            f"this host has too much to do: of {whole_s:.0f} s the machine's processors"
            f" waited {waited_s:.0f} s for one of the host's"
        )
        since_line = f"from line {self._looked + 1}: {said}"
        self.target.note([self._signed.line(marks.STARVED, since_line)])
        raise Starved(
            f"{said[0].upper()}{said[1:]}.",
            where=f"machine {self.number}, load {os.getloadavg()[0]:.1f}",
            do="go on when there is less to do on it (`--resume`)",
        )

    def end(self) -> Seen:
        """Have the kernel tell what it lost, power the machine off, give what was seen."""
        if self.up:
            self._look_for_leaks()
        if self.up:
            self._last_look()
        closed = time.monotonic()
        self.target.close()
        self.up = False
        return Seen(
            number=self.number,
            log=self.run.console(self.number).name,
            lines=self.target.console(),
            first=self._first,
            spans=self._spans,
            deaths=tuple(self._deaths),
            closed=closed,
            signed=self._signed,
        )

    def _last_look(self) -> None:
        """See what the kernel said since the last program has ended."""
        began = time.monotonic()
        try:
            self._watch.mark(marks.CLOSE)
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
        if any(
            e.kind is EventKind.PANIC for e in klog.events(self.target.console()[self._looked :])
        ):
            return
        try:
            if death.hung:
                self._raise_starved(began, time.monotonic())
        except Starved as starved:
            self.notes.append(starved.what)
        else:
            self.target.note([self._signed.line(marks.TAINT, what)])

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


def bring_modules(target: Target, installed: InstalledSuites) -> None:
    """Have modprobe find the kernel's modules among the tests that were put on a target."""
    if (installed.folder / modules.FOLDER).is_dir():
        link = ["sh", "-c", _LINK, "sh", f"{PLACE}/{modules.FOLDER}", f"/{modules.FOLDER}"]
        target.run(link, deadline=Deadline.after(PUT_S))


def command_of(program: TestProgram) -> list[str]:
    """Give the command that runs a program on the target."""
    first, *rest = program.argv
    if "/" in first and not first.startswith(("/", "./", "../")):
        first = str(PurePosixPath(PLACE, first))
    return [first, *rest]


def _current(running: RunningCases) -> str:
    return running.running[-1] if running.running else f"{running.ended} cases done"


def _no_boot(death: KernelDied, boots: int) -> str:
    what = "did not boot" if isinstance(death, BootFailed) else "died right after booting"
    again = f", at boot number {boots}" if boots > 1 else ""
    return f"the kernel {what}{again}: {death.reason}"
