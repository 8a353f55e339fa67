# SPDX-License-Identifier: GPL-2.0
"""Which functions lines of a C source belong to, in the kernel's coding style. Pure.

A body begins with a brace in the first column and ends with another one; what stands between it
and the blank line, the semicolon or the directive before it is its head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Names of functions that macros make, as the symbol table has them.
_SYSCALL = re.compile(r"(?:COMPAT_)?SYSCALL_DEFINE\d$")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_ONE_LINE = re.compile(r"[A-Za-z_][^;=]*\)[^;=]*\{.*\}\s*$")
_WORD = re.compile(r"[A-Za-z_]\w*")
MOST_HEAD = 30  # lines


@dataclass(frozen=True)
class Function:
    """A function. first, last: its lines, from 1, the head included."""

    name: str
    first: int
    last: int


def functions(text: str) -> tuple[Function, ...]:
    """Give the functions of a source in their order."""
    return tuple(_functions(text.split("\n")))


def _functions(lines: list[str]) -> Iterator[Function]:
    start = -1
    for number, line in enumerate(lines):
        if start < 0 and line.startswith("{"):
            start = number
        elif start >= 0 and line.startswith("}"):
            head = _head(lines, start)
            if name := name_of(" ".join(lines[head:start])):
                yield Function(name, head + 1, number + 1)
            start = -1
        elif start < 0 and _ONE_LINE.match(line) and (name := name_of(line.partition("{")[0])):
            yield Function(name, number + 1, number + 1)


def _head(lines: list[str], brace: int) -> int:
    first = brace
    for number in range(brace - 1, max(-1, brace - MOST_HEAD), -1):
        line = lines[number]
        if not line.strip() or line.startswith(("#", "}", "*", " *", "/*", "//")):
            break
        if line.rstrip().endswith((";", "*/", ":")):
            break
        first = number
    return first


def name_of(head: str) -> str:
    """Give the symbol of the function that a head declares, "" where it declares none."""
    called = list(_outermost(head))
    for place, (name, start, end) in enumerate(called):
        following = called[place + 1] if place + 1 < len(called) else None
        if following is not None and _WORD.search(head, end, following[1]):
            continue  # an attribute before the type: __printf(2, 3) void name(…)
        if _SYSCALL.match(name):
            argument = _WORD.search(head, start + len(name))
            kind = "__ia32_compat_sys_" if name.startswith("COMPAT") else "__x64_sys_"
            return kind + argument[0] if argument else ""
        return name
    return ""


def _outermost(head: str) -> Iterator[tuple[str, int, int]]:
    """Give (name, start, end of its parentheses) of what is called outside of parentheses."""
    at = 0
    while match := _CALLED.search(head, at):
        depth, at = 1, match.end()
        while at < len(head) and depth:
            depth += {"(": 1, ")": -1}.get(head[at], 0)
            at += 1
        yield match[1], match.start(), at
