# SPDX-License-Identifier: GPL-2.0
"""What is sought in a bisection: found among the planned tests, and seen in what a run left."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from kseries.lib.errors import UserError
from kseries.lib.naming import few
from kseries.model import (
    Baseline,
    KernelEvent,
    ProgramResult,
    RunResult,
    Status,
    TestOutcome,
    TestProgram,
)
from kseries.parse import klog, splat, stamps
from kseries.parse.attribution import BOOT, SHUTDOWN
from kseries.parse.casetree import leaves
from kseries.parse.outcome import complaint, events_of, label_of, was_run
from kseries.verdict import named
from kseries.verdict.bisection import Seen, Sought
from kseries.verdict.named import CASE

MAX_NAMED = 5
NOT_THERE = "the test is not there yet"

_LINE_NUMBER = re.compile(r"(?<=\.[chS]):\d+")
_PASSED = (Status.PASS, Status.XFAIL)
_UNJUDGED = (Status.MISSING, Status.ERROR, Status.TIMEOUT, Status.CRASH)

Sighting = tuple[Seen, str]
"""What was seen, and that in a line."""


# ---------------------------------------------------------------- what is meant


def find_test(sought: Sought, programs: Sequence[TestProgram]) -> Sought:
    """Find the one test that is meant.

    It is named as reports name it, "suite/program: case", or by a part that only one has. A case
    that nobody but its program knows is taken as it is named.

    Raises UserError naming those that come close.
    """
    tests = {label_of(program): (label_of(program), "") for program in programs}
    for program in programs:
        label = label_of(program)
        tests |= {f"{label}{CASE}{case}": (label, case) for case in program.cases}
    found = _found(sought.test, tests, programs)
    if len(found) != 1:
        raise _unclear(sought.test, [_name(*one) for one in found], list(tests))
    label, case = found[0]
    return replace(sought, program=label, case=case)


def _found(
    asked: str, tests: dict[str, tuple[str, str]], programs: Sequence[TestProgram]
) -> list[tuple[str, str]]:
    if asked in tests:
        return [tests[asked]]
    first, _, case = asked.partition(CASE)
    unplanned = [label_of(program) for program in programs if not program.cases]
    own = [(label, case) for label in unplanned if first in (label, label.partition("/")[2])]
    if case and own:
        return own
    ends = (f"/{asked}", f"{CASE}{asked}")
    return [one for name, one in tests.items() if name.endswith(ends)] or [
        one for name, one in tests.items() if asked in name
    ]


def _name(program: str, case: str) -> str:
    return f"{program}{CASE}{case}" if case else program


def _unclear(asked: str, found: Sequence[str], tests: Sequence[str]) -> UserError:
    if found:
        return UserError(
            f"'{asked}' is a part of the names of {len(found)} tests.",
            where=few(found, MAX_NAMED, separator="; "),
            do="name one of them",
        )
    close = difflib.get_close_matches(asked, tests, MAX_NAMED, 0.4) or tests[:MAX_NAMED]
    return UserError(
        f"With the whole series there is no test '{asked}'.",
        do=f"take for example: {'; '.join(close)}" if close else "give the stack a suite",
    )


def find_line(sought: Sought, result: RunResult) -> Sought:
    """Find what ran when the kernel said what is sought, in the results of an earlier run.

    Where that run does not tell, all tests are to be run.
    """
    is_it = _matcher(sought.log)
    for event in result.events:
        if _says(event, is_it):
            label = event.during.partition(CASE)[0]
            if label == BOOT:
                return replace(sought, at_boot=True)
            return replace(sought, program="" if label == SHUTDOWN else label)
    return sought


# ---------------------------------------------------------------- what was seen


def chosen(sought: Sought, programs: Sequence[TestProgram]) -> tuple[TestProgram, ...]:
    """Give the programs that show what is sought; () where they are not there."""
    if sought.program:
        own = [program for program in programs if label_of(program) == sought.program]
        return tuple(p for p in own if not (p.cases and sought.case) or sought.case in p.cases)
    return tuple(programs[:1] if sought.at_boot else programs)


def seen(sought: Sought, outcome: TestOutcome, lines: Iterable[str]) -> Sighting:
    """Say what tests showed of what is sought. lines: of the kernel log."""
    if sought.log:
        found = _line(sought, outcome.events, lines)
        if found:
            return Seen.BAD, found
    ran = [program for program in outcome.programs if was_run(program)]
    if not ran:
        return Seen.NO_BOOT, next(iter(outcome.notes), "no program ran")
    if sought.log:
        return Seen.GOOD, "not in the kernel log"
    return _case(ran[0], sought.case, outcome) if sought.case else _program(ran[0])


# ---------------------------------------------------------------- what a baseline tells


def is_told(sought: Sought, base: Baseline) -> bool:
    """Whether a baseline tells anything of what is sought: all that shows it ran on the base."""
    if sought.program:
        return sought.program not in base.not_run
    return not base.not_run or (sought.at_boot and bool(base.programs))


def on_base(sought: Sought, base: Baseline) -> Sighting | None:
    """Say what a baseline, of which `is_told` holds, shows: GOOD or ABSENT, or None if in doubt.

    Good is a test that passed the first time; what is skipped or could not be judged is doubtful.
    Of the kernel log a baseline keeps the complaints, so a line must be one (`is_complaint`).
    """
    label = sought.program
    own = [program for program in base.programs if label in ("", label_of(program))]
    if not own:
        return Seen.ABSENT, NOT_THERE
    if sought.log:
        return _no_complaint(sought, own, base.events)
    told, what = seen(sought, TestOutcome((own[0],), base.events, {}), ())
    return (told, what) if _is_sure(told, own[0]) else None


def is_complaint(sought: Sought, events: Iterable[KernelEvent], lines: Iterable[str]) -> bool:
    """Whether the kernel said the line that is sought in complaints, and nowhere else."""
    is_it = _matcher(sought.log)
    complaints = [event for event in events if _says(event, is_it)]
    known = {line for event in complaints for line in event.lines}
    others = (text for text in map(stamps.message, lines) if text not in known)
    return bool(complaints) and not any(map(is_it, others))


def _is_sure(told: Seen, program: ProgramResult) -> bool:
    if told is Seen.GOOD:
        return program.status in (*_PASSED, Status.FAIL)
    # What passes without that case; but it must be one that tells cases apart.
    cases = [one.name for one in leaves(program.cases)]
    return told is Seen.ABSENT and program.status in _PASSED and cases != [program.name]


def _no_complaint(
    sought: Sought, programs: Sequence[ProgramResult], events: Sequence[KernelEvent]
) -> Sighting | None:
    is_it = _matcher(sought.log)
    if len(events) >= klog.MAX_EVENTS or any(_says(event, is_it) for event in events):
        return None
    if any(program.status in _UNJUDGED for program in programs):
        return None
    return Seen.GOOD, "not among what the kernel complained of"


# ---------------------------------------------------------------- tests and lines


def _says(event: KernelEvent, is_it: Callable[[str], bool]) -> bool:
    return any(map(is_it, (event.title, *event.lines)))


def _line(sought: Sought, events: Sequence[KernelEvent], lines: Iterable[str]) -> str:
    is_it = _matcher(sought.log)
    titles = (event.title for event in events)
    return next((text for text in (*titles, *map(stamps.message, lines)) if is_it(text)), "")


def _program(program: ProgramResult) -> Sighting:
    if program.status is Status.SKIP:
        return Seen.SKIPPED, "skip"
    if program.status.good:
        return Seen.GOOD, program.status.value
    bad = [t for t in named.tests([program]) if t.case and not t.case.status.good]
    first = f"{CASE}{bad[0].name.partition(CASE)[2]}" if bad else ""
    why = next(iter(program.problems), "") if not bad else ""
    return Seen.BAD, f"{program.status}{first}" + (f"{CASE}{why}" if why else "")


def _case(program: ProgramResult, name: str, outcome: TestOutcome) -> Sighting:
    wanted = f"{label_of(program)}{CASE}{name}"
    cases = [test for test in named.tests([program]) if test.case is not None]
    case = next((test.case for test in cases if test.name == wanted), None)
    if case is None:
        if program.status in _UNJUDGED:
            return Seen.BAD, next(iter(program.problems), program.status.value)
        return Seen.ABSENT, f"{label_of(program)} has no such case"
    told = case.status.value + (f"{CASE}{case.reason}" if case.reason else "")
    if not case.status.good:
        return Seen.BAD, told
    said = [e for e in events_of(program, outcome.events) if len(cases) == 1 or e.during == wanted]
    if said:
        return Seen.BAD, complaint(said[0])
    return (Seen.SKIPPED if case.status is Status.SKIP else Seen.GOOD), told


def _matcher(sought: str) -> Callable[[str], bool]:
    """Take a regular expression, or a line as the kernel said it, of which numbers change."""
    line = _settled(stamps.message(sought))
    try:
        expression = re.compile(sought)
    except re.error:
        expression = re.compile(re.escape(sought))

    def is_it(text: str) -> bool:
        return bool(expression.search(text)) or (line != "" and line in _settled(text))

    return is_it


def _settled(text: str) -> str:
    return _LINE_NUMBER.sub("", splat.settled(text))
