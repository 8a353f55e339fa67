# SPDX-License-Identifier: GPL-2.0
"""What a test program did: its KTAP, its exit status, its plan and the kernel log put together."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kseries.model import Case, EventKind, KernelEvent, ProgramResult, Status, TestProgram
from kseries.parse import expected, lacking
from kseries.parse.casetree import leaves, walk
from kseries.parse.ktap import KtapResult
from kseries.parse.ktaplevel import UNSEEN, given_up
from kseries.parse.ktapreason import skip_reason
from kseries.parse.running import Span

SKIP_STATUS = 4  # KSFT_SKIP
MAX_EVENTS_NAMED = 3

# Of problems: what the kernel log says, and that it is not said at length.
_COMPLAINT = "the kernel log says "
_MORE_COMPLAINTS = "more complaints in the kernel log"

_SEVERITY = {status: rank for rank, status in enumerate(Status)}


@dataclass(frozen=True)
class Ended:
    """How a program's run ended.

    status: its exit status, None when it did not end by itself.
    death: why the kernel died meanwhile, "" when it lives.
    running: cases that had begun and not ended.
    """

    status: int | None
    seconds: float
    death: str = ""
    running: tuple[str, ...] = ()


def judge(program: TestProgram, ktap: KtapResult, ended: Ended) -> ProgramResult:
    """Give the result of a program. No result is not a pass."""
    said = [*ktap.diagnostics, *(line for case in walk(ktap.cases) for line in case.diagnostics)]
    if program.ktap is False or (program.ktap is None and not (ktap.cases or ktap.declared)):
        ktap = _of_exit_status(program, ktap, ended.status)
    problems = list(ktap.problems)
    cases = ktap.cases
    if ended.status == SKIP_STATUS or (ktap.skipped is not None and not cases):
        cases, problems = _skipped(program, ktap)
    else:
        cases = _name_missing(cases, program.cases)
    seen_cases, cases = cases, expected.marked(program.name, cases, program.known)
    seen = any(case.status is not Status.MISSING for case in walk(cases))
    # Without a single result line nothing can be said, whatever was planned.
    status = status_of(cases) if seen else Status.ERROR
    if ended.status is None:
        status = Status.CRASH if ended.death else Status.TIMEOUT
        cases = _mark_running(cases, ended.running, status)
        problems.insert(0, _end_problem(program, ended))
    else:
        # A failure that is known makes its program fail all the same.
        problems += exit_problems(ended.status, seen_cases if ended.status else cases)
        if problems and status.good:
            status = Status.ERROR
    if not status.good and (lack := lacking.problem(said)):
        problems.append(lack)
    return ProgramResult(
        suite=program.suite,
        name=program.name,
        status=status,
        exit_status=ended.status,
        seconds=round(ended.seconds, 3),
        cases=cases,
        problems=tuple(problems),
        by_case=bool(program.case_option),
    )


def with_times(result: ProgramResult, spans: Sequence[Span]) -> ProgramResult:
    """Tell of each case how long it ran."""
    took = {span.name: round(span.end - span.start, 3) for span in spans}
    return replace(result, cases=_timed(result.cases, took))


def with_events(result: ProgramResult, events: Sequence[KernelEvent]) -> ProgramResult:
    """Charge a program with what the kernel complained about while it ran."""
    mine = list(events_of(result, events))
    if result.status is Status.CRASH:
        # The panic is told already.
        mine = [event for event in mine if event.kind is not EventKind.PANIC]
    if not mine:
        return result
    said = [complaint(event) for event in mine]
    more = len(said) - MAX_EVENTS_NAMED
    if more > 0:
        said = [*said[:MAX_EVENTS_NAMED], f"and {more} {_MORE_COMPLAINTS}"]
    status = result.status
    if status.good:
        hidden = any(event.kind is EventKind.HIDDEN for event in mine)
        status = Status.ERROR if hidden else Status.FAIL
    return replace(result, status=status, problems=(*result.problems, *said))


def complaint(event: KernelEvent) -> str:
    """Say what the kernel complained of, as a problem of the program that ran."""
    return f"{_COMPLAINT}{event.title}{_in_case(event)}"


def own_problems(program: ProgramResult) -> tuple[str, ...]:
    """Give the problems of a program without what the kernel complained of meanwhile."""
    return tuple(
        problem
        for problem in program.problems
        if not problem.startswith(_COMPLAINT) and not problem.endswith(_MORE_COMPLAINTS)
    )


def not_run(program: TestProgram, why: str) -> ProgramResult:
    """Give the result of a program that was planned and could not be started."""
    return ProgramResult(
        suite=program.suite,
        name=program.name,
        status=Status.MISSING,
        exit_status=None,
        seconds=0.0,
        cases=tuple(Case(name, Status.MISSING, why) for name in program.cases),
        problems=(why,),
    )


def unplanned(program: TestProgram, cases: Iterable[Case]) -> tuple[str, ...]:
    """Name the cases seen that the plan does not know; () where it knows none."""
    if not program.cases:
        return ()
    known = {*program.cases, program.name}
    return tuple(case.name for case in leaves(cases) if case.name not in known)


def label_of(item: TestProgram | ProgramResult) -> str:
    """Give the name a program goes by in messages and in the kernel log."""
    return f"{item.suite}/{item.name}"


def loose_events(
    programs: Iterable[ProgramResult], events: Iterable[KernelEvent]
) -> tuple[KernelEvent, ...]:
    """Give what the kernel complained of while none of these programs ran."""
    labels = {label_of(program) for program in programs}
    return tuple(event for event in events if event.during.partition(": ")[0] not in labels)


def events_of(program: ProgramResult, events: Iterable[KernelEvent]) -> tuple[KernelEvent, ...]:
    """Give what the kernel complained of while a program ran."""
    label = label_of(program)
    return tuple(e for e in events if e.during == label or e.during.startswith(f"{label}: "))


def status_of(cases: Sequence[Case]) -> Status:
    """Give what cases make together: the worst, else a pass, else what there is."""
    statuses = {case.status for case in walk(cases)}
    bad = [status for status in statuses if not status.good]
    if bad:
        return max(bad, key=_SEVERITY.__getitem__)
    for status in (Status.PASS, Status.XFAIL, Status.SKIP):
        if status in statuses:
            return status
    return Status.ERROR


def was_run(program: ProgramResult) -> bool:
    """Whether a program was started at all; of one that was not, nothing is known."""
    return program.exit_status is not None or program.seconds > 0


def exit_problems(status: int, cases: Sequence[Case]) -> list[str]:
    """Say where the exit status is not what the cases make it."""
    failed = [case.name for case in leaves(cases) if not case.status.good]
    if status in (126, 127):
        return [f"it, or what it called last, could not be started (exit status {status})"]
    if status > 128:
        return [f"it was ended by {_signal(status - 128)}"]
    if status in (0, SKIP_STATUS):
        return [f"exit status {status}, although {failed[0]} is not good"] if failed else []
    if not failed:
        return [f"exit status {status}, although no case failed"]
    return []


def _timed(cases: Iterable[Case], took: Mapping[str, float]) -> tuple[Case, ...]:
    return tuple(
        replace(case, seconds=took.get(case.name), children=_timed(case.children, took))
        for case in cases
    )


def _of_exit_status(program: TestProgram, said: KtapResult, status: int | None) -> KtapResult:
    """Make one case of a program that prints no results and says all by its exit status."""
    lines = [(text, text.startswith("#")) for text in said.diagnostics]
    if status in (None, SKIP_STATUS):
        return KtapResult((), diagnostics=said.diagnostics)
    outcome = Status.FAIL if status else Status.PASS
    why = (skip_reason(lines) or f"exit status {status}") if status else ""
    return KtapResult((Case(program.name, outcome, why, said.diagnostics),))


def _skipped(program: TestProgram, ktap: KtapResult) -> tuple[tuple[Case, ...], list[str]]:
    """Take what a program that gave up has not shown for skipped, unless something failed."""
    bad = [c for c in walk(ktap.cases) if not c.status.good and c.status is not Status.MISSING]
    if bad:
        return _name_missing(ktap.cases, program.cases), list(ktap.problems)
    lines = [(text, text.startswith("#")) for text in ktap.diagnostics]
    skips = [case.reason for case in walk(ktap.cases) if case.status is Status.SKIP]
    why = ktap.skipped or next(iter(skips), "") or skip_reason(lines) or "no reason given"
    if not ktap.cases:
        names = program.cases or (program.name,)
        return tuple(Case(name, Status.SKIP, why) for name in names), []
    return given_up(_name_missing(ktap.cases, program.cases), why), []


def _name_missing(cases: tuple[Case, ...], planned: Sequence[str]) -> tuple[Case, ...]:
    """Give planned cases that were not seen their names: KTAP knows only numbers."""
    seen = {case.name for case in walk(cases)}
    absent = [name for name in planned if name not in seen]
    named = _fill(cases, absent)
    return (*named, *(Case(name, Status.MISSING, UNSEEN) for name in absent))


def _fill(cases: Iterable[Case], names: list[str]) -> tuple[Case, ...]:
    """Put names on the places of missing results, in order; take those used from the list."""
    filled = []
    for case in cases:
        if _is_place(case) and names:
            filled.append(replace(case, name=names.pop(0)))
        else:
            filled.append(replace(case, children=_fill(case.children, names)))
    return tuple(filled)


def _is_place(case: Case) -> bool:
    return case.status is Status.MISSING and case.reason == UNSEEN and not case.children


def _mark_running(
    cases: tuple[Case, ...], running: Sequence[str], status: Status
) -> tuple[Case, ...]:
    for name in running:
        known = any(case.name == name for case in walk(cases))
        if not known:
            unnamed = [name]
            cases = _fill(cases, unnamed)
            cases = (*cases, *(Case(left, Status.MISSING, UNSEEN) for left in unnamed))
        cases = tuple(_marked(case, name, status) for case in cases)
    return cases


def _marked(case: Case, name: str, status: Status) -> Case:
    if case.name == name and case.status is Status.MISSING:
        return replace(case, status=status, reason="it was running then")
    return replace(case, children=tuple(_marked(c, name, status) for c in case.children))


def _end_problem(program: TestProgram, ended: Ended) -> str:
    during = f" (while {', '.join(ended.running[:3])} ran)" if ended.running else ""
    if ended.death:
        return f"the kernel died{during}: {ended.death}"
    return f"it was still running after {program.timeout_s:g} s and was ended{during}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"exit status {number + 128}"


def _in_case(event: KernelEvent) -> str:
    _, _, case = event.during.partition(": ")
    return f", while {case} ran" if case else ""
