# SPDX-License-Identifier: GPL-2.0
"""Complaints of the kernel that tests make on purpose: those are no findings.

Tests of KASAN read what is not theirs, and check themselves that the kernel complains of it. Which
complaints are meant stands in the suite's file: a text that one of their lines holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kseries.model import KernelEvent, TestProgram
from kseries.parse.outcome import label_of


def unmeant(
    events: Iterable[KernelEvent], programs: Sequence[TestProgram]
) -> tuple[KernelEvent, ...]:
    """Give the complaints that no program makes on purpose."""
    return tuple(event for event in events if not _by(event, programs))


def notes(events: Iterable[KernelEvent], programs: Sequence[TestProgram]) -> Iterator[str]:
    """Say in a sentence for each program how many of the complaints it made on purpose."""
    found = Counter(label for event in events if (label := _by(event, programs)))
    for label, count in found.items():
        yield f"complaints of the kernel that {label} makes on purpose: {count}"


def _by(event: KernelEvent, programs: Sequence[TestProgram]) -> str:
    """Name the program that makes a complaint on purpose; "" where none does."""
    during = event.during.partition(": ")[0]
    for program in programs:
        if label_of(program) == during and any(
            text in line for text in program.provokes for line in event.lines
        ):
            return during
    return ""
