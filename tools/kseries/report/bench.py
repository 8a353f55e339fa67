# SPDX-License-Identifier: GPL-2.0
"""What it costs to receive, worked out of the document of a bench; the text for terminal and mail.

Instructions are never made into time: what a processor takes for them is another question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kseries.bench import model, plan
from kseries.bench.answer import RECEIVERS, Receiver, Regime
from kseries.bench.document import Bench
from kseries.bench.model import KIB, Cpu, Measurement, Setup
from kseries.report import nicbench, patchcost, programcost
from kseries.report.printable import printable
from kseries.report.words import moment

MOST_ROWS = 24  # functions of a receiver that the text names
ABOUT = (
    "Figures are instructions of the receiver's side for each byte received: user, system calls,",
    "softirq of its queue. The simulated device's own work (its copy that stands for DMA, its hash",
    "of headers, the sender's packet freed) is beside them. A copy to a user is 0.125 instructions",
    "a byte without ERMS (rep movsq) and 1 with it (rep movsb): prices of this model of a",
    "processor, as all figures are, and no time on hardware.",
)

NAMES = {
    "epoll": "epoll",
    "epoll-zc": "epoll + TCP_ZEROCOPY_RECEIVE",
    "uring": "io_uring, copying",
    "zcrx": "io_uring, zero copy",
    "discard": "MSG_TRUNC (the floor)",
}


@dataclass(frozen=True, order=True)
class Group:
    """What the rows of a table have in common."""

    cpu: Cpu
    touched: bool
    family: Literal[4, 6]
    packet: int
    defer_us: int

    @property
    def title(self) -> str:
        """Name model, packet size and the rest, as it stands beside every figure."""
        polled = ", polled together" if self.defer_us else ""
        erms = "no ERMS" if self.cpu == "without-erms" else "ERMS"
        touched = "data touched" if self.touched else "data untouched"
        return f"packets of {self.packet // KIB} KiB{polled}, IPv{self.family}, {touched}, {erms}"


@dataclass(frozen=True)
class Line:
    """A receiver in a group. costs: by regime; None where it was not measured, or lost."""

    receiver: Receiver
    costs: dict[Regime, Measurement | None]


@dataclass(frozen=True)
class GoalLine:
    """A goal, and what was measured of it; None where it was not."""

    goal: plan.Goal
    ratio: float | None

    @property
    def good(self) -> bool:
        """Whether it is reached."""
        return self.ratio is not None and self.ratio <= self.goal.most

    @property
    def title(self) -> str:
        """Say what is compared."""
        size = self.goal.packet // KIB
        polled = ", polled together" if self.goal.defer_us else ""
        return f"zcrx / {self.goal.of}, packets of {size} KiB{polled}, {self.goal.regime}"


@dataclass(frozen=True)
class Cores:
    """A row of the cover letter's tables: instructions a byte of each core."""

    receiver: Receiver
    application: float  # user and system calls
    softirq: float

    @property
    def together(self) -> float:
        """On one core."""
        return self.application + self.softirq

    @property
    def busier(self) -> float:
        """Of the core that has more to do."""
        return max(self.application, self.softirq)


def by_setup(bench: Bench) -> dict[Setup, Measurement]:
    """Give the measurements by what was measured."""
    return {one.setup: one for one in bench.measurements}


def groups(bench: Bench) -> dict[Group, tuple[Line, ...]]:
    """Give the tables, those of the goals first."""
    found = by_setup(bench)
    present = {Group(s.cpu, s.touched, s.family, s.packet, s.defer_us) for s in found}

    def place(g: Group) -> tuple[int, bool, int, int, int]:
        return plan.CPUS.index(g.cpu), g.touched, g.family, -g.packet, g.defer_us

    order = sorted(present, key=place)
    return {group: tuple(_lines(group, found)) for group in order}


