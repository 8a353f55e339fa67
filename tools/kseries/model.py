# SPDX-License-Identifier: GPL-2.0
"""The values that pass between stages, all frozen.

source → BaseTree → Tree → KernelConfig → Kernel → InstalledSuites → SuiteResult → RunResult.
They are written as JSON into the run folder (`runfolder`), so names here are names there;
a change of meaning raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from kseries.suite import KnownFailure, Suite

SCHEMA_VERSION = 3

STRICT = ConfigDict(extra="forbid")

Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""How long something took; documents of others are held to it."""


# ---------------------------------------------------------------- the request


@dataclass(frozen=True)
class Request:
    """What the user asked for, as given. "" means: the stack's own, or the default."""

    stack: str = ""  # name or file of a stack
    source: str = ""  # name or file of a source, or a folder with a kernel tree
    series: str = ""  # name, folder, mbox or message id of the series to test
    before: tuple[str, ...] = ()  # the same, of series that are put below it
    tree: str = ""  # a kernel tree to test as it lies there
    configs: tuple[str, ...] = ()  # names of fragments added to the stack's
    suites: tuple[str, ...] = ()  # in place of the stack's
    suites_why: tuple[str, ...] = ()  # where we have chosen them: what, and what not
    only: tuple[str, ...] = ()  # patterns of test programs or cases; () for all
    extended: bool = False  # run test programs that take minutes too
    partial: bool = False  # the series may lack patches
    archive: str = ""  # public-inbox to take message ids from
    trusted: bool = False  # build without the sandbox
    incremental: bool = False  # build on what earlier versions of the same left
    compiler: str = ""  # of make; "": gcc
    jobs: int = 0  # of make; 0: one for each core
    machines: int = 0  # that run tests side by side; 0: as many as there is room for
    target: str = ""  # name or file of a lab machine that tests run on; "": virtual machines
    base_why: str = ""  # why the source is the one it is, where we have chosen it
    append: tuple[str, ...] = ()  # words for the kernel's command line
    reruns: bool = True  # what fails is run again
    # Each patch of the series is compiled on its own, too; None: where that costs little.
    each_patch: bool | None = None
    exact_config: bool = False  # nothing is added to the config for what the series changes
    until: str = ""  # last stage to carry out
    # Build the base without the series to compare with; None: where something failed.
    baseline: bool | None = None
    command: tuple[str, ...] = ()  # as typed, for provenance


# ---------------------------------------------------------------- sources


@dataclass(frozen=True)
class DebianSource:
    """A Debian source package of the kernel: the installed one, else downloaded through apt."""

    __pydantic_config__ = STRICT

    kind: Literal["debian"]
    package: str  # binary package that carries the tarball, "linux-source-6.12"
    suite: str = ""  # a suite beyond the host's own, "trixie-backports"; "": the host's


@dataclass(frozen=True)
class TarballSource:
    """A tarball, kept only when its sha256 is the one named."""

    __pydantic_config__ = STRICT

    kind: Literal["tarball"]
    url: str  # https://, file:// or a path
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class GitSource:
    """A commit of a git remote."""

    __pydantic_config__ = STRICT

    kind: Literal["git"]
    remote: str
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


@dataclass(frozen=True)
class LocalSource:
    """A tree on this machine, its uncommitted changes included; it is only read."""

    __pydantic_config__ = STRICT

    kind: Literal["local"]
    path: Path


Source = Annotated[
    DebianSource | TarballSource | GitSource | LocalSource, Field(discriminator="kind")
]


@dataclass(frozen=True)
class NamedSource:
    """A source and the name it goes by (file stem of its pin, or one made from its path)."""

    name: str
    source: Source


@dataclass(frozen=True)
class BaseTree:
    """A kernel source imported into git: what patches are applied to."""

    source: NamedSource
    repo: Path  # bare repository in the cache
    commit: str  # 40 hex digits
    version: str  # of the kernel's Makefile, "6.12.117"
    origin: str  # what it was made of, for people: package version, url, path
    head: str = ""  # of a local tree in git: the commit that is checked out
    as_committed: bool = False  # it is that commit, without any change


# ---------------------------------------------------------------- series


