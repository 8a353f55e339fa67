# SPDX-License-Identifier: GPL-2.0
"""Which function, or line of a file, a complaint of the kernel is charged to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kseries.model import EventKind
from kseries.parse.calltrace import CALL, DOUBTFUL, HEAD, PC
from kseries.parse.finders import BOTTOM, FINDERS, HELPERS

MAX_TITLE = 8  # lines that may name a file

# Where a title, or a lock, names a function: with its offset, as the first of a data race, or as
# decode_stacktrace.sh gives it.
_NAMED = re.compile(
    r"(?:\b(?:in|at|ip):? |\(|ENDBR: |\.[chS]:\d+ (?:at )?)"
    r"(?:\[<[0-9a-f]+>\] )?([A-Za-z_.$][\w.$]*)"
    r"(?:\+0x[0-9a-f]+| / |(?= \(?[\w./+-]+\.[chS]:\d+)|(?=\s*$))"
)
_AT_FILE = re.compile(r"(?:\b(?:at|in)|^)\s?([\w./-]+\.[chS]:\d+)")
# A function below "is trying to release lock (x) at:"
_BARE_FUNCTION = re.compile(r"(?:\[<[0-9a-f]+>\] )?([\w.$]+)\+0x[0-9a-f]+/0x")

# Where lockdep says which lock it is about; what comes first, or is numbered, is of locks that are
# held.
_LOCK_USED = re.compile(
    r".*(?:is trying to (?:acquire|release|lock|contend)|takes:|is freeing memory)"
)
_LOCK_LEFT = re.compile(
    r"\s*(?:WARNING: |\[ BUG: ).*(?:still (?:has locks )?held|returning to user|at task exit)"
)
_HELD = re.compile(r"\s*#0: ")


def where(kind: EventKind, lines: Sequence[str]) -> str:
    """Find the function that has the fault, else the file and line.

    lines: of the complaint, from its title on. What the title names counts first, then the program
    counter, then the call trace.
    """
    functions = _candidates(kind, lines)
    files = (found[1] for line in lines[:MAX_TITLE] if (found := _AT_FILE.search(line)))
    return next(functions, None) or next(files, "")


def _candidates(kind: EventKind, lines: Sequence[str]) -> Iterator[str]:
    named = _of_locks(lines) if kind is EventKind.LOCKDEP else _named(lines[0])
    yield from (name for name in named if not HELPERS.match(name))
    at_pc = (found[1] for line in lines if (found := PC.match(line)))
    yield from (name for name in at_pc if not HELPERS.match(name))
    head = next((at for at, line in enumerate(lines) if HEAD.match(line)), 0)
    for frame in (CALL, DOUBTFUL):
        # Above the head stands who allocated what was found, or took a lock before.
        ordered = (*lines[head:], *lines[:head])
        names = [found[1] for line in ordered if (found := frame.match(line))]
        telling = [name for name in names if not FINDERS.match(name)]
        yield from (name for name in telling if not BOTTOM.match(name))
        yield from telling


def _named(title: str) -> Iterator[str]:
    return (found[1] for found in _NAMED.finditer(title))


def _of_locks(lines: Sequence[str]) -> Iterator[str]:
    """Give the function that took or released the lock, where lockdep says it above the stack."""
    told = _HELD if _LOCK_LEFT.match(lines[0]) else _LOCK_USED
    at = next((at for at, line in enumerate(lines) if told.match(line)), len(lines))
    for line in lines[at : at + 3]:
        found = _NAMED.search(line) or _BARE_FUNCTION.match(line)
        if found:
            yield found[1]
            return
