# SPDX-License-Identifier: GPL-2.0
"""The stacks in a complaint of the kernel, as the kernel printed them. Pure.

Entries that the unwinder was not sure of ("? foo+0x1/0x2", "(unreliable)") do not count, nor do
the functions that every stack has because they found the fault or let user space in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kseries.parse.finders import FINDERS, HELPERS
from kseries.parse.functions import source_name

MAX_FRAMES = 16  # of one stack

HEAD = re.compile(
    r"\s*+(?:Call [Tt]race|Backtrace|backtrace(?: \(crc [0-9a-f]+\))?):"
    r"(?: *\[<[0-9a-f]+>\]|[^\w\[]*$)"
)

# "[<ffffffff81000000>] ", on powerpc two of them without the inner ones.
_ADDRESS = r"(?:\[<?(?:0x)?[0-9a-f]{4,16}>?\] *+)"
# A function with offset and size and perhaps its module, or with file and line: as
# decode_stacktrace.sh gives it, "foo (net/foo.c:12)", and others one that was inlined,
# "foo net/foo.c:12 [inline]". A call that does not return may be a function's last instruction:
# those who look up what follows it call that "foo.cold-0x5/0x1f", by the function behind.
_FUNCTION = (
    r"\.?([A-Za-z_$][\w.$]*)(?:\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[([\w-]+)[^\]]*\])?"
    r"|-0x[0-9a-f]+/0x[0-9a-f]+| [\w./-]+:-?\d+ \[inline\]| \((?:[\w./+-]+|\?\?):(?:\d+|\?)[ )?])"
)
# arm says "foo from bar+0x1/0x2": it is bar that stands on the stack.
_CALLEE = r"(?:\(?[\w.$]+(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?(?: \[\w+\])?\)? from )"
CALL = re.compile(
    rf"\s*+(?:Call [Tt]race: *+)?{_ADDRESS}*+(?:{_CALLEE}{_ADDRESS}?\(?)?{_FUNCTION}"
    r"(?!.*\(unreliable\))"
)
DOUBTFUL = re.compile(rf"\s*+{_ADDRESS}*+(?:\? )?{_FUNCTION}")
"""As CALL, also one that the unwinder was not sure of."""
# The program counter: x86 (also old, 32 bit, Xen), arm, arm64, alpha, sh; riscv, mips; loongarch;
# s390; powerpc; parisc; sparc; m68k.
PC = re.compile(
    r"\s*+(?:[RE]?IP(?: is at |:? *+)(?:(?!0033)[0-9a-f]{4}:)?|(?:PC|pc) is at |pc : "
    r"|epc *: (?:[0-9a-f]{8,16} )?|(?:ERA|era): [0-9a-f]{16} |Krnl PSW : [0-9a-f]+ [0-9a-f]+ \("
    rf"|NIP |IAOQ\[0\]: |TPC: <|PC: ){_ADDRESS}*+{_FUNCTION}"
)
# Lines that stand between the frames of a stack.
BETWEEN = re.compile(
    rf"\s*+(?:Call [Tt]race: *+|\()?{_ADDRESS}*+(?:\? )?(?:\.?[\w.$]+[+-]0x[0-9a-f]+|0x[0-9a-f]+"
    rf"|{_CALLEE}|[\w.$]+ \(?(?:[\w./+-]+:-?[\d?]|\?\?:))"
    rf"|\s*+{_ADDRESS}++$|\s*</?[A-Z#][\w ]*>$|\s*<<?/?[A-Z]+>>?|\s*[RE]?IP: |\s*Code: "
    r"|\s*(?:R[A-Z0-9]{1,2}|RSP|EFLAGS|ORIG_RAX|CR\d|DR\d|FS|CS|E[A-Z]{2}|DS): "
    r"|\s*(?:Call [Tt]race|[Bb]acktrace)(?: \(crc [0-9a-f]+\))?:"
    r"|---+ ?(?:interrupt|Exception)|\s*Exception stack|\s*r\d{1,2}:[0-9a-f]{8}(?: |$)"
    r"|\s*(?:[0-9a-f]{4}|NIP|LR|REGS|MSR|GPR\d\d|CFAR): "
)

_CONTEXT_ENDS = re.compile(r"\s*</[A-Z#]|\s*<<?E(?:OI|OE)>>?")
# mm/kasan/report.c, mm/kasan/report_generic.c, mm/kfence/report.c
_EARLIER = re.compile(
    r"(Allocated|Freed|allocated|freed|Last potentially related work creation"
    r"|Second to last potentially related work creation)(?: by task \d+.*)?:$"
)


@dataclass(frozen=True)
class Frame:
    """One function of a stack. offset, size: in bytes; 0 for one that was inlined."""

    symbol: str  # with the compiler's suffix, "foo.isra.0"
    offset: int
    size: int
    module: str = ""
    exact: bool = False  # it was there; else it is where a call returns to

    @property
    def function(self) -> str:
        """Its name in the source."""
        return source_name(self.symbol)

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
    head = _head(lines)
    top = [frame for line in lines[:head] if (frame := _frame(PC, line, exact=True))][:1]
    found = [Trace("", _telling([*top, *_calls(lines[head:])]))]
    for at, line in enumerate(lines):
        if earlier := _EARLIER.match(line):
            found.append(Trace(earlier[1], _telling(_calls(lines[at + 1 :]))))
    return tuple(trace for trace in found if trace.frames)


def _head(lines: Sequence[str]) -> int:
    """Give the index of the line above the first stack, or of its first line where none is above.

    riscv has no such line, nor has KFENCE.
    """
    heads = (at for at, line in enumerate(lines) if HEAD.match(line))
    calls = (at for at, line in enumerate(lines) if at and CALL.match(line))
    return next(heads, None) or next(calls, len(lines))


def _calls(lines: Sequence[str]) -> Iterator[Frame]:
    """Give the frames up to the end of the stack, or of the interrupt that it happened in."""
    telling = False
    for line in lines:
        if not BETWEEN.match(line) or (telling and _CONTEXT_ENDS.match(line)):
            return
        frame = _frame(CALL, line, exact=False)
        if frame is not None:
            telling = telling or frame.symbol not in FINDERS
            yield frame


def _frame(pattern: re.Pattern[str], line: str, *, exact: bool) -> Frame | None:
    found = pattern.match(line)
    if found is None:
        return None
    symbol, offset, size, module = found.groups()
    return Frame(symbol, int(offset or "0", 16), int(size or "0", 16), module or "", exact)


def _telling(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Leave out those who found the fault, and what stands there twice."""
    kept: list[Frame] = []
    for frame in frames:
        again = kept and (kept[-1].symbol, kept[-1].offset) == (frame.symbol, frame.offset)
        known = HELPERS if frame.exact else FINDERS
        if frame.symbol not in known and not again:
            kept.append(frame)
    return tuple(kept[:MAX_FRAMES])
