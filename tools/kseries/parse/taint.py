# SPDX-License-Identifier: GPL-2.0
"""What the kernel counts of its own faults: taint flags, warnings, Oopses. Pure.

/proc/sys/kernel/tainted is a mask, its bits as in Documentation/admin-guide/tainted-kernels.rst;
/sys/kernel/warn_count and oops_count (Linux 6.2) count what no flag tells a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kseries.model import EventKind

_K = EventKind
_CRASHES = frozenset({_K.OOPS, _K.BUG, _K.PANIC, _K.KASAN})
_COUNTED = _CRASHES | {_K.WARN, _K.UBSAN, _K.ATOMIC_SLEEP, _K.LOCKDEP, _K.LOCKUP}


@dataclass(frozen=True)
class Flag:
    """A taint flag. told_by: kinds of complaints one of which comes with it; () for none."""

    letter: str
    meaning: str
    told_by: frozenset[EventKind] = frozenset()
    fault: bool = True  # whether it is one where a kernel boots with it


FLAGS: tuple[Flag, ...] = (
    Flag("P", "a proprietary module was loaded", fault=False),
    Flag("F", "a module was loaded by force", fault=False),
    Flag("S", "the processor is out of specification", fault=False),
    Flag("R", "a module was removed by force", fault=False),
    Flag("M", "the processor reported a machine check"),
    Flag("B", "a bad page or a memory error was found", _CRASHES | {_K.UBSAN, _K.WARN}),
    Flag("U", "a program set it"),
    Flag("D", "the kernel had an Oops or a BUG", _CRASHES),
    Flag("A", "an ACPI table was overridden", fault=False),
    Flag("W", "the kernel gave a warning", _COUNTED),
    Flag("C", "a staging driver was loaded", fault=False),
    Flag("I", "a bug of the firmware was worked around", fault=False),
    Flag("O", "a module from outside of the tree was loaded", fault=False),
    Flag("E", "an unsigned module was loaded", fault=False),
    Flag("L", "a soft lockup was seen", frozenset({_K.LOCKUP})),
    Flag("K", "the kernel was live patched", fault=False),
    Flag("X", "a distribution's own flag", fault=False),
    Flag("T", "structures are laid out at random", fault=False),
    Flag("N", "a test module was loaded"),
    Flag("J", "a device's firmware was changed by a debugging interface", fault=False),
)
NO_WORD = "its log does not mention it"

# What tests do by their nature: test modules set it.
_EXPECTED = "N"


@dataclass(frozen=True)
class Counts:
    """What the kernel says of itself. warnings, oopses: None where it does not count them."""

    taint: int = 0
    warnings: int | None = None
    oopses: int | None = None


def unreported(
    before: Counts, now: Counts, kinds: Collection[EventKind], *, booting: bool = False
) -> Iterator[str]:
    """Say what the kernel noted between the two and its log does not tell of.

    kinds: of the complaints in the log. booting: from the start of the kernel to the first look.
    """
    news = now.taint & ~before.taint
    for bit in range(news.bit_length()):
        if not news >> bit & 1:
            continue
        flag = FLAGS[bit] if bit < len(FLAGS) else Flag(f"bit {bit}", "its meaning is not known")
        expected = flag.letter == _EXPECTED or (booting and not flag.fault)
        if not expected and not (flag.told_by & set(kinds)):
            yield f"the kernel set its taint flag {flag.letter}: {flag.meaning}; {NO_WORD}"
    if news & _COUNTED_BITS:
        return
    for what, old, new in (
        ("warnings", before.warnings, now.warnings),
        ("Oopses", before.oopses, now.oopses),
    ):
        if old is not None and new is not None and new > old and not _COUNTED & set(kinds):
            yield f"the kernel counted more {what} than before; {NO_WORD}"


_COUNTED_BITS = sum(1 << bit for bit, flag in enumerate(FLAGS) if flag.letter in "BDW")
