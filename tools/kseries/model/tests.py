# SPDX-License-Identifier: GPL-2.0
"""Installed tests, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from kseries.model.base import Seconds
from kseries.model.kernel import ChangedFile, ChangedFunction
from kseries.suite import KnownFailure


@dataclass(frozen=True)
class TestProgram:
    """One program of a suite, run on the target by itself."""

    __test__ = False  # not a pytest class

    suite: str
    name: str  # unique in the suite, "ping.py"
    argv: tuple[str, ...]  # on the target, relative to the installed folder's place there
    folder: str  # working folder, relative likewise
    timeout_s: float
    cases: tuple[str, ...] = ()  # planned case names; () where only the program knows them
    env: tuple[tuple[str, str], ...] = ()
    case_option: str = ""  # selects a case by its name, "-r" of kselftest_harness.h; "": none
    # False: prints no result lines, speaks by its exit status alone; None: so where it prints none.
    ktap: bool | None = True
    extended: bool = False  # takes minutes, and runs only when asked for
    alone: bool = False  # wants the whole host: no other machine is at work beside it
    known: tuple[KnownFailure, ...] = ()  # its failures that are expected
    provokes: tuple[str, ...] = ()  # texts in complaints of the kernel that it makes on purpose


MOST_REASONS = 3  # that are told of a suite


@dataclass(frozen=True)
class InstalledSuites:
    """Test programs built against the patched tree, ready to be put on a target."""

    folder: Path  # host folder that is put on the target as a whole
    programs: tuple[TestProgram, ...]
    left_out: tuple[tuple[str, str], ...] = ()  # (suite, why it does not fit this tree)
    # As of the kernel, with the tree's own tests that were built.
    changed: tuple[ChangedFile, ...] | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Say of each suite what was left out of it, and why."""
        return tuple(map(self._note, dict.fromkeys(suite for suite, _ in self.left_out)))

    def _note(self, suite: str) -> str:
        why = [reason for name, reason in self.left_out if name == suite]
        shown = "; ".join(why[:MOST_REASONS])
        more = f"; and {len(why) - MOST_REASONS} more" if len(why) > MOST_REASONS else ""
        there = any(program.suite == suite for program in self.programs)
        what = f"a part of the suite '{suite}'" if there else f"the suite '{suite}'"
        return f"{what} is left out: {shown}{more}"


class Status(StrEnum):
    """Outcome of a case or a program, worst last. No result is not a pass."""

    PASS = "pass"
    SKIP = "skip"
    XFAIL = "xfail"  # failed, as known and expected
    FAIL = "fail"
    MISSING = "missing"  # planned, no result seen
    ERROR = "error"  # the test itself could not be run, or its output makes no sense
    TIMEOUT = "timeout"
    CRASH = "crash"  # the kernel died while it ran

    good: bool
    """Whether a verdict may be green with it."""

    def __init__(self, value: str) -> None:
        self.good = value in ("pass", "skip", "xfail")


@dataclass(frozen=True)
class Case:
    """A KTAP result line, with those nested below it."""

    name: str
    status: Status
    reason: str = ""  # of a skip, or the first diagnostic of a failure
    diagnostics: tuple[str, ...] = ()
    children: tuple[Case, ...] = ()
    seconds: Seconds | None = None  # how long it ran; None where the program does not tell
    reruns: tuple[Status, ...] = ()  # where it was not good: run once more, in a fresh machine

    @property
    def flaky(self) -> bool:
        """Whether it was good when it was rerun."""
        return any(status.good for status in self.reruns)


class EventKind(StrEnum):
    """Class of a kernel log event."""

    WARN = "WARN"
    BUG = "BUG"
    OOPS = "Oops"
    PANIC = "panic"
    KASAN = "KASAN"
    KCSAN = "KCSAN"
    UBSAN = "UBSAN"
    LOCKDEP = "lockdep"
    ATOMIC_SLEEP = "atomic sleep"
    HUNG_TASK = "hung task"
    LOCKUP = "lockup"
    LEAK = "leak"
    RCU_STALL = "RCU stall"
    TAINT = "taint"  # the kernel notes a fault of which its log has no word
    HIDDEN = "hidden log"  # a part of the log was kept from us: what it said is not known


