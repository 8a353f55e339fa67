# SPDX-License-Identifier: GPL-2.0
"""A saved log of others' tests, read as if it were a run: which kind it is, what its tests did."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kseries.model import (
    Case,
    KernelEvent,
    ProgramResult,
    Provenance,
    RunResult,
    StageRecord,
    StageState,
    Status,
    Verdict,
)
from kseries.parse import ktap, ktapline, lava, liburing, mailed, stamps
from kseries.parse.demux import hear
from kseries.parse.ktap import KtapResult
from kseries.parse.ktaptoken import Result
from kseries.parse.outcome import status_of
from kseries.parse.stamps import Style
from kseries.verdict import findings
from kseries.verdict.verdict import decided

MAX_CASES = 200_000
MAX_LOOK = 1 << 20  # characters that are looked at to tell the kind
MAX_TAIL = 60

NO_RESULT = "(without a result)"
LOG = "(the log)"
NO_PLAN = "no plan: nothing tells whether results are missing"
NO_BEGINNING = 'the log begins with a pass: a "not" before it may be lost'

_LIBURING = re.compile(rf"^(?:{liburing.SIGN})", re.MULTILINE)
_SUBTEST = re.compile(r"^\s*# Subtest: ", re.MULTILINE)
_KTAP = re.compile(r"^\s*KTAP version \d+", re.MULTILINE)
# Before 6.1; the TAP of that number has names of subtests, too, but outside of the indentation.
_KTAP_14 = re.compile(r"^[ \t]?TAP version 14\s*$", re.MULTILINE)
_INDENTED_SUBTEST = re.compile(r"^[ \t]+# Subtest: ", re.MULTILINE)
_RUNNER = re.compile(r"^ ?(?:# |(?:not )?ok (?:1\.\.)?\d+ )selftests: ", re.MULTILINE)
_RUNNER_NAME = re.compile(r"(?:# )?selftests: (?:(\S+): )?(.+)")
_NAMELESS = re.compile(r"(?:test \d+|\d+ of the tests 1 to \d+)$")


class Kind(StrEnum):
    """Who wrote the log."""

    KSELFTEST = "kselftest"  # the runner of tools/testing/selftests
    KUNIT = "kunit"  # the kernel, in its log or as kunit.py gives it
    TAP = "TAP"  # any one program
    LIBURING = "liburing"  # the runner of liburing's tests
    LAVA = "LAVA"  # what was signalled to LAVA, without other results
    KERNEL = "kernel"  # the kernel, without results


@dataclass(frozen=True)
class Saved:
    """What a log says.

    kind: whose results there are. events: complaints of the kernel. notes: what a reader must
    know.
    """

    kind: Kind
    programs: tuple[ProgramResult, ...]
    events: tuple[KernelEvent, ...] = ()
    notes: tuple[str, ...] = ()


def read(blocks: Iterable[str], name: str) -> Saved:
    """Read a log that comes in blocks of lines. name: of the program, where the log has none.

    A log without a single result gives a program that says so, and is not a pass.
    """
    stream = stamps.without_columns(blocks)
    looked = _beginning(stream)
    mail = mailed.look("".join(looked))
    if not mail.spared:
        stream = mail.lines(itertools.chain(looked, stream))
        looked = _beginning(stream)
    whole = itertools.chain(looked, stream)
    head = ktapline.plain("".join(looked))
    style = stamps.look(head)
    if style.relayed:
        head = "\n".join(map(stamps.unrelayed, head.split("\n")))
    if _LIBURING.search(head):
        return _liburing(whole, style)
    return _ktap(head, style, whole, name)


def _beginning(blocks: Iterator[str]) -> list[str]:
    """Take as much of a log as is looked at to tell what it is."""
    looked, size = [], 0
    for block in blocks:
        looked.append(block)
        size += len(block)
        if size >= MAX_LOOK:
            break
    return looked


def _liburing(blocks: Iterable[str], style: Style) -> Saved:
    tests = liburing.Runner()
    heard = hear(blocks, tests, style, alone=False, max_cases=MAX_CASES)
    programs = tests.end()
    return Saved(
        Kind.LIBURING, (*programs, *lava.unreported(heard.signals, programs)), heard.events
    )


def _ktap(head: str, style: Style, blocks: Iterable[str], name: str) -> Saved:
    """Read a log of anything that writes KTAP. head: its beginning."""
    runner = bool(_RUNNER.search(head))
    alone = style.bare and not runner and _is_kunit(head)
    parser = ktap.Parser(MAX_CASES)
    heard = hear(blocks, parser, style, alone=alone, max_cases=MAX_CASES)
    programs, kernel = parser.end(), heard.kernel
    told = {}
    if _tells(programs):
        runner = runner or any(_RUNNER_NAME.match(case.name) for case in programs.cases)
        told[Kind.KSELFTEST if runner else Kind.TAP] = programs
    # Without a header it is a message that looks like a result, unless nothing else is there.
    bad = [case for case in kernel.cases if not case.status.good and not _is_absent(case)]
    if _tells(kernel) and (kernel.declared or bad or not told):
        told[Kind.KUNIT] = kernel
    if not told and heard.signals:
        return Saved(Kind.LAVA, heard.signals, heard.events)
    if not told:
        told[Kind.TAP if style.bare else Kind.KERNEL] = programs
    unsure = _is_pass(head.partition("\n")[0])
    split = [
        _programs(kind, _doubted(kind, said, unsure=unsure), name) for kind, said in told.items()
    ]
    notes = (NO_PLAN,) if any(_has_no_plan(*each) for each in told.items()) else ()
    results = tuple(itertools.chain(*split))
    results = (*results, *lava.unreported(heard.signals, results))
    return Saved(next(iter(told)), results, heard.events, notes)


def _is_kunit(head: str) -> bool:
    if _KTAP.search(head):
        return bool(_SUBTEST.search(head))
    return bool(_KTAP_14.search(head) and _INDENTED_SUBTEST.search(head))


def _doubted(kind: Kind, said: KtapResult, *, unsure: bool) -> KtapResult:
    """Add why more may have been said than the log holds. unsure: it begins with a pass."""
    doubts = [NO_BEGINNING] if unsure else []
    if said.unplanned and not _has_no_plan(kind, said):
        doubts.append(NO_PLAN)
    return replace(said, problems=(*said.problems, *doubts))


def _has_no_plan(kind: Kind, said: KtapResult) -> bool:
    """Whether none is there, and none could be.

    Suites of modules that are loaded one by one have none together, the old runner had none.
    """
    return said.unplanned and (kind is Kind.KUNIT or said.marked)


def _is_pass(line: str) -> bool:
    """Whether a line is a pass before which a "not" may be lost."""
    token = ktapline.read(stamps.message(line))
    if not isinstance(token, Result) or token.closing:
        return False
    return token.status is Status.PASS


def _tells(said: KtapResult) -> bool:
    """Whether there is more than that there is no result."""
    return said.problems != (ktap.NO_RESULT,)


def result(saved: Saved, name: str, *, started: str, seconds: float, version: str) -> RunResult:
    """Give a result document as of a run, so that every report can be made of it.

    name: of the log. started: when it was written, ISO 8601. seconds: what reading it took.
    version: of kseries.
    """
    programs = len(saved.programs)
    summary = f"{saved.kind} log, {programs} program{'' if programs == 1 else 's'}"
    # Nobody planned suites, but a log in which all is skipped has tested nothing.
    idle = all(program.status is Status.SKIP for program in saved.programs)
    suites = dict.fromkeys(program.suite for program in saved.programs)
    events, found = findings.together(saved.events)
    return decided(
        RunResult(
            run=name,
            stack="",
            under_test="",
            started=started,
            seconds=seconds,
            verdict=Verdict.INCOMPLETE,
            stages=(StageRecord("parse", StageState.DONE, seconds, summary),),
            provenance=Provenance(("kseries", "parse", name), version, "", "", ""),
            programs=saved.programs,
            events=events,
            findings=found,
            notes=saved.notes,
            suites=tuple(suites) if idle else (),
        )
    )


def _programs(kind: Kind, said: KtapResult, name: str) -> tuple[ProgramResult, ...]:
    if kind in (Kind.TAP, Kind.KERNEL):
        return (_judged(ProgramResult(kind, name, Status.ERROR, None, 0.0, said.cases), said),)
    split: Callable[[Case], ProgramResult] = _of_runner if kind is Kind.KSELFTEST else _of_kunit
    seen = [case for case in said.cases if not _is_absent(case)]
    absent = tuple(case for case in said.cases if _is_absent(case))
    programs = [_charged(split(case), case, said.problems) for case in seen]
    if absent:
        programs.append(ProgramResult(kind, NO_RESULT, Status.MISSING, None, 0.0, absent))
    names = tuple(f"{case.name}: " for case in seen)
    loose = tuple(problem for problem in said.problems if not problem.startswith(names))
    if loose:
        programs.append(ProgramResult(kind, LOG, Status.ERROR, None, 0.0, (), loose))
    return tuple(programs)


def _is_absent(case: Case) -> bool:
    """Whether of a planned result nothing is known, not even its name."""
    unknown = case.status is Status.MISSING and not case.children
    return unknown and bool(_NAMELESS.match(case.name))


def _judged(program: ProgramResult, said: KtapResult) -> ProgramResult:
    """Give a program's status by its cases and problems."""
    if said.skipped is not None and not said.cases:
        skipped = Case(program.name, Status.SKIP, said.skipped)
        return replace(program, status=Status.SKIP, cases=(skipped,))
    status = status_of(said.cases)
    if said.problems and status.good:
        status = Status.ERROR
    tail = () if status.good else said.diagnostics[-MAX_TAIL:]
    return replace(program, status=status, problems=said.problems, tail=tail)


