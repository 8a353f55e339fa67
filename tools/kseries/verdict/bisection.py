# SPDX-License-Identifier: GPL-2.0
"""The values of a bisection: what is sought, what each step showed, what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import Patch

STEPS = "steps"  # of the run folder: a folder for each step, named by how many patches are in


@dataclass(frozen=True)
class Sought:
    """What a bisection follows: a test, or a line of the kernel log."""

    test: str = ""  # as asked for: "suite/program: case" or a part of that
    log: str = ""  # regular expression, or a line of the kernel log
    program: str = ""  # "suite/program" that runs; "": all of them
    case: str = ""  # the one of its cases that counts; "": the program as a whole
    at_boot: bool = False  # the line comes before any test: one program is enough

    def __str__(self) -> str:
        """Name it as people do."""
        if self.log:
            return f"'{self.log}' in the kernel log"
        return f"{self.program}: {self.case}" if self.case else self.program or self.test


class Seen(StrEnum):
    """What one run of what is sought showed."""

    GOOD = "good"
    SKIPPED = "skipped"
    ABSENT = "not there yet"
    BAD = "bad"
    NO_BOOT = "does not boot"

    @property
    def good(self) -> bool:
        """Whether the fault was not seen."""
        return self in (Seen.GOOD, Seen.SKIPPED, Seen.ABSENT)


@dataclass(frozen=True)
class Trial:
    """One run in a fresh machine. folder: its evidence, relative to the run folder."""

    seen: Seen
    what: str  # in a line
    folder: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class KeptAnswer:
    """What a kept baseline tells of the base, which is not tested as long as that is enough."""

    seen: Seen  # GOOD or ABSENT: anything else is tested
    what: str  # in a line
    run: str  # name of the run that made the baseline
    made: str  # ISO 8601, UTC
    file: str  # a copy of the baseline, relative to the run folder


@dataclass(frozen=True)
class BisectStep:
    """The series cut to its first patches, and what was seen of it."""

    patches: int  # how many of the series are in; 0: the base
    head: str  # the commit that was built; "" where it was not made
    trials: tuple[Trial, ...] = ()
    untestable: str = ""  # why it cannot be tested
    left_out: tuple[str, ...] = ()  # series of the stack that do not fit this step
    notes: tuple[str, ...] = ()
    seconds: float = 0.0  # to build it
    baseline: KeptAnswer | None = None  # of the base, as long as nothing else was known of it

    @property
    def by_baseline(self) -> KeptAnswer | None:
        """What a kept baseline tells, where that is all that is known of the step."""
        return None if self.trials or self.untestable else self.baseline


class StepAnswer(StrEnum):
    """What a step says."""

    GOOD = "good"
    BAD = "bad"
    UNTESTABLE = "cannot be tested"
    OPEN = "not known"


class Conclusion(StrEnum):
    """How a bisection ended."""

    FOUND = "found"
    RANGE = "one of several"  # those between cannot be tested
    FLAKY = "flaky"  # a suspect, and no more
    NOT_BROKEN = "not broken"
    BROKEN_ON_BASE = "broken on the base"
    NO_GOOD = "nowhere good"

    @property
    def exit_code(self) -> int:
        """Process exit status for it."""
        return 0 if self in (Conclusion.FOUND, Conclusion.RANGE) else 1


@dataclass(frozen=True)
class Bisection:
    """The first patch at which something goes wrong, and how that was found."""

    sought: Sought
    series: str
    conclusion: Conclusion
    first: int  # the suspects: patches first to last of the series; 0: the base
    last: int
    patches: tuple[Patch, ...]  # of the series
    commits: tuple[str, ...]  # of these in the whole stack; "" where there is none
    steps: tuple[BisectStep, ...]
    answers: tuple[StepAnswer, ...]  # of the steps
    tree: str = ""  # the worktree, whose repository has the commits


def read(run: RunFolder) -> Bisection:
    """Read what the bisection of a run found.

    Raises UserError when there is none, or when its parts do not fit each other.
    """
    found = run.load("bisect", BISECTION)
    fits = (
        0 <= found.first <= found.last <= len(found.patches) == len(found.commits)
        and len(found.steps) == len(found.answers)
        and any(step.patches == found.last for step in found.steps)
    )
    if not fits:
        raise UserError(
            "This is not what a bisection leaves.",
            where=str(run.path / "bisect.json"),
            do="search again: `kseries bisect`",
        )
    return found


SOUGHT: TypeAdapter[Sought] = TypeAdapter(Sought)
STEP: TypeAdapter[BisectStep] = TypeAdapter(BisectStep)
BISECTION: TypeAdapter[Bisection] = TypeAdapter(Bisection)
