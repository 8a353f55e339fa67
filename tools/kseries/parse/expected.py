# SPDX-License-Identifier: GPL-2.0
"""Failures that a suite lists as known: they are expected, and told when they do not come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from kseries.model import Case, ProgramResult, Status
from kseries.parse.casetree import leaves
from kseries.suite import KnownFailure

PASSES = "passes, though it is listed as a known failure: "


def marked(program: str, cases: Iterable[Case], known: Sequence[KnownFailure]) -> tuple[Case, ...]:
    """Take known failures for expected ones; those that pass say so."""
    return tuple(_marked(program, case, (), known) for case in cases) if known else tuple(cases)


def passing(programs: Iterable[ProgramResult]) -> list[str]:
    """Name the known failures that passed, in sentences for people."""
    return [
        f"{program.suite}/{program.name}: {case.name} {case.reason}"
        for program in programs
        for case in leaves(program.cases)
        if case.status is Status.PASS and case.reason.startswith(PASSES)
    ]


def _marked(
    program: str, case: Case, above: tuple[str, ...], known: Sequence[KnownFailure]
) -> Case:
    path = (*above, case.name)
    if case.children:
        children = tuple(_marked(program, child, path, known) for child in case.children)
        still = any(not child.status.good for child in leaves(children))
        status = case.status if still or case.status is not Status.FAIL else Status.XFAIL
        return replace(case, children=children, status=status)
    why = _why(program, path, known)
    if not why:
        return case
    if case.status is Status.FAIL:
        return replace(case, status=Status.XFAIL, reason=f"{why} ({case.reason})".strip())
    if case.status is Status.PASS:
        return replace(case, reason=f"{PASSES}{why}")
    return case


def _why(program: str, path: Sequence[str], known: Sequence[KnownFailure]) -> str:
    names = (program, f"{program}: {path[-1]}", f"{program}: {'.'.join(path)}")
    for one in known:
        if any(fnmatchcase(name, one.test) for name in names):
            return one.why
    return ""