def _charged(program: ProgramResult, case: Case, problems: Sequence[str]) -> ProgramResult:
    """Give a program the problems that are told of it, and what it printed if it is not good."""
    prefix = f"{case.name}: "
    own = [text.removeprefix(prefix) for text in problems if text.startswith(prefix)]
    if case.children and not case.status.good and all(c.status.good for c in case.children):
        own.append(case.reason or "it says not ok")
    status = Status.ERROR if own and program.status.good else program.status
    tail = () if status.good else case.diagnostics[-MAX_TAIL:]
    return replace(program, status=status, problems=tuple(own), tail=tail)


def _of_runner(case: Case) -> ProgramResult:
    """Take a result of kselftest's runner, "selftests: net: ping.sh", for a program."""
    # Where the log was cut off, only the runner's line before the program has its name.
    before = reversed(case.diagnostics) if case.status is Status.MISSING else ()
    told = (case.name, *before)
    found = next(filter(None, map(_RUNNER_NAME.match, told)), None)
    suite, name = (found[1] or "", found[2]) if found else ("", case.name)
    return _program(suite or Kind.KSELFTEST.value, name, case)


def _of_kunit(case: Case) -> ProgramResult:
    return _program(Kind.KUNIT.value, case.name, case)


def _program(suite: str, name: str, case: Case) -> ProgramResult:
    cases = case.children or (replace(case, name=name),)
    return ProgramResult(suite, name, case.status, None, 0.0, cases)
