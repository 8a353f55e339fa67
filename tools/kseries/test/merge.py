# SPDX-License-Identifier: GPL-2.0
"""Results of a program that was run in parts: what is left of it, and all of it as one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kseries.model import Case, ProgramResult, Status, TestProgram
from kseries.parse.casetree import walk
from kseries.parse.ktaplevel import MISSING_RESULTS
from kseries.parse.outcome import status_of
from kseries.test.plan import narrowed

ENDED_EARLY = (Status.CRASH, Status.TIMEOUT)


def rest_of(
    program: TestProgram, result: ProgramResult
) -> tuple[ProgramResult, TestProgram | None]:
    """Separate what a program that ended early did from the cases that it did not come to.

    Gives the result without them, and a program of them; None where they cannot be run by
    themselves, or where not one case has ended or can be blamed.
    """
    if result.status not in ENDED_EARLY or not program.case_option:
        return result, None
    told = {case.name: case.status for case in walk(result.cases)}
    left = tuple(name for name in program.cases if told.get(name) is Status.MISSING)
    if not left or len(left) == len(program.cases):
        return result, None
    # That they are missing is no problem any more.
    problems = tuple(text for text in result.problems if not text.endswith(MISSING_RESULTS))
    return replace(without(result, left), problems=problems), narrowed(program, left)


def without(result: ProgramResult, names: Iterable[str]) -> ProgramResult:
    """Give a result without these cases."""
    gone = frozenset(names)
    return replace(result, cases=_without(result.cases, gone))


def merged(planned: Sequence[str], parts: Sequence[ProgramResult]) -> ProgramResult:
    """Put the results of a program's parts together; cases come in the order of the plan."""
    if len(parts) == 1:
        return parts[0]
    place = {name: index for index, name in enumerate(planned)}
    cases = sorted(
        (case for part in parts for case in part.cases),
        key=lambda case: place.get(case.name, len(place)),
    )
    statuses = [part.exit_status for part in parts]
    return replace(
        parts[0],
        status=_together(parts, cases),
        exit_status=None if None in statuses else next(filter(None, statuses), 0),
        seconds=round(sum(part.seconds for part in parts), 3),
        cases=tuple(cases),
        problems=tuple(dict.fromkeys(text for part in parts for text in part.problems)),
        ran=tuple(ran for part in parts for ran in part.ran),
    )


def _together(parts: Sequence[ProgramResult], cases: Sequence[Case]) -> Status:
    bad = [part.status for part in parts if not part.status.good]
    order = list(Status)
    return max(bad, key=order.index) if bad else status_of(cases)


def _without(cases: Iterable[Case], names: frozenset[str]) -> tuple[Case, ...]:
    kept = []
    for case in cases:
        if case.children:
            left = _without(case.children, names)
            if left:
                kept.append(replace(case, children=left))
        elif case.name not in names:
            kept.append(case)
    return tuple(kept)
