# SPDX-License-Identifier: GPL-2.0
"""The functions of a program, read from its symbol table. Pure.

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


class NotAnElf(Exception):
    """The file is none, or is cut off or spoilt."""


@dataclass(frozen=True)
class Function:
    """A function: where it begins, how long it is (0: not known), what it is called."""

    address: int
    size: int
    name: str


def functions(data: bytes) -> tuple[Function, ...]:
    """Give the functions of a program, () for one that was stripped. Raises NotAnElf."""
    if not data.startswith(MAGIC):
        raise NotAnElf("it is no program of 64 bits")
    try:
        return tuple(_functions(data))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnElf(f"its symbols cannot be read: {error}") from None


def _functions(data: bytes) -> Iterator[Function]:
    header = HEADER.unpack_from(data)
    start, size, count = header[5], header[10], header[11]
    sections = [SECTION.unpack_from(data, start + n * size) for n in range(count)]
    for section in sections:
        kind, place, length, link = section[1], section[4], section[5], section[6]
        if kind != SYMTAB:
            continue
        names = sections[link][4]
        for at in range(place, place + length - SYMBOL.size + 1, SYMBOL.size):
            name, info, _, index, address, extent = SYMBOL.unpack_from(data, at)
            if info & 15 in FUNCTIONS and index:
                yield Function(address, extent, _text(data, names + name))


def _text(data: bytes, place: int) -> str:
    end = data.find(b"\0", place)
    if not 0 <= place < end:
        raise IndexError("a name outside of the file")
    return data[place:end].decode("ascii")
