# SPDX-License-Identifier: GPL-2.0
"""What the HTML page shows, worked out of the result document. Pure; `html` writes it down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.model import (
    AppliedPatch,
    Case,
    ChangedFile,
    Diagnostic,
    Finding,
    PatchState,
    ProgramResult,
    Ran,
    RunResult,
    StageRecord,
    StageState,
    Status,
)
from kseries.parse.casetree import leaves
from kseries.parse.outcome import label_of, own_problems
from kseries.report import against
from kseries.report.against import Listed, SuiteCounts
from kseries.report.words import author_base
from kseries.verdict import findings, known_failures, repeat, scope, uncompiled
from kseries.verdict.named import NamedTest, tests
from kseries.verdict.tally import Tally, count

MAX_SHOWN = 60  # bad cases of a program with their lines; the others by name
MAX_SLOW = 10
MAX_BARS = 24  # programs in the picture
MAX_DIAGNOSTICS = 200
SLOW_S = 0.5  # nobody minds less

# A link is to lead to a page, whoever wrote the document.
_LINK = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/[^\s\"'<>\\^`{|}]*")

LEAST_WIDTH = 0.8  # per cent of the picture: what is there is to be seen


@dataclass(frozen=True)
class Part:
    """A piece of a bar. start, width: in per cent of the whole run."""

    start: float
    width: float
    good: bool
    told: str = ""  # what it is, where a line has several


@dataclass(frozen=True)
class Bar:
    """A line of the picture."""

    label: str
    kind: str  # "stage", "machine" or "program"
    seconds: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class BadCase:
    """A case that is not good. command: runs it again, "" where it is not run alone."""

    case: Case
    told: bool  # its lines say the reason, too
    command: str


@dataclass(frozen=True)
class Complaint:
    """A finding of the kernel log. happened: where and how often. splat: of the first time."""

    anchor: str  # its place on the page
    finding: Finding
    programs: frozenset[str]  # "suite/program"
    happened: str
    suspicion: str  # whose patch may have done it, "" where none is known
    splat: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A program that is not good. cases: those with something to show, the worst of them."""

    program: ProgramResult
    problems: tuple[str, ...]  # its own: of what the kernel complained of, see `complaints`
    cases: tuple[BadCase, ...]
    others: tuple[Case, ...]  # bad ones too many to show in full
    missing: tuple[Case, ...]  # nothing was seen of them
    complaints: tuple[Complaint, ...]  # of the kernel while it ran; `Page` has them in full
    tally: Tally
    command: str


@dataclass(frozen=True)
class CaseLine:
    """A case in the list of all tests. mark: what the series did to it, "" for nothing special."""

    case: Case
    mark: str


@dataclass(frozen=True)
class ProgramLine:
    """A program in the list of all tests."""

    program: ProgramResult
    mark: str
    cases: tuple[CaseLine, ...]
    tally: Tally  # of what counts


@dataclass(frozen=True)
class SlowCase:
    """A case that took long."""

    label: str
    name: str
    seconds: float


@dataclass(frozen=True)
class PatchGroup:
    """The patches of a series. odd: those that are not simply applied."""

    series: str
    patches: tuple[AppliedPatch, ...]
    odd: int


@dataclass(frozen=True)
class Page:
    """All that is shown, in the order in which it is shown."""

    result: RunResult
    heading: str  # the answer in a few words
    title: str  # what was tested, as its author calls it; "" where that is not known
    link: str  # to it in an archive, "" where there is none that a browser may follow
    tests: str  # how many of the tests were to run, "" where all were
    tally: Tally  # of what counts: known failures are an expected failure
    unreached: int  # tests of the base that are not run any more, each of which counts
    uncompiled: str  # which changed files were not compiled, "" where all were
    advice: str  # how to have them compiled, "" where nothing helps
    excuse: str  # known failures, "" where nothing was
    against: str  # what the run was compared with, and what came of it; "" where it was not
    others: tuple[Listed, ...]  # what the series fixed, added, …
    messages: tuple[StageRecord, ...]  # stages with an error to tell
    failures: tuple[Failure, ...]
    complaints: tuple[Complaint, ...]  # those that count
    suites: tuple[SuiteCounts, ...]
    programs: tuple[ProgramLine, ...]
    slow: tuple[SlowCase, ...]
    bars: tuple[Bar, ...]
    bars_left_out: int
    patches: tuple[PatchGroup, ...]
    changed: tuple[ChangedFile, ...]
    diagnostics: tuple[Diagnostic, ...]
    diagnostics_left_out: int
    checkout: str
    command: str
    facts: tuple[tuple[str, str], ...]