@dataclass(frozen=True)
class Patch:
    """One mail of a series."""

    index: int  # its place in the series, from 1
    title: str  # subject without the [PATCH …] prefix
    author: str  # "Name <address>"
    message_id: str  # without <>; "" where the mail has none
    file: Path  # one mail in a file, as git am takes it
    sha256: str  # of that file


@dataclass(frozen=True)
class Prerequisite:
    """What the author says must stand below a series: "prerequisite-<kind>: <value>"."""

    kind: str  # "patch-id", "message-id", "change-id"
    value: str

    def __str__(self) -> str:
        """Give it as people call it."""
        return f"{self.kind} {self.value}"


@dataclass(frozen=True)
class Series:
    """Patches in order, from a folder, an mbox or an archive."""

    name: str
    title: str
    message_id: str  # of the cover letter (or first patch); "" where unknown
    version: int
    posted: int  # how many patches the series has where it was posted
    base: str  # what it was written against, for people
    requires: tuple[str, ...]  # names of series that must stand before it in a stack
    needs: tuple[str, ...]  # Kconfig symbols that must be on for it to do anything
    patches: tuple[Patch, ...]
    origin: str  # folder, file or message id it came from
    base_commit: str = ""  # the base-commit: trailer, a commit id of the author's repository
    prerequisites: tuple[Prerequisite, ...] = ()  # what its trailers say must stand below it
    for_sources: tuple[str, ...] = ()  # names (globs) of sources it is for; (): all
    trees: tuple[str, ...] = ()  # that its subject names, "net-next"
    notes: tuple[str, ...] = ()  # what a reader must know: versions and mails left out
    author: str = ""  # of the cover letter, else of the first patch
    link: str = ""  # to it in an archive; "" where that is not known


@dataclass(frozen=True)
class Stack:
    """A source, series in order, and a config; one of the series is under test (or none)."""

    name: str
    source: NamedSource
    series: tuple[Series, ...]
    under_test: str  # name of a series, "" for a plain tree
    fragments: tuple[Path, ...]  # Kconfig fragments, later ones win
    suites: tuple[Suite, ...]
    trusted: bool = False  # build without the sandbox
    incremental: bool = False  # the user vouches for all versions of it that are built here
    replaces: str = ""  # name of the series that the one under test takes the place of
    compiler: str = ""  # that it is built with; "": gcc
    whole: bool = True  # False: the series under test is cut, so what it brings may be missing


# ---------------------------------------------------------------- apply


class PatchState(StrEnum):
    """What became of a patch."""

    APPLIED = "applied"
    IN_BASE = "already in base"
    CONFLICT = "does not apply"


@dataclass(frozen=True)
class AppliedPatch:
    """A patch and what became of it."""

    series: str
    index: int
    title: str
    patch_id: str  # `git patch-id --stable`
    state: PatchState
    commit: str = ""  # made for it; "" unless applied
    found_as: str = ""  # for IN_BASE: the commit, or "reverse apply"
    sha256: str = ""  # of its file


@dataclass(frozen=True)
class Tree:
    """A worktree with the stack's patches, one commit each."""

    path: Path
    base: BaseTree
    head: str
    patches: tuple[AppliedPatch, ...]


# ---------------------------------------------------------------- config, build


@dataclass(frozen=True)
class BuildPlace:
    """The folders of one build."""

    folder: Path  # ours, with the two below in it
    ccache: Path  # what is compiled here is kept there
    clean: Path | None = None  # objects that can be used and not changed: those of the base
    compiler: str = ""  # "": gcc

    @property
    def made(self) -> Path:
        """Give the folder that only code in the sandbox writes: O= of make."""
        return self.folder / "made"

    @property
    def state(self) -> Path:
        """Give the folder that only we write."""
        return self.folder / "state"


@dataclass(frozen=True)
class KernelConfig:
    """A final .config, every promise of its fragments kept."""

    tree: Tree
    place: BuildPlace
    name: str  # the fragments' names joined, "base+zcrx"
    sha256: str  # of .config
    enabled: int  # symbols that are y
    added: tuple[str, ...] = ()  # lines for what the series changes, beyond the fragments


