# SPDX-License-Identifier: GPL-2.0
"""What was going on at a line of the kernel log.

Before and after each test program a line is written into the kernel log, so lines between them
belong to it whatever the clocks say; what comes late, after it has ended, still belongs to it
until the next one begins. Which of its cases ran is told by the times of arrival.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kseries.model import EventKind, KernelEvent
from kseries.results.klog import MARK, message
from kseries.results.running import Span

BOOT, SHUTDOWN = "boot", "shutdown"


@dataclass(frozen=True)
class Death:
    """The kernel died while a case ran."""

    label: str  # of the program, "suite/program"
    line: int  # how many lines the kernel log had when it was noticed
    case: str


LAST_WORDS_S = 1.0  # from the fault to the panic that follows it

_MARKER = re.compile(rf"{MARK}(start|end) (\S.*)$")
_NEW_KERNEL = re.compile(r"Linux version \d")


def during(
    lines: Sequence[tuple[float, str]],
    spans: Mapping[str, Sequence[Span]],
    closed: float = math.inf,
) -> Callable[[int], str]:
    """Give a function from the index of a line to "suite/program: case", "boot" or "shutdown".

    spans: for each program, by "suite/program", what ran when. closed: when the machine was
    told to power off, in seconds on the monotonic clock.
    """
    owners = _owners(lines)

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


def lines_of(lines: Sequence[tuple[float, str]]) -> dict[str, list[str]]:
    """Give for each owner, "suite/program" or "boot", its lines; our own marks are left out."""
    owned: dict[str, list[str]] = {}
    for (_, line), owner in zip(lines, _owners(lines), strict=True):
        if not _MARKER.match(message(line)):
            owned.setdefault(owner, []).append(line)
    return owned


def start_mark(label: str) -> str:
    """Give the line that stands before what a program causes."""
    return f"{MARK}start {label}"


def end_mark(label: str) -> str:
    """Give the line that stands after it."""
    return f"{MARK}end {label}"


def _owners(lines: Sequence[tuple[float, str]]) -> list[str]:
    owners, owner = [], BOOT
    for _, line in lines:
        text = message(line)
        if found := _MARKER.match(text):
            owner = found[2]
        elif _NEW_KERNEL.match(text):
            owner = BOOT
        owners.append(owner)
    return owners
