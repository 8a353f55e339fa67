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
from kseries.results import findings, ktap
from kseries.results.klog import Reader, message
from kseries.results.ktap import KtapResult
from kseries.results.outcome import status_of
from kseries.results.verdict import decided

MAX_CASES = 200_000
MAX_LOOK = 5_000  # lines that are looked at to tell the kind
MAX_TAIL = 60

NO_RESULT = "(without a result)"
LOG = "(the log)"

_STAMPED = re.compile(r"(?:<\d{1,2}>)?\[ *\d+\.\d{6}\]")
_KSELFTEST = re.compile(r"(?:# selftests: |(?:not )?ok \d+ selftests: )")
_SUBTEST = re.compile(r"\s*# Subtest: ")
_KTAP = re.compile(r"\s*KTAP version \d+")
_RUNNER_NAME = re.compile(r"(?:# )?selftests: (\S+): (.+)$")


class Kind(StrEnum):
    """Who wrote the log."""

    KSELFTEST = "kselftest"  # the runner of tools/testing/selftests
    KUNIT = "kunit"  # the kernel, in its log or as kunit.py gives it
    TAP = "TAP"  # any one program


@dataclass(frozen=True)
class Saved:
    """What a log says. events: complaints of the kernel, where it is a kernel log."""

    kind: Kind
    programs: tuple[ProgramResult, ...]
    events: tuple[KernelEvent, ...] = ()


def read(lines: Iterable[str], name: str) -> Saved:
    """Read a log, line by line. name: of the program, where the log does not tell.

    A log without a single result gives a program that says so, and is no pass.
    """
    stream = iter(lines)
    looked = list(itertools.islice(stream, MAX_LOOK))
    kind = detect(looked)
    whole = itertools.chain(looked, stream)
    if kind is not Kind.KUNIT:
        said = ktap.parse(whole, max_cases=MAX_CASES)
        return Saved(kind, _programs(kind, said, name))
    kernel = Reader()
    said = ktap.parse(_followed(whole, kernel), max_cases=MAX_CASES)
    return Saved(kind, _programs(kind, said, name), kernel.events())


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
            suites=tuple(suites) if idle else (),
        )
    )


def detect(lines: Sequence[str]) -> Kind:
    """Tell the kind by the first lines."""
    if any(_KSELFTEST.match(line) for line in lines):
        return Kind.KSELFTEST
    stamped = any(_STAMPED.match(line) for line in lines)
    nested = any(_SUBTEST.match(line) for line in lines)
    if stamped or (nested and any(_KTAP.match(line) for line in lines)):
        return Kind.KUNIT
    return Kind.TAP


def _followed(lines: Iterable[str], kernel: Reader) -> Iterator[str]:
    """Give what the kernel said, without its time stamps; have its complaints looked for."""
    for line in lines:
        kernel.feed(line)
        yield message(line)


def _programs(kind: Kind, said: KtapResult, name: str) -> tuple[ProgramResult, ...]:
    if kind is Kind.TAP:
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
    return case.status is Status.MISSING and not case.children


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
    told = (case.name, *reversed(case.diagnostics))
    found = next(filter(None, map(_RUNNER_NAME.match, told)), None)
    suite, name = (found[1], found[2]) if found else (Kind.KSELFTEST.value, case.name)
    return _program(suite, name, case)


def _of_kunit(case: Case) -> ProgramResult:
    return _program(Kind.KUNIT.value, case.name, case)


def _program(suite: str, name: str, case: Case) -> ProgramResult:
    cases = case.children or (replace(case, name=name),)
    return ProgramResult(suite, name, case.status, None, 0.0, cases)