class Severity(StrEnum):
    """How bad a diagnostic is."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Diagnostic:
    """One message of compiler, linker, modpost or objtool."""

    severity: Severity
    file: str  # relative to the tree; "" where none is named
    line: int  # 0 where none is named
    column: int
    option: str  # "-Wunused-variable"; "" for errors and other tools
    text: str


class FileState(StrEnum):
    """What a build did with a file that the series changes."""

    COMPILED = "compiled"  # it, or what includes it, became a part of what was built
    READ = "read"  # by make, Kconfig, the linker or a script of the build
    NOT_COMPILED = "not compiled"  # this config leaves it out
    DROPPED = "no longer compiled"  # the series has it left out
    OTHER_ARCH = "other architecture"
    NOT_BUILT = "not built here"  # tools, Rust and the like
    NOT_CODE = "not code"  # documentation, scripts, lists
    DELETED = "deleted"

    @property
    def untested(self) -> bool:
        """Whether there is code in it that nobody compiled."""
        return self in (
            FileState.NOT_COMPILED,
            FileState.DROPPED,
            FileState.OTHER_ARCH,
            FileState.NOT_BUILT,
        )


@dataclass(frozen=True)
class ChangedFile:
    """A file that the series under test changes, and what the build did with it."""

    path: str  # relative to the tree
    patches: tuple[int, ...]  # that change it, by their index
    state: FileState
    # What shows it, "net/core/dev.o"; for what was not compiled, why: "CONFIG_E1000 is off".
    by: str = ""
    needs: tuple[str, ...] = ()  # lines of a Kconfig fragment that would have it compiled


class FunctionState(StrEnum):
    """What is known of a function that the series changes."""

    RAN = "ran"  # while a test did
    NOT_RUN = "not run"
    UNWATCHED = "not watched"  # nothing tells whether it ran
    NOT_COMPILED = "not compiled"


@dataclass(frozen=True)
class ChangedFunction:
    """A function that the series changes."""

    name: str
    file: str  # relative to the tree
    state: FunctionState
    by: str = ""  # the "suite/program" that ran it first; why nothing is known
    symbol: str = ""  # as the kernel's symbol table calls it, where it can be watched


@dataclass(frozen=True)
class Kernel:
    """A built kernel."""

    config: KernelConfig
    image: Path  # bzImage, in a folder that only we write
    release: str  # of include/config/kernel.release
    compiler: str  # first line of its --version
    objects: int  # compiled or linked in this build; 0: nothing was to be done
    seconds: Seconds  # wall time of make
    log: Path
    diagnostics: tuple[Diagnostic, ...] = ()
    # What the series under test changes; None where none is under test, or not all of it.
    changed: tuple[ChangedFile, ...] | None = None
    functions: tuple[ChangedFunction, ...] = ()  # of what is compiled of them


# ---------------------------------------------------------------- suites, tests


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


# ---------------------------------------------------------------- the base without the series


@dataclass(frozen=True)
class Baseline:
    """What the tests do without the series under test. Kept, as it is the same for many runs."""

    head: str  # the commit that was tested
    series: tuple[str, ...]  # those it has
    run: str  # name of the run that made it
    made: str  # ISO 8601, UTC
    programs: tuple[ProgramResult, ...]  # those that ran; of evidence, what tells failures apart
    events: tuple[KernelEvent, ...]
    not_run: tuple[str, ...]  # "suite/program" that it has, and of which nothing is known


class Effect(StrEnum):
    """What the series under test does to a test."""

    BROKE = "broke"  # good on the base, bad or gone with the series
    DIFFERS = "fails otherwise"  # bad on both, and not in the same way
    FAILS = "new, fails"  # not on the base, and bad
    NOT_RUN_ON_BASE = "fails, not run on base"  # bad, and the base has it but did not run it
    REMOVED = "removed"  # the base's sources have it, those with the series do not
    UNREACHED = "skipped by a changed test"  # good on the base
    PRE_EXISTING = "pre-existing"  # bad on both, in the same way
    FIXED = "fixed"
    ADDED = "added"  # not on the base, and good
    SKIPPED = "skipped now"  # it ran on the base

    @property
    def is_regression(self) -> bool:
        """Whether it counts against the series."""
        return self in _REGRESSIONS


_REGRESSIONS = (
    Effect.BROKE,
    Effect.DIFFERS,
    Effect.FAILS,
    Effect.NOT_RUN_ON_BASE,
    Effect.REMOVED,
    Effect.UNREACHED,
)


@dataclass(frozen=True)
class TestEffect:
    """What the series does to one test, "suite/program: case" or "suite/program" as a whole."""

    __test__ = False  # not a pytest class

    test: str
    effect: Effect
    before: str = ""  # its status on the base; "" where it is not there
    after: str = ""  # with the series, likewise
    why_before: str = ""  # in a line; "" where it was good or nothing tells
    why_after: str = ""  # likewise; of a test that was removed, how


@dataclass(frozen=True)
class ChangedTest:
    """A test, or what it stands on, that the series changes. It does not count."""

    test: str  # "suite/program", or a file of the tree
    how: str


@dataclass(frozen=True)
class SourceChanges:
    """What the series does to the sources of tests, against those of its base.

    removed: tests that only the base's sources have; they are Effect.REMOVED. touched: those
    programs that run, and that are not as on the base or stand on what is not. unclear: what the
    sources do not tell, a sentence for each.
    """

    head: str = ""  # the base's commit
    removed: tuple[TestEffect, ...] = ()
    changed: tuple[ChangedTest, ...] = ()
    touched: frozenset[str] = frozenset()  # "suite/program"
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComplaintCount:
    """How often the kernel makes a complaint that the base has too; not in reruns."""

    title: str
    before: int
    after: int


@dataclass(frozen=True)
class AgainstBase:
    """What the series does to the tests and to the kernel log, against its base."""

    head: str  # the commit that was tested
    left_out: tuple[str, ...]  # series that it has not: the one under test, and what needs it
    run: str  # name of the run that tested it
    made: str  # ISO 8601, UTC
    kept: bool  # by an earlier run
    tests: tuple[TestEffect, ...]  # without those that are good on both
    events_on_base: tuple[int, ...]  # places in the document's `events` of those the base has too
    events_gone: tuple[str, ...]  # titles of what only the base complains of
    by_sources: bool = False  # nothing failed, so the base was read and not built; no run made it
    complaints: tuple[ComplaintCount, ...] = ()  # those of events_on_base, once each
    changed: tuple[ChangedTest, ...] = ()  # by the series


@dataclass(frozen=True)
class NoBaseline:
    """There is nothing to compare with, and why, in words that follow "because"."""

    why: str


# ---------------------------------------------------------------- the run


class Verdict(StrEnum):
    """The answer of a run."""

    PASS = "pass"
    PARTIAL = "partial"  # what was asked for went well, and it was not everything
    FAIL = "fail"
    INCOMPLETE = "incomplete"  # infrastructure lost, or interrupted

    @property
    def exit_code(self) -> int:
        """Process exit status for it."""
        return {Verdict.PASS: 0, Verdict.PARTIAL: 0, Verdict.FAIL: 1, Verdict.INCOMPLETE: 3}[self]


class StageState(StrEnum):
    """How far a stage came."""

    DONE = "done"
    FAILED = "failed"  # the series does not pass it
    LOST = "lost"  # infrastructure
    USAGE = "usage"  # the request cannot be carried out
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"

    @property
    def lost(self) -> bool:
        """Whether it began and came to no answer, for a reason that is not the series'."""
        return self in (StageState.LOST, StageState.USAGE, StageState.INTERRUPTED)


