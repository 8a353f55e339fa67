# SPDX-License-Identifier: GPL-2.0
"""Choose what to run: all that does not take minutes, all there is, or what `-k PATTERN` picks."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from kseries.lib.errors import UserError
from kseries.model import TestProgram
from kseries.parse.outcome import label_of

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
    reach = {pattern: _reach(programs, usual, pattern) for pattern in only}
    found = (
        _narrowed(program, [pattern for pattern in only if program in reach[pattern]])
        for program in programs
    )
    return tuple(program for program in found if program is not None)


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


def _reach(
    programs: Sequence[TestProgram], usual: Sequence[TestProgram], only: str
) -> Sequence[TestProgram]:
    """Give the programs that a pattern chooses from. Raises UserError when it matches nothing."""
    for among in (usual, programs):
        if any(_narrowed(program, [only]) for program in among):
            return among
    if programs:
        raise UserError(
            f"No test matches '{only}'.",
            where=f"{len(programs)} programs of {', '.join(sorted({p.suite for p in programs}))}",
            do=f"take for example: {', '.join(_close(programs, only))}",
        )
    return ()


def _narrowed(program: TestProgram, only: Sequence[str]) -> TestProgram | None:
    """Give what any of the patterns names of a program, None when that is nothing."""
    if _matches(label_of(program), only):
        return program
    cases = tuple(case for case in program.cases if _matches(case, only))
    if not cases:
        return None
    return narrowed(program, cases) if program.case_option else program


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern of `-k` names a test, by a part of its name or with `*`."""
    return pattern in name or fnmatchcase(name, f"*{pattern}*")


def _matches(name: str, only: Sequence[str]) -> bool:
    return any(matches(name, pattern) for pattern in only)


def _close(programs: Sequence[TestProgram], only: str) -> list[str]:
    names = [label_of(program) for program in programs]
    names += [case for program in programs for case in program.cases]
    return difflib.get_close_matches(only, names, MAX_NAMED, 0.4) or names[:MAX_NAMED]
