# SPDX-License-Identifier: GPL-2.0
"""A user's program measured: run some times over in a guest, its sections counted.

What is not understood is lost, with its reason: a run as a whole where the program, the guest or
the counts are not what they have to be, a section where its marks are not.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Annotated

from pydantic import Field

from kseries.bench import calls as tree
from kseries.bench import counts, machine, model
from kseries.bench.calls import Path
from kseries.bench.guests import Guests
from kseries.bench.model import Call, Cpu, Row
from kseries.bench.reading import UNBOOKED, Seen, Worthless
from kseries.bench.tables import PLAIN_BRACKETS
from kseries.lib.untrusted import harmless
from kseries.parse import klog

RUN, PROGRAM = "/run", "/program"
WARM_UP = 1
REPEATS = 3
"""Runs that count, after those that warm up; of a section the median one does."""

USER, SYSCALL, SOFTIRQ, IRQ = model.USER, model.SYSCALL, model.SOFTIRQ, "irq"
COST = (USER, SYSCALL, SOFTIRQ, IRQ)
"""Columns of what a section costs: whatever the program does, and has done."""
TIMER, OTHER = "timer", model.OTHER
BESIDE = (TIMER, OTHER)

_ROOTS = {USER: "program", SYSCALL: "program", SOFTIRQ: "softirqs", IRQ: "interrupts"}
_BEGINS = {
    SOFTIRQ: [one.function for one in PLAIN_BRACKETS if one.layer == "softirq"],
    IRQ: [one.function for one in PLAIN_BRACKETS if one.layer == "hardirq"],
}
_COLUMNS = {"softirq": SOFTIRQ, "hardirq": IRQ, "timer": TIMER}
_RUN = re.compile(
    r"run (?P<number>\d+) (?P<how>exit|signal|left) (?P<value>\d+)"
    r" ticks (?P<ticks>\d+) printed (?P<printed>\d+)"
)
SHOWN = 4  # lines of what a program printed
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, order=True)
class Item:
    """A program with a seed; runs: how many, those to warm up included."""

    program: str
    seed: int
    runs: int = WARM_UP + REPEATS
    cpu: Cpu = "without-erms"

    @property
    def name(self) -> str:
        """Name it, as its folder is called."""
        return f"{self.program}-seed{self.seed}"


@dataclass(frozen=True)
class Section:
    """What a section did in one run. wrong: why it is no figure, "" where it is one.

    calls: that cost something; each stands behind its parent.
    """

    name: str
    passes: int
    operations: int  # as the program tells; 0: it does not
    rows: tuple[Row, ...]
    calls: tuple[Call, ...] = ()
    wrong: str = ""

    @property
    def units(self) -> int:
        """What its cost is divided by: operations, else passes."""
        return self.operations or self.passes

    def column(self, *names: str) -> int:
        """Give the instructions of columns."""
        return sum(row.count for row in self.rows if row.column in names)

    @property
    def cost(self) -> int:
        """Instructions that it costs."""
        return self.column(*COST)


@dataclass(frozen=True)
class Measured:
    """A program that was run. sections: for each name what it did in each run that counts."""

    item: Item
    sections: dict[str, tuple[Section, ...]]


@dataclass(frozen=True)
class LostRun:
    """A program of which nothing can be said, and why."""

    item: Item
    why: str


class Runner(Guests[Item, Measured | LostRun]):
    """Runs a program in guests."""

    def command(self, item: Item) -> tuple[str, ...]:
        """Give the command line."""
        return RUN, str(item.runs), PROGRAM

    def read(self, item: Item, seen: Seen) -> Measured:
        """Check what a guest left. Raises Worthless."""
        return measured(item, seen)

    def lost(self, item: Item, why: str) -> LostRun:
        """Say what came to nothing."""
        return LostRun(item, why)

    def why_hung(self, item: Item, hung: machine.Hung) -> str:
        """Say in which run the program was."""
        done = sum(_RUN.fullmatch(line) is not None for line in hung.seen.answer.splitlines())
        return f"{item.program} did not end, in run {done + 1} of {item.runs}: {hung}"


def measured(item: Item, seen: Seen) -> Measured:
    """Check all that can be checked, and give what the runs that count did. Raises Worthless."""
    complaints = klog.events([(0.0, line) for line in seen.console.splitlines()])
    if complaints:
        raise Worthless(f"the kernel complained: {complaints[0].title}")
    ticks = _ticks(item, seen.answer.splitlines())
    parts = counts.segments(seen.counts)
    if len(parts) != item.runs:
        raise Worthless(f"{len(parts)} of {item.runs} runs were counted")
    runs = [dict(_sections(part, tick)) for part, tick in zip(parts, ticks, strict=True)]
    counting = runs[-(item.runs - WARM_UP) :]
    names = dict.fromkeys(name for run in counting for name in run)
    return Measured(item, {name: tuple(run[name] for run in counting) for name in names})


def _ticks(item: Item, lines: Sequence[str]) -> list[int]:
    """Give what each run took by the guest's clock. Raises Worthless where one did not end well."""
    found: list[int] = []
    for place, line in enumerate(lines):
        run = _RUN.fullmatch(line)
        if run is None:
            continue
        found.append(int(run["ticks"]))
        if (run["how"], run["value"]) != ("exit", "0"):
            raise Worthless(_ended(item, run, lines[place + 1 :]))
    if len(found) != item.runs or lines[-1:] != ["exit 0"]:
        raise Worthless(f"it was run {len(found)} of {item.runs} times, and the guest ended")
    return found


