# SPDX-License-Identifier: GPL-2.0
"""Every test by a name of its own: "suite/program", "suite/program: case".

Cases below cases are joined by ": ". The second of a name gets a number, so that two documents
call the same test the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from kseries.model import Case, ProgramResult
from kseries.parse.casetree import paths
from kseries.parse.outcome import label_of

CASE = ": "  # stands between the name of a program and that of its case


@dataclass(frozen=True)
class NamedTest:
    """A program, or one of its cases that has none below it (else `case` is None)."""

    name: str
    program: ProgramResult
    case: Case | None = None


def tests(programs: Iterable[ProgramResult]) -> Iterator[NamedTest]:
    """Give each program, and after it its cases."""
    names = _Names()
    for program in programs:
        yield NamedTest(names.unused(label_of(program)), program)
        for path, case in paths(program.cases):
            yield NamedTest(names.unused(CASE.join((label_of(program), *path))), program, case)


def changed(
    programs: Iterable[ProgramResult], change: Callable[[str, Case], Case]
) -> Iterator[tuple[str, ProgramResult]]:
    """Give each program by its name, every case without one below it as `change` gives it back."""
    names = _Names()
    for program in programs:
        name = names.unused(label_of(program))
        cases = _changed(program.cases, f"{label_of(program)}{CASE}", names, change)
        yield name, replace(program, cases=cases)


class _Names:
    def __init__(self) -> None:
        self._used: set[str] = set()

    def unused(self, name: str) -> str:
        """Give the name, with a number where it is taken; it is taken then."""
        number, unused = 1, name
        while unused in self._used:
            number += 1
            unused = f"{name} #{number}"
        self._used.add(unused)
        return unused


def _changed(
    cases: Iterable[Case], above: str, names: _Names, change: Callable[[str, Case], Case]
) -> tuple[Case, ...]:
    return tuple(
        replace(case, children=_changed(case.children, f"{above}{case.name}{CASE}", names, change))
        if case.children
        else change(names.unused(f"{above}{case.name}"), case)
        for case in cases
    )
