# SPDX-License-Identifier: GPL-2.0
"""Which function, or line of a file, a complaint of the kernel is charged to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kseries.model import EventKind
from kseries.parse.calltrace import CALL, DOUBTFUL, HEAD, PC
from kseries.parse.finders import (
    ALLOCATORS,
    BOTTOM,
    FINDERS,
    HELPERS,
    LOCKERS,
    STOPPERS,
    WAITS,
    source_name,
)

MAX_TITLE = 8  # lines that may name a file

# Where a title, or a lock, names a function: with its offset, as the first of a data race, or as
# decode_stacktrace.sh gives it.
_NAMED = re.compile(
    r"(?:\b(?:in|at|ip):? |\(|ENDBR: |\.[chS]:\d+ (?:at )?)"
    r"(?:\[<[0-9a-f]+>\] )?(?![0-9a-f]{8,}\b)([A-Za-z_.$][\w.$]*)"
    r"(?:\+0x[0-9a-f]+| / |(?= \(?[\w./+-]+\.[chS]:\d+)|(?=\s*$))"
)
_AT_FILE = re.compile(r"(?:\b(?:at|in)|^)\s?([\w./-]+\.[chS]:\d+)")
# Of a worker that came back with a lock, below the title.
_LAST_FUNCTION = re.compile(r"\s*last function: ([\w.]+)")
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
# What else is passed over in the stack of some kinds.
_BESIDE = {
    EventKind.HUNG_TASK: WAITS,
    EventKind.LEAK: ALLOCATORS,
    EventKind.LOCKDEP: LOCKERS,
    EventKind.WARN: LOCKERS,
    EventKind.KASAN: STOPPERS,
    EventKind.OOPS: STOPPERS,
}
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
    beside = _BESIDE.get(kind, BOTTOM)
    named = _of_locks(lines) if kind is EventKind.LOCKDEP else _named(lines)
    # Of the functions of a race the kernel itself names the two to tell, whatever they are; a
    # warning says who makes it; a stalled processor may be anywhere.
    known = {EventKind.KCSAN: (), EventKind.WARN: (HELPERS, STOPPERS)}.get(kind, (HELPERS, beside))
    yield from _others(named, *known)
    head = next((at for at, line in enumerate(lines) if HEAD.match(line)), len(lines))
    at_pc = next((found[1] for line in lines[:head] if (found := PC.match(line))), "")
    stalled = kind in (EventKind.RCU_STALL, EventKind.LOCKUP)
    if at_pc:
        yield from _others([at_pc], *known, *([FINDERS] if stalled else []))
    # Above the head stands who allocated what was found, or took a lock before.
    ordered = (*lines[head:], *lines[:head])
    for frame in (CALL, DOUBTFUL):
        # In a trace a program counter is that of what was interrupted.
        names = [found[1] for line in ordered if (found := frame.match(line) or PC.match(line))]
        telling = list(_others(names, FINDERS))
        yield from _others(telling, beside, BOTTOM)
        yield from _others(telling, BOTTOM)
        yield from telling


def _others(names: Iterable[str], *known: re.Pattern[str]) -> Iterator[str]:
    """Give the names that none of these knows."""
    for name in names:
        bare = source_name(name)
        if not any(each.match(bare) for each in known):
            yield name


def _named(lines: Sequence[str]) -> Iterator[str]:
    """Give the functions that the title names, or the line below it."""
    for line in lines[1:3]:
        if last := _LAST_FUNCTION.match(line):
            yield last[1]
    yield from (found[1] for found in _NAMED.finditer(lines[0]))


def _of_locks(lines: Sequence[str]) -> Iterator[str]:
    """Give the function that took or released the lock, where lockdep says it above the stack."""
    told = _HELD if _LOCK_LEFT.match(lines[0]) else _LOCK_USED
    at = next((at for at, line in enumerate(lines) if told.match(line)), len(lines))
    for line in lines[at : at + 3]:
        found = _NAMED.search(line) or _BARE_FUNCTION.match(line)
        if found:
            yield found[1]
            return
