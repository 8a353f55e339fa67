# SPDX-License-Identifier: GPL-2.0
"""What was going on at a line of the kernel log.

Before and after each test program a line is written into the kernel log, so lines between them
belong to it whatever the clocks say; what comes late, after it has ended, still belongs to it
until the next one begins. Which of its cases ran is told by the times of arrival.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kseries.model import EventKind, KernelEvent
from kseries.parse import klog, marks
from kseries.parse.marks import Mark, Marks
from kseries.parse.running import Span
from kseries.parse.stamps import message

BOOT, SHUTDOWN = "boot", "shutdown"


@dataclass(frozen=True)
class Death:
    """The kernel died while a case ran."""

    label: str  # of the program, "suite/program"
    line: int  # how many lines the kernel log had when it was noticed
    case: str


LAST_WORDS_S = 1.0  # from the fault to the panic that follows it

_NEW_KERNEL = re.compile(r"Linux version \d")

_SINCE = re.compile(r"from line (\d{1,9}): ")

IMITATED = "a line of the log imitates a mark of kseries"
_NOTED = {marks.TAINT: EventKind.TAINT, marks.HIDDEN: EventKind.HIDDEN}
# What a machine complains of that the host let wait.
STALLS = (EventKind.LOCKUP, EventKind.RCU_STALL, EventKind.HUNG_TASK)


def events(
    lines: Sequence[tuple[float, str]],
    signed: Marks,
    spans: Mapping[str, Sequence[Span]],
    *,
    closed: float = math.inf,
    first: int = 0,
) -> tuple[KernelEvent, ...]:
    """Give what a machine's log tells of, from the line with the index `first` on.

    That is what the kernel complained of, what other witnesses saw and the host has noted there,
    and marks that are not ours. What the host made the kernel complain of is left out.
    Arguments as of `during`.
    """
    told = signed.read(line for _, line in lines)
    during_ = during(lines, spans, closed, told)
    found = klog.events(lines[first:], first_line=first + 1, during=lambda n: during_(n + first))
    starved = _starved(told)
    kept = [e for e in found if not (e.kind in STALLS and starved(e.line - 1))]
    noted = _noted(lines, told, during_, first)
    return tuple(sorted((*kept, *noted), key=lambda event: event.line))


def during(
    lines: Sequence[tuple[float, str]],
    spans: Mapping[str, Sequence[Span]],
    closed: float,
    told: Sequence[Mark | None],
) -> Callable[[int], str]:
    """Give a function from the index of a line to "suite/program: case", "boot" or "shutdown".

    spans: for each program, by "suite/program", what ran when. closed: when the machine was
    told to power off, in seconds on the monotonic clock. told: the marks among the lines.
    """
    owners = _owners(lines, told)

    def label(index: int) -> str:
        at, owner = lines[index][0], owners[index]
        if at >= closed:
            return SHUTDOWN
        case = next((s.name for s in spans.get(owner, ()) if s.start <= at <= s.end), "")
        return f"{owner}: {case}" if case else owner

    return label


def charge_death(
    events: Sequence[KernelEvent],
    lines: Sequence[tuple[float, str]],
    deaths: Sequence[Death],
) -> tuple[KernelEvent, ...]:
    """Charge a panic, and what led to it, to the case that never ended.

    What a dying machine's programs printed arrives after its last words, so that the times of
    arrival mislead here. lines: of the whole file that the events are of.
    """
    at = [lines[event.line - 1][0] for event in events]
    charged = list(events)
    for panic, event in enumerate(events):
        label = event.during.partition(": ")[0]
        death = _next_death(deaths, label, event.line)
        if event.kind is not EventKind.PANIC or death is None:
            continue
        for index, other in enumerate(events):
            same = other.during.partition(": ")[0] == label
            if same and at[panic] - LAST_WORDS_S <= at[index] <= at[panic]:
                charged[index] = replace(other, during=f"{label}: {death.case}")
    return tuple(charged)


def _next_death(deaths: Sequence[Death], label: str, line: int) -> Death | None:
    """Give the first death of a program that was noticed at that line or later."""
    return next((d for d in deaths if d.label == label and d.line >= line), None)


def lines_of(lines: Sequence[tuple[float, str]], signed: Marks) -> dict[str, list[str]]:
    """Give for each owner, "suite/program" or "boot", its lines; our own marks are left out."""
    owned: dict[str, list[str]] = {}
    told = signed.read(line for _, line in lines)
    for (_, line), owner, mark in zip(lines, _owners(lines, told), told, strict=True):
        if mark is None or mark.kind in _NOTED:
            owned.setdefault(owner, []).append(line)
    return owned


def _owners(lines: Sequence[tuple[float, str]], told: Sequence[Mark | None]) -> list[str]:
    owners, owner = [], BOOT
    for (_, line), mark in zip(lines, told, strict=True):
        if mark is not None and mark.kind in (marks.START, marks.END):
            owner = mark.text
        elif "Linux version" in line and _NEW_KERNEL.match(message(line)):
            owner = BOOT
        owners.append(owner)
    return owners


def _noted(
    lines: Sequence[tuple[float, str]],
    told: Sequence[Mark | None],
    during_: Callable[[int], str],
    first: int,
) -> Iterator[KernelEvent]:
    """Give what the host has noted, and the first mark of each program that is not ours."""
    blamed: set[str] = set()
    for index in range(first, len(lines)):
        mark, line = told[index], lines[index][1]
        # Of a program, not of a case: it was noted when that had ended.
        owner = during_(index).partition(": ")[0]
        if mark is not None and mark.kind in _NOTED:
            kind, title = _NOTED[mark.kind], mark.text
        elif mark is None and marks.imitates(line) and owner not in blamed:
            blamed.add(owner)
            kind, title = EventKind.HIDDEN, IMITATED
        else:
            continue
        yield KernelEvent(kind, title, "", index + 1, (message(line),), owner)


def _starved(told: Sequence[Mark | None]) -> Callable[[int], bool]:
    """Give a function that says whether the host let the machine wait at a line, by its index."""
    spans = []
    for index, mark in enumerate(told):
        if mark is not None and mark.kind == marks.STARVED and (since := _SINCE.match(mark.text)):
            spans.append(range(int(since[1]) - 1, index))
    return lambda index: any(index in span for span in spans)
