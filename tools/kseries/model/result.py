# SPDX-License-Identifier: GPL-2.0
"""A run and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kseries.model.applied import AppliedPatch
from kseries.model.base import SCHEMA_VERSION, Seconds
from kseries.model.baseline import AgainstBase
from kseries.model.kernel import ChangedFile, ChangedFunction, Diagnostic
from kseries.model.tests import Finding, KernelEvent, ProgramResult, TestCount


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
