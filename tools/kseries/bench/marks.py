# SPDX-License-Identifier: GPL-2.0
"""The marks of a program: sections that it begins and ends (guest/kseries_bench.h). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.bench import elf

PLACE = ".kseries_bench"
BEGIN, END, OPERATIONS = "B", "E", "O"
OF_SECTIONS = (BEGIN, END, OPERATIONS)
OF_NUMBERS = ("D", "I")
MOST = 4096  # marks; the plugin knows no more
MOST_SECTIONS = 63

NAME = re.compile(r"[A-Za-z0-9_./-]{1,60}")


class Unreadable(Exception):
    """The marks are none of ours; why, in words."""


@dataclass(frozen=True)
class Mark:
    """A mark: the address that its operand points to, what it is, of which section ("": none)."""

    address: int
    kind: str
    section: str


def read(program: bytes) -> tuple[Mark, ...]:
    """Give the marks of a program, () for one without. Raises Unreadable."""
    try:
        part = elf.section(program, PLACE)
    except elf.NotAnElf as error:
        raise Unreadable(str(error)) from None
    found = tuple(_marks(part)) if part else ()
    if len(found) > MOST:
        raise Unreadable(f"it has {len(found)} marks, more than {MOST}")
    if len(names(found)) > MOST_SECTIONS:
        raise Unreadable(f"it has {len(names(found))} sections, more than {MOST_SECTIONS}")
    return found


def names(marks: tuple[Mark, ...]) -> tuple[str, ...]:
    """Name the sections that are begun somewhere, in the order of the file."""
    return tuple(dict.fromkeys(mark.section for mark in marks if mark.kind == BEGIN))


def _marks(part: elf.Part) -> Iterator[Mark]:
    address = part.address
    for text in part.content.split(b"\0"):
        if text:
            word = text.decode("ascii", errors="replace")
            kind, name = word[0], word[1:]
            if kind in OF_SECTIONS and not NAME.fullmatch(name):
                raise Unreadable(
                    f"a section is named '{name}': a name has 1 to 60 letters, digits or - _ . /"
                )
            if kind not in (*OF_SECTIONS, *OF_NUMBERS):
                raise Unreadable(f"'{word}' is no mark of kseries_bench.h")
            yield Mark(address, kind, name)
        address += len(text) + 1
