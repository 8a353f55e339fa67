# SPDX-License-Identifier: GPL-2.0
"""The functions of a program, read from its symbol table, and a section of it. Pure.

Programs are built by the tree's own Makefile, in a sandbox: nothing in them is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF\x02\x01"  # of 64 bits, little-endian
HEADER = struct.Struct("<16x2H I 3Q I 6H")
SECTION = struct.Struct("<2I 4Q 2I 2Q")
SYMBOL = struct.Struct("<I 2B H 2Q")
SYMTAB = 2
FUNCTIONS = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
SEGMENT = struct.Struct("<2I 6Q")
INTERPRETER = 3  # PT_INTERP
EXECUTABLE, SHARED = 2, 3  # ET_EXEC, ET_DYN
NO_BITS = 8  # SHT_NOBITS


class NotAnElf(Exception):
    """The file is none, or is cut off or spoilt."""


@dataclass(frozen=True)
class Function:
    """A function: where it begins, how long it is (0: not known), what it is called."""

    address: int
    size: int
    name: str


@dataclass(frozen=True)
class Part:
    """A section of a program: where it begins when it runs, and what is in it."""

    address: int
    content: bytes


def is_elf(data: bytes) -> bool:
    """Whether it is a program or object of 64 bits."""
    return data.startswith(MAGIC)


def is_program(data: bytes) -> bool:
    """Whether it can be started, as objects cannot. Raises NotAnElf."""
    return _header(data)[0] in (EXECUTABLE, SHARED)


def why_not_alone(data: bytes) -> str:
    """Say why a program does not run without libraries, at the addresses it names; "" where so."""
    try:
        header = _header(data)
        start, size, count = header[4], header[8], header[9]
        kinds = [SEGMENT.unpack_from(data, start + n * size)[0] for n in range(count)]
    except struct.error as error:
        raise NotAnElf(f"its segments cannot be read: {error}") from None
    if INTERPRETER in kinds:
        return "it is linked with shared libraries"
    return "" if header[0] == EXECUTABLE else "it is linked to run at any address"


def section(data: bytes, name: str) -> Part | None:
    """Give a section by its name; None where there is none. Raises NotAnElf."""
    try:
        sections = _sections(data)
        names = sections[_header(data)[12]][4]
        for one in sections:
            if one[1] != NO_BITS and _text(data, names + one[0], empty=True) == name:
                place, length = one[4], one[5]
                return Part(one[3], data[place : place + length])
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnElf(f"its sections cannot be read: {error}") from None
    return None


def functions(data: bytes) -> tuple[Function, ...]:
    """Give the functions of a program, () for one that was stripped. Raises NotAnElf."""
    try:
        return tuple(_functions(data))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnElf(f"its symbols cannot be read: {error}") from None


def _functions(data: bytes) -> Iterator[Function]:
    sections = _sections(data)
    for one in sections:
        kind, place, length, link = one[1], one[4], one[5], one[6]
        if kind != SYMTAB:
            continue
        names = sections[link][4]
        for at in range(place, place + length - SYMBOL.size + 1, SYMBOL.size):
            name, info, _, index, address, extent = SYMBOL.unpack_from(data, at)
            if info & 15 in FUNCTIONS and index:
                yield Function(address, extent, _text(data, names + name))


def _header(data: bytes) -> tuple[int, ...]:
    if not is_elf(data):
        raise NotAnElf("it is no program of 64 bits")
    try:
        return HEADER.unpack_from(data)
    except struct.error as error:
        raise NotAnElf(f"its header cannot be read: {error}") from None


def _sections(data: bytes) -> list[tuple[int, ...]]:
    header = _header(data)
    start, size, count = header[5], header[10], header[11]
    return [SECTION.unpack_from(data, start + n * size) for n in range(count)]


def _text(data: bytes, place: int, *, empty: bool = False) -> str:
    end = data.find(b"\0", place)
    if not 0 <= place < end + empty:
        raise IndexError("a name outside of the file")
    return data[place:end].decode("ascii")