def _lines(group: Group, found: dict[Setup, Measurement]) -> Iterator[Line]:
    for receiver in RECEIVERS:
        costs = {regime: found.get(_setup(group, receiver, regime)) for regime in plan.REGIMES}
        if any(costs.values()):
            yield Line(receiver, costs)


def _setup(group: Group, receiver: Receiver, regime: Regime) -> Setup:
    of = (group.packet, group.family, group.touched, group.cpu, group.defer_us)
    return Setup(receiver, regime, *of)


def goals(bench: Bench) -> tuple[GoalLine, ...]:
    """Give the goals with what was measured."""
    found = by_setup(bench)

    def ratio(goal: plan.Goal) -> float | None:
        zcrx, other = found.get(goal.setup("zcrx")), found.get(goal.setup(goal.of))
        return zcrx.cost / other.cost if zcrx and other else None

    return tuple(GoalLine(goal, ratio(goal)) for goal in plan.GOALS)


def cores(bench: Bench, regime: Regime) -> tuple[Cores, ...]:
    """Give the rows of the cover letter's tables, in a regime."""
    found = by_setup(bench)
    rows = []
    for receiver in ("epoll", "epoll-zc", "zcrx"):
        if one := found.get(Setup(receiver, regime)):
            application = one.per_byte(model.USER, model.SYSCALL)
            rows.append(Cores(receiver, application, one.per_byte(model.SOFTIRQ)))
    return tuple(rows)


def change(before: float, after: float) -> str:
    """Say how much more or less, in per cent."""
    return f"{100 * (after / before - 1):+.0f}%"


def text(bench: Bench) -> str:
    """Give the report as text, for terminal and mail."""
    bench = printable(bench)
    parts = [
        *_head(bench),
        *_goals(bench),
        *_cover(bench),
        *(line for group in groups(bench).items() for line in _table(*group)),
        *_functions(bench),
        *_lost(bench),
        *(("", *patchcost.lines(bench.patches)) if bench.patches else ()),
        *(("", *programcost.lines(bench.program)) if bench.program else ()),
        *(("", *nicbench.lines(bench.nic)) if bench.nic else ()),
    ]
    return "\n".join(parts) + "\n"


def _head(bench: Bench) -> Iterator[str]:
    count = f"{len(bench.measurements)} measured, {len(bench.lost)} lost"
    if is_about_others(bench):
        count = _of_others(bench)
    what = f"{bench.stack}, Linux {bench.kernel} ({bench.head[:12]})"
    yield f"{what}, {moment(bench.started)}: {count}"
    if is_about_nic(bench):
        yield f"  {bench.compiler}"
        return
    yield f"  {bench.qemu}"
    yield f"  one processor, one tick an instruction (-icount), no hardware; {bench.compiler}"
    yield from (f"  {name}: -cpu {told}" for name, told in bench.models.items())
    if not (bench.program and is_about_others(bench)):
        yield ""
        yield from ABOUT


def is_about_others(bench: Bench) -> bool:
    """Whether no receiver was measured in a guest: what patches add, a program, over a NIC."""
    return not bench.measurements and bool(bench.patches or bench.program or bench.nic)


def is_about_nic(bench: Bench) -> bool:
    """Whether nothing was measured in a guest."""
    counted_too = bench.measurements or bench.patches or bench.program
    return bench.nic is not None and not counted_too


def _of_others(bench: Bench) -> str:
    if is_about_nic(bench):
        return "over a NIC"
    return "each patch" if bench.patches else "a program"


def _goals(bench: Bench) -> Iterator[str]:
    told = [line for line in goals(bench) if line.ratio is not None]
    if told:
        yield ""
        yield "what zero copy costs of another receiver's price (data untouched, IPv4, no ERMS)"
    for line in told:
        mark = "reached" if line.good else "missed"
        yield f"  {line.title:54}  {line.ratio:.3f}  goal {line.goal.most:.2f}  {mark}"


