# SPDX-License-Identifier: GPL-2.0
"""What a reader wants to see of a program that is not good: the ends of its log and the kernel's.

It goes into the result document, so that a report needs nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from kseries.lib.runfolder import RunFolder
from kseries.model import ProgramResult
from kseries.parse import attribution
from kseries.parse.ktapline import clean
from kseries.parse.marks import Marks
from kseries.parse.outcome import label_of

MAX_TAIL = 60  # lines of a program's log
MAX_KERNEL_LOG = 120  # lines of the kernel log


def gather(
    run: RunFolder,
    programs: Sequence[ProgramResult],
    consoles: Sequence[Sequence[tuple[float, str]]],
    marks: Marks,
) -> tuple[ProgramResult, ...]:
    """Give the programs, the bad ones with their evidence.

    consoles: the kernel logs, one a machine, as (time of arrival, line). marks: those in them.
    """
    if all(program.status.good for program in programs):
        return tuple(programs)
    said: dict[str, list[str]] = {}
    for console in consoles:
        for owner, lines in attribution.lines_of(console, marks).items():
            said.setdefault(owner, []).extend(lines)
    return tuple(
        program
        if program.status.good
        else replace(
            program,
            tail=_tail(run.path / program.log),
            kernel_log=_cleaned(said.get(label_of(program), [])[-MAX_KERNEL_LOG:]),
        )
        for program in programs
    )


def _tail(log: Path) -> tuple[str, ...]:
    if not log.is_file():
        return ()
    with log.open(errors="replace") as lines:
        return _cleaned(deque(lines, MAX_TAIL))


def _cleaned(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(clean(line) for line in lines)