def make(result: RunResult) -> Page:
    """Work out the page of a document."""
    mine = known_failures.of(result)
    bad = [program for program in mine.programs if not program.status.good]
    complaints = _complaints(result)
    return Page(
        result=result,
        heading=scope.heading(result),
        title=result.subject.title,
        link=result.subject.link if _LINK.fullmatch(result.subject.link) else "",
        tests=scope.tests(result),
        tally=known_failures.tally(result),
        unreached=len(known_failures.unreached(result.baseline)),
        uncompiled=uncompiled.statement(result),
        advice=uncompiled.advice(result),
        excuse=against.excuse(result),
        against=against.counts(result.baseline) if result.baseline else "",
        others=tuple(against.lists(result, added=True)),
        messages=tuple(s for s in result.stages if s.message and s.state is not StageState.DONE),
        failures=tuple(_failure(result, program, complaints) for program in bad),
        complaints=complaints,
        suites=against.suites(result),
        programs=_lines(result),
        slow=_slow(result.programs),
        bars=_bars(result),
        bars_left_out=len(result.programs) - len(_drawn(result.programs)),
        patches=_groups(result.patches),
        changed=result.changed or (),
        diagnostics=result.diagnostics[:MAX_DIAGNOSTICS],
        diagnostics_left_out=max(len(result.diagnostics) - MAX_DIAGNOSTICS, 0),
        checkout=repeat.checkout(result.provenance),
        command=repeat.command(result),
        facts=facts(result),
    )