def _cover(bench: Bench) -> Iterator[str]:
    for regime in plan.REGIMES:
        rows = cores(bench, regime)
        if len(rows) < 2:
            continue
        yield ""
        yield f"as in the cover letter: packets of 60 KiB, untouched, no ERMS, {regime}"
        yield f"  {'':30}  {'application':>11}  {'softirq':>8}  {'on one core':>11}"
        for row in rows:
            figures = f"{row.application:11.4f}  {row.softirq:8.4f}  {row.together:11.4f}"
            yield f"  {NAMES[row.receiver]:30}  {figures}"
        zcrx = rows[-1]
        for row in rows[:-1]:
            apart, one = change(row.busier, zcrx.busier), change(row.together, zcrx.together)
            name = f"zero copy to {row.receiver}"
            yield f"  {name:30}  busier of two cores {apart}, one core {one}"


def _table(group: Group, lines: Sequence[Line]) -> Iterator[str]:
    yield ""
    yield group.title
    head = "".join(f"  {regime:>8}  {'user':>7} {'syscall':>7} {'softirq':>7}  {'packet':>6}"
                   for regime in plan.REGIMES)  # fmt: skip
    yield f"  {'':9}{head}"
    for line in lines:
        cells = "".join(_cell(line.costs[regime]) for regime in plan.REGIMES)
        yield f"  {line.receiver:9}{cells}"
    yield from _beside(lines)


def _cell(one: Measurement | None) -> str:
    if one is None:
        return f"  {'-':>8}  {'-':>7} {'-':>7} {'-':>7}  {'-':>6}"
    parts = " ".join(f"{one.per_byte(name):7.4f}" for name in model.RECEIVER_SIDE)
    return f"  {one.cost:8.4f}  {parts}  {one.packet:6.0f}"


def _beside(lines: Sequence[Line]) -> Iterator[str]:
    """Tell what of the simulated device stands beside the figures of zero copy, or of the first."""
    chosen = next((line for line in lines if line.receiver == "zcrx"), lines[0])
    for regime, one in chosen.costs.items():
        if one is not None:
            told = ", ".join(f"{name} {one.per_byte(name):.4f}" for name in model.DEVICE)
            yield f"  beside it, {chosen.receiver}, {regime}: {told}"


def _functions(bench: Bench) -> Iterator[str]:
    """Tell where the instructions of zero copy go, beside the floor's."""
    found = by_setup(bench)
    for regime in plan.REGIMES:
        zcrx, floor = found.get(Setup("zcrx", regime)), found.get(Setup("discard", regime))
        if zcrx is None:
            continue
        beside = dict(_by_function(floor)) if floor else {}
        yield ""
        yield f"where they go: zcrx, {regime}, packets of 60 KiB, untouched, no ERMS (thousandths)"
        yield f"  {'function':36}  {'zcrx':>7}" + (f"  {'discard':>7}" if floor else "")
        for name, per_byte in _by_function(zcrx)[:MOST_ROWS]:
            other = f"  {1000 * beside.get(name, 0.0):7.2f}" if floor else ""
            yield f"  {name:36}  {1000 * per_byte:7.2f}{other}"


def _by_function(one: Measurement) -> list[tuple[str, float]]:
    return [(row.function, row.count / one.answer.bytes) for row in by_function(one)]


def by_function(one: Measurement) -> list[model.Row]:
    """Give the functions of the receiver's side, the dearest first, whatever their column."""
    found: dict[str, int] = {}
    for row in one.rows:
        if row.column in model.RECEIVER_SIDE:
            found[row.function] = found.get(row.function, 0) + row.count
    rows = [model.Row("", name, count) for name, count in found.items()]
    return sorted(rows, key=lambda row: (-row.count, row.function))


def _lost(bench: Bench) -> Iterator[str]:
    if bench.lost:
        yield ""
        yield "lost:"
    for lost in bench.lost:
        yield f"  {lost.setup.name}: {lost.why}"
    yield from (f"note: {note}" for note in bench.notes)