@dataclass(frozen=True)
class KernelEvent:
    """One complaint of the kernel log."""

    kind: EventKind
    title: str  # first line, without time stamp and numbers that change
    where: str  # function, or file:line, it happened at; "" where unknown
    line: int  # of that kernel log, from 1
    lines: tuple[str, ...]  # the whole splat
    during: str  # "suite/program", with ": case" where known; "boot" or "shutdown" else
    log: str = "console.log"  # the file that `line` is of; each machine has one
    fingerprint: str = ""  # of kind and stack, the same wherever and whenever it happens


@dataclass(frozen=True)
class Place:
    """A line of a file of the tree, named relative to it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Suspect:
    """A patch that wrote a line of a stack."""

    series: str
    index: int
    title: str
    commit: str
    at: str  # that line, "file:line in function"


@dataclass(frozen=True)
class Finding:
    """The same complaint of the kernel, made once or often: events with one fingerprint."""

    fingerprint: str  # 12 hex digits; docs/results.md says of what
    kind: EventKind
    title: str  # as of the first of its events
    where: str  # likewise
    line: int  # likewise; that first one's splat is the evidence
    count: int  # of its events
    during: tuple[str, ...]  # what was running, each once
    # Functions with file and line, innermost first; "Freed:" and so on above further stacks.
    stack: tuple[str, ...] = ()
    undecoded: str = ""  # why the stack is without files and lines; "" where it has them
    suspect: Suspect | None = None
    log: str = "console.log"  # the file that `line` is of


@dataclass(frozen=True)
class Ran:
    """When a program ran, or one of the shards that it was run in, and where."""

    machine: int  # from 1
    began: Seconds  # after the tests began
    seconds: Seconds


@dataclass(frozen=True)
class ProgramResult:
    """What one test program did."""

    suite: str
    name: str
    status: Status
    exit_status: int | None  # None: it did not end by itself
    seconds: Seconds
    cases: tuple[Case, ...] = ()
    problems: tuple[str, ...] = ()  # why the status is worse than the cases say
    log: str = ""  # relative to the run folder
    by_case: bool = False  # `-k CASE` runs one of its cases by itself
    # Evidence, kept where the status is not good:
    tail: tuple[str, ...] = ()  # last lines of its log
    kernel_log: tuple[str, ...] = ()  # last lines of the kernel log until the next program began
    # Where it is not good although its cases are: run once more, in a fresh machine.
    reruns: tuple[Status, ...] = ()
    ran: tuple[Ran, ...] = ()  # not in reruns; () where that is not known

    @property
    def flaky(self) -> bool:
        """Whether it was good when it was rerun."""
        return any(status.good for status in self.reruns)


@dataclass(frozen=True)
class TestCount:
    """How many test programs, and how many tests: their cases, or the program where it has none."""

    __test__ = False  # not a pytest class

    programs: int = 0
    tests: int = 0


@dataclass(frozen=True)
class TestOutcome:
    """What the test stage found."""

    __test__ = False  # not a pytest class

    programs: tuple[ProgramResult, ...]
    events: tuple[KernelEvent, ...]
    facts: Mapping[str, str]  # of the target, and how often it was booted
    notes: tuple[str, ...] = ()  # what a reader must know
    findings: tuple[Finding, ...] = ()  # the events, the same ones together
    chosen: TestCount = field(default_factory=TestCount)  # those that were to run
    planned: TestCount = field(default_factory=TestCount)  # those there are
    functions: tuple[ChangedFunction, ...] = ()  # that the series changes, and whether they ran
