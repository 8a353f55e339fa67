# SPDX-License-Identifier: GPL-2.0
"""The stacks in a complaint of the kernel, as the kernel printed them. Pure.

Entries that the unwinder was not sure of ("? foo+0x1/0x2") do not count, nor do the functions that
every stack has because they found the fault or let user space in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.results.klogtable import FINDERS

MAX_FRAMES = 16  # of one stack

HEAD = re.compile(r"Call [Tt]race:$")
# Lines that stand between the frames of a stack.
BETWEEN = re.compile(
    r"\s*(?:\? )?(?:[\w.$]+\+0x[0-9a-f]+/)?0x[0-9a-f]+|\s*</?[A-Z#][\w ]*>$|\s*RIP: |\s*Code: "
    r"|\s*(?:R[A-Z0-9]{1,2}|RSP|EFLAGS|ORIG_RAX|CR\d|DR\d|FS|CS): |Call [Tt]race:$"
)
RIP = re.compile(r"RIP: 0010:([\w.$]+)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[([\w-]+)[^\]]*\])?")
CALL = re.compile(r"\s+([\w.$]+)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[([\w-]+)[^\]]*\])?")

_CONTEXT_ENDS = re.compile(r"\s*</[A-Z#]")
# mm/kasan/report.c, mm/kasan/report_generic.c, mm/kfence/report.c
_EARLIER = re.compile(
    r"(Allocated|Freed|allocated|freed|Last potentially related work creation"
    r"|Second to last potentially related work creation)(?: by task \d+.*)?:$"
)
# What the compiler appends to the name of a part or a copy of a function.
_SUFFIX = re.compile(r"\.(?:constprop|isra|part|cold|lto_priv|llvm)\b.*$")


@dataclass(frozen=True)
class Frame:
    """One function of a stack. offset, size: in bytes."""

    symbol: str  # with the compiler's suffix, "foo.isra.0"
    offset: int
    size: int
    module: str = ""
    exact: bool = False  # it was there; else it is where a call returns to

    @property
    def function(self) -> str:
        """Its name in the source."""
        return _SUFFIX.sub("", self.symbol)

    @property
    def call(self) -> str:
        """Name the instruction as the kernel does: the call rather than what follows it."""
        offset = self.offset if self.exact else max(self.offset - 1, 0)
        module = f" [{self.module}]" if self.module else ""
        return f"{self.symbol}+{offset:#x}/{self.size:#x}{module}"


@dataclass(frozen=True)
class Trace:
    """Functions that called each other, the innermost first."""

    title: str  # "Freed"; "" for where the complaint was made
    frames: tuple[Frame, ...]


def traces(lines: Sequence[str]) -> tuple[Trace, ...]:
    """Give the stacks of a splat: first where it happened, then those it tells of besides."""
    head = next((at for at, line in enumerate(lines) if HEAD.match(line)), len(lines))
    top = [frame for line in lines[:head] if (frame := _frame(RIP, line, exact=True))][:1]
    frames = [*top, *_calls(lines[head + 1 :])]
    found = [Trace("", _telling(frames))]
    for at, line in enumerate(lines):
        if earlier := _EARLIER.match(line):
            found.append(Trace(earlier[1], _telling(_calls(lines[at + 1 :]))))
    return tuple(trace for trace in found if trace.frames)


def _calls(lines: Sequence[str]) -> Iterator[Frame]:
    """Give the frames up to the end of the stack, or of the interrupt that it happened in."""
    telling = False
    for line in lines:
        if not BETWEEN.match(line) or (telling and _CONTEXT_ENDS.match(line)):
            return
        frame = _frame(CALL, line, exact=False)
        if frame is not None:
            telling = telling or not FINDERS.match(frame.symbol)
            yield frame


def _frame(pattern: re.Pattern[str], line: str, *, exact: bool) -> Frame | None:
    found = pattern.match(line)
    if found is None:
        return None
    return Frame(found[1], int(found[2], 16), int(found[3], 16), found[4] or "", exact)


def _telling(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Leave out those who found the fault, and what stands there twice."""
    kept: list[Frame] = []
    for frame in frames:
        again = kept and (kept[-1].symbol, kept[-1].offset) == (frame.symbol, frame.offset)
        if not FINDERS.match(frame.symbol) and not again:
            kept.append(frame)
    return tuple(kept[:MAX_FRAMES])