@dataclass(frozen=True)
class StageRecord:
    """A stage of a run: how it ended and how long it took."""

    name: str
    state: StageState
    seconds: Seconds = 0.0
    summary: str = ""  # one line
    message: str = ""  # the error in full, "" when done


@dataclass(frozen=True)
class Provenance:
    """What it takes to repeat a run."""

    command: tuple[str, ...]
    kseries_version: str
    kseries_commit: str  # with "-dirty"; "" outside git
    host: str  # uname
    python: str
    compiler: str = ""
    qemu: str = ""
    accelerator: str = ""  # "kvm" or "tcg"
    source: str = ""
    base_commit: str = ""
    head_commit: str = ""
    config_sha256: str = ""
    kernel_release: str = ""
    config: str = ""  # names of the fragments joined, "base+zcrx"
    options: tuple[str, ...] = ()  # of `kseries run`, to ask for the same again
    installed: bool = False  # kseries was not run from a clone, where ./nox starts it


@dataclass(frozen=True)
class Scope:
    """What a run was asked to do, and how far it came: its verdict is about nothing else."""

    asked: str = ""  # the last stage that was asked for
    reached: str = ""  # the last stage that was done; "" for none
    not_asked: tuple[str, ...] = ()  # stages of a whole run that were not asked for
    only: tuple[str, ...] = ()  # patterns of tests (-k); () for all
    extended: bool = False  # tests that take minutes were asked for, too
    chosen: TestCount = field(default_factory=TestCount)  # tests that were to run
    planned: TestCount = field(default_factory=TestCount)  # tests that there are
    left_out: tuple[str, ...] = ()  # suites of the stack that could not be run on this tree
    chosen_suites: tuple[str, ...] = ()  # suites that were chosen for what the series changes


