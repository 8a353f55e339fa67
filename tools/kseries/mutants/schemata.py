# SPDX-License-Identifier: GPL-2.0
"""Mutant schemata: one kernel that holds all mutants, each behind a switch.

Where a mutant changes an expression E to F the kernel has `(kseries_mutant(7) ? (F) : (E))`, and
where it changes a statement `{ if (kseries_mutant(7)) F else E }`; a function that it changes is
there twice, and begins with a call of the other. So a mutant costs no build. The switch is a
parameter that is set while the kernel runs, and 0 is none of them; each switch that is come by says
so, which tells what can be seen by which test.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from kseries.model import GeneratedMutant
from kseries.mutants.operators import NUMBER, Change

HEADER = "include/linux/kseries_mutants.h"
CODE = "lib/kseries_mutants.c"
MAKEFILE = "lib/Makefile"

PARAMETERS = "/sys/module/kseries_mutants/parameters"
MUTANT = f"{PARAMETERS}/mutant"
REACHED = f"{PARAMETERS}/reached"

_KERNEL = Path(__file__).parent / "kernel"
_COUNT = "@COUNT@"
_INCLUDE = f"#include <{HEADER.removeprefix('include/')}>\n".encode()


def name_all(
    found: Sequence[tuple[str, bytes, Sequence[Change]]], first: int = 1
) -> list[tuple[GeneratedMutant, Change]]:
    """Give the changes of files as mutants with numbers. found: file, its source, its changes."""
    named: list[tuple[GeneratedMutant, Change]] = []
    for file, source, changes in found:
        lines = source.decode(errors="replace").split("\n")
        seen: dict[tuple[str, str, str], int] = {}
        for change in changes:
            text = " ".join(lines[change.line - 1].split())
            same = (change.within, text, change.change)
            seen[same] = seen.get(same, 0) + 1
            told = change.change + (f" ({seen[same]})" if seen[same] > 1 else "")
            mutant = GeneratedMutant(
                first + len(named), file, change.line, change.within, change.operator, text, told
            )
            named.append((mutant, change))
    return named


def with_switches(source: bytes, mutants: Sequence[tuple[int, Change]]) -> bytes:
    """Give a source with these mutants in it, each with its number.

    A line that was added on top is all that moves the others.
    """
    if not mutants:
        return source
    spans: dict[tuple[int, int], list[tuple[int, Change]]] = {}
    for number, change in mutants:
        spans.setdefault((change.start, -change.end), []).append((number, change))
    return _INCLUDE + _Rendering(source, spans).all()


class _Rendering:
    """Spans lie in or beside one another: an inner one is changed where the outer one is not."""

    def __init__(
        self, source: bytes, spans: dict[tuple[int, int], list[tuple[int, Change]]]
    ) -> None:
        self._source = source
        self._spans = spans
        self._places = sorted(spans)
        self._next = 0

    def all(self) -> bytes:
        return self._between(0, len(self._source))

    def _between(self, start: int, end: int) -> bytes:
        parts = []
        at = start
        while self._next < len(self._places) and self._places[self._next][0] < end:
            place = self._places[self._next]
            self._next += 1
            first, last = place[0], -place[1]
            parts += [self._source[at:first], self._switched(self._spans[place], first, last)]
            at = last
        return b"".join([*parts, self._source[at:end]])

    def _switched(self, mutants: Collection[tuple[int, Change]], start: int, end: int) -> bytes:
        # Of one node first what is a statement: the tree has both only for different nodes.
        rest = self._between(start, end)
        for number, change in mutants:
            code = change.code.replace(NUMBER, str(number)).encode()
            switch = b"kseries_mutant(%d)" % number
            if change.call:
                call = change.call.replace(NUMBER, str(number)).encode()
                rest = b"%s %s if (%s) return %s;" % (code, rest, switch, call)
            elif change.statement:
                rest = b"{ if (%s) %s else %s }" % (switch, code, rest)
            else:
                rest = b"(%s ? (%s) : (%s))" % (switch, code, rest)
        return rest


def support(count: int, makefile: bytes, *, show: bool = False) -> dict[str, bytes]:
    """Give the files that the switches of so many mutants need, by name.

    show: have the compiler refuse each switch that it comes by, with its number.
    """
    header = (_KERNEL / Path(HEADER).name).read_text().replace(_COUNT, str(count))
    return {
        HEADER: ("#define KSERIES_SHOW\n" * show + header).encode(),
        CODE: (_KERNEL / Path(CODE).name).read_bytes(),
        MAKEFILE: makefile + f"\nobj-y += {CODE.rpartition('/')[2].replace('.c', '.o')}\n".encode(),
    }


def reached(digits: str) -> frozenset[int]:
    """Read which switches were come by, out of what the kernel's parameter says."""
    return frozenset(
        4 * place + bit
        for place, digit in enumerate(digits.strip())
        for bit in range(4)
        if int(digit, 16) >> bit & 1
    )