def _ended(item: Item, run: re.Match[str], after: Sequence[str]) -> str:
    value = int(run["value"])
    if run["how"] == "left":
        how = "has left processes behind"
    elif run["how"] == "exit":
        how = f"ended with exit code {value}"
    else:
        how = f"was killed by {_signal(value)}"
    printed = [harmless(line[2:]) for line in after if line.startswith("> ")]
    said = f"; it printed: {' / '.join(printed[-SHOWN:])}" if printed else "; it printed nothing"
    return f"{item.program} {how}, in run {int(run['number']) + 1} of {item.runs}{said}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _sections(text: str, ticks: int) -> Iterator[tuple[str, Section]]:
    """Read what was counted in a run. Raises Worthless."""
    lines = [line.split() for line in text.splitlines()]
    if not lines or lines[-1][:1] != ["total"]:
        raise Worthless("the counts come to no end")
    try:
        faults = [" ".join(line[1:]) for line in lines if line[0] == "fault"]
        if faults or ["faults", "0"] not in lines:
            raise Worthless(f"the guest was not understood: {'; '.join(faults) or 'not told'}")
        total, booked = int(lines[-1][1]), sum(int(line[3]) for line in lines if line[0] == "count")
        events = {line[1]: int(line[2]) for line in lines if line[0] == "event"}
        halts, exceptions = events["halts"], events["exceptions"]
        found = [_section(part) for part in _apart(lines)]
    except (ValueError, IndexError, KeyError, tree.Unreadable) as error:
        raise Worthless(f"the counts cannot be read: {error}") from None
    if booked != total:
        raise Worthless("the counts do not add up to their own total")
    # What faults is begun again, and booked twice. Where nobody has anything to do, the clock goes
    # on to the next timer.
    ahead = ticks - total
    if not -exceptions <= ahead <= UNBOOKED[-1] and not (halts and ahead > 0):
        raise Worthless(f"the counts ({total}) are not what the guest's clock says ({ticks})")
    yield from ((one.name, one) for one in found)


def _apart(lines: Sequence[list[str]]) -> list[list[list[str]]]:
    parts: list[list[list[str]]] = []
    for line in lines:
        if line[0] == "section":
            parts.append([])
        if parts:
            parts[-1].append(line)
    return parts


def _section(lines: Sequence[list[str]]) -> Section:
    _, name, passes, operations = lines[0]
    wrong = next((" ".join(line[1:]) for line in lines if line[0] == "wrong"), "")
    rows = [_row(*line[1:]) for line in lines if line[0] == "count"]
    rows.sort(key=lambda row: (-row.count, row.column, row.function))
    calls = list(tree.in_columns(lines, _column))
    spent = sum(int(line[2]) for line in calls if line[0] == "spent")
    if spent != sum(row.count for row in rows):
        raise Worthless(f"what the calls of {name} cost does not add up to what the section does")
    called = tree.read(calls, _rooted)
    return Section(name, int(passes), int(operations), tuple(rows), called, wrong)


def _rooted(column: str, path: Path) -> Path | None:
    """Put a path below the program, or below what interrupts it."""
    if column not in COST:
        return None
    return (_ROOTS[column], *tree.from_first(path, _BEGINS.get(column, ())))


def _row(role: str, layer: str, count: str, function: str) -> Row:
    return Row(_column(role, layer), function, int(count))


def _column(role: str, layer: str) -> str:
    if layer == "softirq" and role != "receiver":
        return OTHER  # of the kernel's own tasks, which do it in nobody's place
    if layer in _COLUMNS:
        return _COLUMNS[layer]
    if layer not in (USER, SYSCALL):
        raise ValueError(f"layer {layer}")
    return layer if role == "receiver" else OTHER


def wrong_with(name: str, runs: Sequence[Section]) -> str:
    """Say why a section is no figure; "" where it is one. runs: what it did in each that counts."""
    for one in runs:
        if one.wrong:
            return one.wrong
    if not any(one.passes for one in runs):
        return f"{name} was never begun"
    if len({(one.passes, one.operations) for one in runs}) > 1:
        units = " and ".join(str(one.units) for one in runs)
        return f"it did another number of operations each time ({units}), so it is not the same"
    return ""


def typical(runs: Sequence[Section]) -> Section:
    """Give the run of a section whose cost is the (lower) median."""
    middle = median_low([one.cost for one in runs])
    return next(one for one in runs if one.cost == middle)