@dataclass(frozen=True)
class Subject:
    """What was tested, as its author calls it; "" for what is not known."""

    title: str = ""  # of the cover letter, else of the first patch
    author: str = ""  # likewise, "Name <address>"
    link: str = ""  # to it in an archive
    tree: str = ""  # path of a tree that was taken as it lies there


@dataclass(frozen=True)
class AuthorBase:
    """The base that the author of the series under test named, and the one it was put on."""

    commit: str  # of the trailer base-commit:, 7 digits or more
    used: bool | None = None  # whether it was put on that; None: that cannot be told
    on: str = ""  # what it was put on, for people; "" before the stage fetch
    between: int = 0  # patches of other series that stand between base and series


@dataclass(frozen=True)
class RunResult:
    """The result document, `results.json`: the only source of every report."""

    run: str  # name of the run folder
    stack: str
    under_test: str
    started: str  # ISO 8601, UTC
    seconds: Seconds
    verdict: Verdict
    stages: tuple[StageRecord, ...]
    provenance: Provenance
    patches: tuple[AppliedPatch, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    programs: tuple[ProgramResult, ...] = ()
    events: tuple[KernelEvent, ...] = ()
    findings: tuple[Finding, ...] = ()  # the events, the same ones together
    notes: tuple[str, ...] = ()  # what a reader must know: left out, fallen back
    suites: tuple[str, ...] = ()  # planned, those that do not fit the tree left out
    reasons: tuple[str, ...] = ()  # why the verdict is not a pass, one sentence each
    exit_code: int = 3
    baseline: AgainstBase | None = None
    # What the series under test changes; None before the build, and where none is under test.
    changed: tuple[ChangedFile, ...] | None = None
    functions: tuple[ChangedFunction, ...] = ()  # that the series changes
    scope: Scope = field(default_factory=Scope)
    author_base: AuthorBase | None = None  # None: no base-commit: is known
    subject: Subject = field(default_factory=Subject)
    schema_version: int = field(default=SCHEMA_VERSION)


# ---------------------------------------------------------------- mutants


class MutantFate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"  # a test noticed it, twice
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"  # listed as no fault, with the reason
    BROKEN = "broken"  # does not apply or build, so nothing is known
    UNTRIED = "not tried"


@dataclass(frozen=True)
class MutantResult:
    """What became of one mutant, and by what: "program: case", or a line of the kernel log."""

    name: str
    title: str
    rules: tuple[str, ...]
    fate: MutantFate
    by: tuple[str, ...]
    seconds: Seconds


@dataclass(frozen=True)
class GeneratedMutant:
    """A fault made by machine, behind a switch. number: of the switch, from 1.

    text: the line, stripped. change: "old → new", with a number behind it where a line of the
    function has the same change twice.
    """

    number: int
    file: str
    line: int
    within: str  # name of the function, or of the macro
    operator: str
    text: str
    change: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it apart, whatever lines are added above it."""
        return self.file, self.within, self.text, self.change


@dataclass(frozen=True)
class GeneratedResult:
    """What became of a generated mutant. by: what noticed it, or why nothing could.

    cases: how many come by it. once: what went red only once, and counts for nothing.
    """

    mutant: GeneratedMutant
    fate: MutantFate
    by: tuple[str, ...] = ()
    cases: int = 0
    seconds: Seconds = 0.0
    once: tuple[str, ...] = ()
