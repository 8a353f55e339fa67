# SPDX-License-Identifier: GPL-2.0
"""Which function, or line of a file, a complaint of the kernel is charged to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kseries.model import EventKind
from kseries.parse.calltrace import CALL, DOUBTFUL, HEAD, PC
from kseries.parse.carriers import (
    ALLOCATORS,
    ASSERTERS,
    DISPATCHERS,
    LOCKERS,
    MAKERS,
    STOPPERS,
    WAITS,
)
from kseries.parse.finders import BOTTOM, FINDERS, HELPERS
from kseries.parse.functions import Functions, source_name

MAX_TITLE = 8  # lines that may name a file

# Where a title, or a lock, names a function: with its offset, as the first of a data race, or as
# decode_stacktrace.sh gives it.
_NAMED = re.compile(
    r"(?:\b(?:in|at):? |\(|ENDBR: |\.[chS]:\d+ (?:at )?)"
    r"(?:\[<[0-9a-f]+>\] )?(?![0-9a-f]{8,}\b|(?:virtual|interrupt|atomic|process)\b)"
    r"([A-Za-z_.$][\w.$]*)"
    r"(?:\+0x[0-9a-f]+| / |(?= \(?(?:[\w./+-]+\.[chS]:[\d?]|\?\?:))|(?=\s*$))"
)
_AT_FILE = re.compile(r"(?:\b(?:at|in)|^)\s?([\w./-]+\.[chS]:\d+)")
# Of a worker that came back with a lock, below the title.
_LAST_FUNCTION = re.compile(r"\s*last function: ([\w.]+)")
# A function below "is trying to release lock (x) at:"
_BARE_FUNCTION = re.compile(r"(?:\[<[0-9a-f]+>\] )?([\w.$]+)\+0x[0-9a-f]+/0x")

# Where lockdep says which lock it is about; what comes first, or is numbered, is of locks that are
# held.
_LOCK_USED = re.compile(
    r".*(?:is trying to (?:acquire|release|lock|contend)|takes:|is freeing memory"
    r"|just changed the state of lock)"
)
# What says where the first of two locks is taken in interrupts, and how locks depend on others.
_SAFE_LOCK = re.compile(r"\s*(?:\.\.\. )?which became (?:HARD|SOFT)IRQ(?:-READ)?-irq-safe at:")
_OTHER_INFO = re.compile(r"\s*other info that might help us debug this")
_CHAIN = re.compile(rf"\s*-> #\d+ |{_SAFE_LOCK.pattern}")
_LOCK_LEFT = re.compile(
    r"\s*(?:WARNING: |\[ BUG: ).*(?:still (?:has locks )?held|returning to user|at task exit)"
)
# What else is passed over in the stack of some kinds.
_BESIDE = {
    EventKind.HUNG_TASK: WAITS,
    EventKind.LEAK: ALLOCATORS,
    EventKind.LOCKDEP: LOCKERS,
    EventKind.WARN: MAKERS,
    EventKind.BUG: ASSERTERS,
    EventKind.KASAN: STOPPERS,
}
_HELD = re.compile(r"\s*#0: ")
_STALLS = (EventKind.RCU_STALL, EventKind.LOCKUP)
# What is as far from its cause: the scheduler finds a stack that somebody has overrun before.
_OVERRUN = re.compile(r"\s*Kernel panic - not syncing: corrupted stack end")
# A call of what is no function, as x86 tells it.
_NO_FUNCTION = re.compile(r"\s*R?IP: (?:0010:)?0x[0-9a-f]{1,16}$")
# The interrupt that finds a stall.
_TICK = re.compile(r"apic_timer_interrupt$|^el1h?_(?:64_)?irq|^__irq_svc$")
# A system call has other names on each architecture.
_SYSTEM_CALL = re.compile(
    r"^(?:__(?:x64|ia32|arm64|riscv|s390x?|se|do)_|__(?=sys_)|SyS_|SYSC_)(?:sys_)?"
)


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
    # Of the functions of a race the kernel itself names the two to tell, whatever they are.
    known = () if kind is EventKind.KCSAN else (HELPERS, beside)
    if kind is EventKind.LOCKDEP:
        yield from _others(_of_locks(lines), *known, BOTTOM)
    elif kind in _STALLS or _OVERRUN.match(lines[0]):
        yield from _of_stall(kind, lines)
    elif "KMSAN" not in lines[0]:  # it names what was inlined into the function
        yield from _others(_named(lines), *known)
    head = _head(lines)
    at_pc = next((found[1] for line in lines[:head] if (found := PC.match(line))), "")
    if at_pc:
        yield from _others([at_pc], *known)
    elif any(map(_NO_FUNCTION.match, lines[:head])):
        called = (found[1] for line in lines[head:] if (found := CALL.match(line)))
        yield from _others([*called][:1], *known)
    # Above the head stands who allocated what was found, or took a lock before.
    ordered = (*lines[head:], *lines)
    for frame in (CALL, DOUBTFUL):
        # In a trace a program counter is that of what was interrupted.
        names = [found[1] for line in ordered if (found := frame.match(line) or PC.match(line))]
        telling = list(_others(names, FINDERS))
        yield from _others(telling, beside, BOTTOM)
        yield from _others(telling, BOTTOM)
        yield from telling
    yield from _named(lines)


def _head(lines: Sequence[str]) -> int:
    return next((at for at, line in enumerate(lines) if HEAD.match(line)), len(lines))


def _others(names: Iterable[str], *known: Functions) -> Iterator[str]:
    """Give the names that none of these knows."""
    for name in names:
        if not any(name in each for each in known):
            yield name


def _named(lines: Sequence[str]) -> Iterator[str]:
    """Give the functions that the title names, or the line below it."""
    for line in lines[1:3]:
        if last := _LAST_FUNCTION.match(line):
            yield last[1]
    yield from (found[1] for found in _NAMED.finditer(lines[0]))


def _of_locks(lines: Sequence[str]) -> Iterator[str]:
    """Give the functions that took or released the locks, as lockdep says it above the stack.

    First of the lock that it is about, then of the one that is held, then those of the chain.
    """
    told = _HELD if _LOCK_LEFT.match(lines[0]) else _LOCK_USED
    end = next((at for at, line in enumerate(lines) if _OTHER_INFO.match(line)), _head(lines))
    lines = lines[: end if told is _LOCK_USED else _head(lines)]
    at = next((at for at, line in enumerate(lines) if _SAFE_LOCK.match(line)), 0)
    at = at or next((at for at, line in enumerate(lines) if told.match(line)), len(lines))
    chain = False
    for line in lines[at:]:
        chain = chain or bool(_CHAIN.match(line))
        if found := _NAMED.search(line) or _BARE_FUNCTION.match(line):
            yield found[1]
        elif chain and (found := CALL.match(line)):
            yield from _others([found[1]], FINDERS, BOTTOM)


def _of_stall(kind: EventKind, lines: Sequence[str]) -> Iterator[str]:
    """Give the function that was asked to do what takes so long.

    A stalled processor may be anywhere in it. The watchdog shows what it interrupted, RCU itself
    until the interrupt. What that has printed meanwhile is not charged: if nobody was asked, it is
    who hands out work.
    """
    calls = [found[1] for line in lines if (found := CALL.match(line) or PC.match(line))]
    names = [source_name(call) for call in calls]
    at = 0
    if kind is EventKind.RCU_STALL:
        at = next((at for at, name in enumerate(names) if _TICK.search(name)), 0)
    last = ""
    for name in names[at:]:
        if name in DISPATCHERS:
            if last:
                yield _SYSTEM_CALL.sub("sys_", last)
            last = "" if name in BOTTOM else name
        elif name not in FINDERS:
            last = name
    if at:
        yield from (name for name in names[at:] if name in DISPATCHERS)