def facts(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Give the provenance as (what, value); what is not known is left out."""
    provenance = result.provenance
    commit = provenance.kseries_commit
    version = provenance.kseries_version + (f" ({commit})" if commit else "")
    pairs = (
        ("command", " ".join(provenance.command)),
        ("source", provenance.source),
        ("base commit", provenance.base_commit),
        ("base of the series", author_base(result.author_base)),
        ("head commit", provenance.head_commit),
        ("kernel", provenance.kernel_release),
        ("config", provenance.config),
        ("sha256 of .config", provenance.config_sha256),
        ("compiler", provenance.compiler),
        ("machine", provenance.qemu),
        ("accelerator", provenance.accelerator),
        ("host", provenance.host),
        ("Python", provenance.python),
        ("kseries", version),
    )
    return tuple((what, value) for what, value in pairs if value)


def _lines(result: RunResult) -> tuple[ProgramLine, ...]:
    marks = against.marks(result)
    found: list[tuple[NamedTest, list[CaseLine]]] = []
    for test in tests(result.programs):
        if test.case is None:
            found.append((test, []))
        else:
            found[-1][1].append(CaseLine(test.case, marks.get(test.name, "")))
    counting = known_failures.of(result).programs
    return tuple(
        ProgramLine(test.program, marks.get(test.name, ""), tuple(cases), count([counts]))
        for (test, cases), counts in zip(found, counting, strict=True)
    )


def _failure(result: RunResult, program: ProgramResult, complaints: Sequence[Complaint]) -> Failure:
    bad = [case for case in leaves(program.cases) if not case.status.good]
    seen = [case for case in bad if case.status is not Status.MISSING]
    return Failure(
        program=program,
        problems=own_problems(program),
        cases=tuple(_bad_case(result, program, case) for case in seen[:MAX_SHOWN]),
        others=tuple(seen[MAX_SHOWN:]),
        missing=tuple(case for case in bad if case.status is Status.MISSING),
        complaints=tuple(item for item in complaints if label_of(program) in item.programs),
        tally=count([program]),
        command=repeat.command(result, repeat.pattern(program)),
    )


def _bad_case(result: RunResult, program: ProgramResult, case: Case) -> BadCase:
    told = any(case.reason in line for line in case.diagnostics)
    alone = repeat.command(result, repeat.pattern(program, case)) if program.by_case else ""
    return BadCase(case, told, alone)


def _complaints(result: RunResult) -> tuple[Complaint, ...]:
    return tuple(
        Complaint(
            f"complaint-{number}",
            finding,
            frozenset(name.partition(": ")[0] for name in finding.during),
            f"{findings.line(finding)}{findings.happened(finding)}",
            findings.suspicion(finding),
            findings.evidence(finding, result.events),
        )
        for number, finding in enumerate(known_failures.found(result), 1)
    )


def _slow(programs: Iterable[ProgramResult]) -> tuple[SlowCase, ...]:
    timed = [
        SlowCase(label_of(program), case.name, case.seconds)
        for program in programs
        for case in leaves(program.cases)
        if case.seconds is not None and case.seconds >= SLOW_S
    ]
    return tuple(sorted(timed, key=lambda case: -case.seconds)[:MAX_SLOW])


def _bars(result: RunResult) -> tuple[Bar, ...]:
    """Draw stages one after the other, and below the stage `test` its machines and programs."""
    whole = sum(stage.seconds for stage in result.stages)
    bars: list[Bar] = []
    at = 0.0
    for stage in result.stages:
        if stage.state is StageState.NOT_RUN or not whole:
            continue
        good = stage.state is StageState.DONE
        part = _part(at, stage.seconds, whole, good=good)
        bars.append(Bar(stage.name, "stage", stage.seconds, (part,)))
        if stage.name == "test":
            bars += _test_bars(result.programs, at, whole)
        at += stage.seconds
    return tuple(bars)


def _test_bars(programs: Sequence[ProgramResult], begun: float, whole: float) -> Iterator[Bar]:
    """Draw what each machine did, and each of the longest programs, at the time when it ran."""
    shards = [(program, ran) for program in programs for ran in program.ran]

    def part(program: ProgramResult, ran: Ran) -> Part:
        good, label = program.status.good, label_of(program)
        return _part(begun + ran.began, ran.seconds, whole, good=good, told=label)

    for machine in sorted({ran.machine for _, ran in shards}):
        own = [(program, ran) for program, ran in shards if ran.machine == machine]
        seconds = sum(ran.seconds for _, ran in own)
        yield Bar(f"machine {machine}", "machine", seconds, tuple(part(*one) for one in own))
    drawn = _drawn(programs)
    for place, program in enumerate(programs):
        if place in drawn:
            parts = tuple(part(program, ran) for ran in program.ran)
            yield Bar(program.name, "program", program.seconds, parts)


def _drawn(programs: Sequence[ProgramResult]) -> set[int]:
    """Choose the programs of the picture by their places: the longest whose time is known."""
    known = [place for place, program in enumerate(programs) if program.ran]
    return set(sorted(known, key=lambda place: -programs[place].seconds)[:MAX_BARS])


def _part(at: float, seconds: float, whole: float, *, good: bool, told: str = "") -> Part:
    start = min(100 * at / whole, 100 - LEAST_WIDTH)
    width = min(max(100 * seconds / whole, LEAST_WIDTH), 100 - start)
    return Part(round(start, 2), round(width, 2), good, told)


def _groups(patches: Sequence[AppliedPatch]) -> tuple[PatchGroup, ...]:
    groups = []
    for series in dict.fromkeys(patch.series for patch in patches):
        own = tuple(patch for patch in patches if patch.series == series)
        odd = sum(patch.state is not PatchState.APPLIED for patch in own)
        groups.append(PatchGroup(series, own, odd))
    return tuple(groups)
