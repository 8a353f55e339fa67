# SPDX-License-Identifier: GPL-2.0
"""Choose what to run: all that does not take minutes, all there is, or what `-k PATTERN` picks."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from kseries.errors import UserError
from kseries.model import TestProgram
from kseries.results.outcome import label_of

MAX_NAMED = 5


def select(
    programs: Sequence[TestProgram], only: Sequence[str], *, extended: bool = False
) -> tuple[TestProgram, ...]:
    """Choose what any of the given parts of a name, or patterns with `*`, names; all without one.

    extended: also programs that take minutes. Without it they are chosen only by a pattern that
    nothing else matches.

    A name is "suite/program" or that of a planned case. A program chosen by its own name runs
    whole; one that is chosen by names of cases runs those, if it can be told so, else whole.

    Raises UserError naming what comes close when a pattern matches nothing.
    """
    usual = tuple(program for program in programs if extended or not program.extended)
    if not only:
        return usual
    found = [_chosen(programs, usual, pattern) for pattern in only]
    return tuple(
        _together(program, same)
        for program in programs
        if (same := [one for by in found for one in by if label_of(one) == label_of(program)])
    )


def narrowed(program: TestProgram, cases: Sequence[str]) -> TestProgram:
    """Give a program that runs only these of its cases; it must have an option for that."""
    options = tuple(word for case in cases for word in (program.case_option, case))
    return replace(program, argv=(*_whole_argv(program), *options), cases=tuple(cases))


def _whole_argv(program: TestProgram) -> tuple[str, ...]:
    """Give the arguments without those that choose cases."""
    kept: list[str] = []
    words = iter(program.argv)
    for word in words:
        if word == program.case_option:
            next(words, None)
        else:
            kept.append(word)
    return tuple(kept)


def _chosen(
    programs: Sequence[TestProgram], usual: Sequence[TestProgram], only: str
) -> tuple[TestProgram, ...]:
    """Give what one pattern chooses. Raises UserError when that is nothing."""
    chosen = _matching(usual, only) or _matching(programs, only)
    if programs and not chosen:
        raise UserError(
            f"No test matches '{only}'.",
            where=f"{len(programs)} programs of {', '.join(sorted({p.suite for p in programs}))}",
            do=f"take for example: {', '.join(_close(programs, only))}",
        )
    return chosen


def _together(program: TestProgram, chosen: Sequence[TestProgram]) -> TestProgram:
    """Give the program with what several patterns have chosen of it, in its own order."""
    if len(chosen) == 1 or program in chosen:
        return program if program in chosen else chosen[0]
    cases = {case for part in chosen for case in part.cases}
    return narrowed(program, tuple(case for case in program.cases if case in cases))


def _matching(programs: Sequence[TestProgram], only: str) -> tuple[TestProgram, ...]:
    return tuple(found for program in programs if (found := _narrowed(program, only)))


def _narrowed(program: TestProgram, only: str) -> TestProgram | None:
    if _matches(label_of(program), only):
        return program
    cases = tuple(case for case in program.cases if _matches(case, only))
    if not cases:
        return None
    return narrowed(program, cases) if program.case_option else program


def _matches(name: str, only: str) -> bool:
    return only in name or fnmatchcase(name, f"*{only}*")


def _close(programs: Sequence[TestProgram], only: str) -> list[str]:
    names = [label_of(program) for program in programs]
    names += [case for program in programs for case in program.cases]
    return difflib.get_close_matches(only, names, MAX_NAMED, 0.4) or names[:MAX_NAMED]
