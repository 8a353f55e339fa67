# SPDX-License-Identifier: GPL-2.0
"""What was measured over a NIC, as in the cover letter and in full, for terminal and mail. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from kseries.bench.answer import RECEIVERS, CpuUse, Receiver
from kseries.bench.nic import SIMULATED, WHERE, Item, OverNic, Sample, Where, not_hardware
from kseries.report.words import counted

# The columns of the cover letter's tables, by its own names; the second one it has not.
LETTER: dict[Receiver, str] = {
    "epoll": "epoll",
    "epoll-zc": "epoll + TCP_ZEROCOPY_RECEIVE",
    "zcrx": "io_uring",
}
HEADS: dict[Where, str] = {
    "different": "With application thread + net rx softirq pinned to _different_ cores:",
    "same": "Pinned to _same_ core:",
}
MOST_COUNTERS = 8


@dataclass(frozen=True)
class Spread:
    """Some values: the median, and the least and the most."""

    middle: float
    least: float
    most: float

    def overlaps(self, other: Spread) -> bool:
        """Whether there are values of each between those of the other."""
        return self.least <= other.most and other.least <= self.most


@dataclass(frozen=True)
class Row:
    """A receiver at a place, all its measurements together.

    application, softirq: parts of the time of their CPUs, the median. cycles: of both CPUs, for
    a byte; misses of their caches, for a KiB. None: not known. drops, retransmits: of all.
    """

    item: Item
    count: int
    gbps: Spread
    application: float | None
    softirq: float | None
    cycles: float | None
    misses: float | None
    drops: int | None
    retransmits: int | None


def row(nic: OverNic, item: Item) -> Row | None:
    """Put the measurements of an item together; None where there are none."""
    samples = nic.of(item)
    if not samples:
        return None
    application, softirq = nic.application[item.where], nic.softirq
    both = tuple(dict.fromkeys((application, softirq)))
    rates = [sample.gbps for sample in samples]
    return Row(
        item=item,
        count=len(samples),
        gbps=Spread(median(rates), min(rates), max(rates)),
        application=_middle(samples, lambda one: _share(one, application, _application_us)),
        softirq=_middle(samples, lambda one: _share(one, softirq, _softirq_us)),
        cycles=_middle(samples, lambda one: _per(one, both, lambda cpu: cpu.cycles, 1)),
        misses=_middle(samples, lambda one: _per(one, both, lambda cpu: cpu.cache_misses, 1024)),
        drops=_total([sample.drops for sample in samples]),
        retransmits=_total([sample.retransmits for sample in samples]),
    )


def rows(nic: OverNic, where: Where) -> tuple[Row, ...]:
    """Give what was measured at a place."""
    found = (row(nic, Item(where, receiver)) for receiver in RECEIVERS)
    return tuple(one for one in found if one is not None)


def _application_us(cpu: CpuUse) -> int:
    return cpu.user_us + cpu.system_us


def _softirq_us(cpu: CpuUse) -> int:
    return cpu.irq_us + cpu.softirq_us


def _share(sample: Sample, number: int, part: Callable[[CpuUse], int]) -> float | None:
    cpu = sample.cpu(number)
    total = cpu.busy_us + cpu.idle_us + cpu.steal_us if cpu else 0
    return part(cpu) / total if cpu and total else None


def _per(
    sample: Sample, cpus: Sequence[int], count: Callable[[CpuUse], int | None], bytes_: int
) -> float | None:
    """Give what was counted on CPUs for so many bytes; None where one of them could not."""
    counts = [count(cpu) if (cpu := sample.cpu(number)) else None for number in cpus]
    known = [one for one in counts if one is not None]
    if len(known) < len(cpus) or not sample.answer.bytes:
        return None
    return bytes_ * sum(known) / sample.answer.bytes


def _middle(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> float | None:
    known = [one for sample in samples if (one := value(sample)) is not None]
    return median(known) if known else None


def _total(counts: Sequence[int | None]) -> int | None:
    known = [one for one in counts if one is not None]
    return sum(known) if len(known) == len(counts) else None


# ---------------------------------------------------------------- in words


def lines(nic: OverNic) -> Iterator[str]:
    """Give the text for terminal and mail."""
    yield f"over a NIC: {nic.target}"
    yield from (f"  {line}" for line in setup(nic))
    yield from (f"  {line}" for line in warnings(nic))
    for where in WHERE:
        if where in {item.where for item in nic.asked.items}:
            yield from _place(nic, where)
    yield from _steps(nic)
    yield from _counters(nic)
    yield from (f"note: {note}" for note in nic.notes)


def setup(nic: OverNic) -> Iterator[str]:
    """Say on what was measured, and how."""
    machine, port, asked = nic.machine, nic.port, nic.asked
    product = f"; {machine.product}" if machine.product else ""
    yield f"{machine.processor or 'processor not known'}, CPUs {machine.cpus}{product}"
    speed = f", {int(port.speed) / 1000:g} Gbit/s" if port.speed else ", its speed is not known"
    firmware = f" with firmware {port.firmware}" if port.firmware else ""
    device = port.device or port.bus or "no device"
    yield (
        f"{port.interface}: {port.driver}{firmware}, {device}{speed};"
        f" the peer's port: {nic.peer or 'not known'}"
    )
    mtu = port.settings.get("link.mtu", "not known")
    yield (
        f"MTU {mtu}, a single TCP flow, writes of {asked.write // 1024} KiB,"
        f" {asked.seconds} s each, {counted(asked.repeats, 'time')} in turns"
    )
    places = ", ".join(f"CPU {cpu} ({where})" for where, cpu in nic.application.items())
    yield f"softirqs on CPU {nic.softirq}, the application on {places}"
    if nic.proof is not None and not (nic.proof.why_not or nic.proof.doubt):
        yield (
            f"in a run by itself {nic.proof.copies} of {counted(nic.proof.pieces, 'piece')} of zero"
            " copy were copied"
        )


def warnings(nic: OverNic) -> Iterator[str]:
    """Say what is wrong with the figures, if anything."""
    why = not_hardware(nic.machine, nic.port.driver)
    if why:
        yield f"NO FIGURES OF HARDWARE: {'; '.join(why)}."
    if nic.peer in SIMULATED and nic.port.driver not in SIMULATED:
        yield f"the peer's port is no NIC ({nic.peer})."
    errors = dict.fromkeys(s.answer.perf_error for s in nic.samples if s.answer.perf_error)
    for error in errors:
        yield f"no cycles and cache misses: the kernel does not count them there ({error})"
    if nic.proof is not None and nic.proof.doubt:
        yield f"NO FIGURES OF ZERO COPY: {nic.proof.doubt}."
    elif nic.proof is not None and nic.proof.why_not:
        yield f"zcrx: it is not known whether anything was copied: {nic.proof.why_not}"
    doubted: dict[str, list[str]] = {}
    for sample in nic.samples:
        for doubt in sample.doubts:
            doubted.setdefault(doubt, []).append(sample.item.name)
    for doubt, names in doubted.items():
        yield f"in doubt: {', '.join(dict.fromkeys(names))}: {doubt}"


def _place(nic: OverNic, where: Where) -> Iterator[str]:
    found = {one.item.receiver: one for one in rows(nic, where)}
    why = not_hardware(nic.machine, nic.port.driver)
    yield ""
    yield HEADS[where]
    if why:  # beside each table, which may be all of this that somebody copies
        yield f"(no figures of hardware: {'; '.join(why)})"
    yield ""
    if found:
        yield from letter(cells(nic, where))
        yield from (f"  {line}" for line in within(found))
        yield ""
        yield from _table(tuple(found.values()))
    for missing in (*nic.skipped, *nic.lost):
        if missing.item.where == where:
            state = "skipped" if missing in nic.skipped else "lost"
            yield f"  {missing.item.receiver}: {state}: {missing.why}"


def cells(nic: OverNic, where: Where) -> dict[str, str]:
    """Give the cells of the cover letter's table, by their heads; "-" for what was not measured.

    There is a column for each of its receivers that was asked for.
    """
    found = {one.item.receiver: one for one in rows(nic, where)}
    base = found.get("epoll")
    told = {}
    for receiver, head in LETTER.items():
        one = found.get(receiver)
        if Item(where, receiver) not in nic.asked.items:
            continue
        if one is None:
            told[head] = "-"
            continue
        more = ""
        if base is not None and one is not base and base.gbps.middle:
            more = f" ({100 * (one.gbps.middle / base.gbps.middle - 1):+.0f}%)"
        told[head] = f"{rate(one.gbps.middle)} Gbps{more}"
    return told


def letter(told: dict[str, str]) -> Iterator[str]:
    """Draw a table as the cover letter has it. told: its cells by their heads."""
    widths = [max(len(head), len(cell)) for head, cell in told.items()]

    def line(texts: Sequence[str]) -> str:
        padded = (f"{text:{width}}" for text, width in zip(texts, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    heads, middle = line(tuple(told)), "|".join("-" * (width + 2) for width in widths)
    edge = f"+{'-' * (len(heads) - 2)}+"
    yield from (edge, heads, f"|{middle}|", line(tuple(told.values())), edge)


def within(found: dict[Receiver, Row]) -> Iterator[str]:
    """Say which differences may be by chance."""
    base = found.get("epoll")
    for receiver in LETTER:
        one = found.get(receiver)
        if base is None or one is None or one is base:
            continue
        if min(base.count, one.count) < 2:
            yield f"{receiver}: measured once, so it is not known by how much figures differ"
        elif one.gbps.overlaps(base.gbps):
            yield f"{receiver}: the difference is within the spread of the measurements"


def rate(gbps: float) -> str:
    """Give a throughput; one that is small has more digits."""
    return f"{gbps:.1f}" if gbps >= 10 else f"{gbps:.2f}"


def _table(told: Sequence[Row]) -> Iterator[str]:
    yield (
        f"  {'':9} {'Gbps':>6}  {'least, most':>15}  {'application':>11}  {'softirq':>7}"
        f"  {'cycles/B':>8}  {'misses/KiB':>10}  {'drops':>6}  {'retransmits':>11}"
    )
    for one in told:
        spread = f"{rate(one.gbps.least)}, {rate(one.gbps.most)}"
        yield (
            f"  {one.item.receiver:9} {rate(one.gbps.middle):>6}  {spread:>15}"
            f"  {share(one.application):>11}  {share(one.softirq):>7}  {figure(one.cycles):>8}"
            f"  {figure(one.misses):>10}  {number(one.drops):>6}  {number(one.retransmits):>11}"
        )


def share(part: float | None) -> str:
    """Give a part of a CPU's time."""
    return f"{100 * part:.0f} %" if part is not None else "?"


def figure(value: float | None) -> str:
    """Give what was counted."""
    return f"{value:.3f}" if value is not None else "?"


def number(value: int | None) -> str:
    """Give a number."""
    return str(value) if value is not None else "?"


def _steps(nic: OverNic) -> Iterator[str]:
    refused = [step for step in nic.steps if step.why_not]
    if refused:
        yield ""
        yield "could not be set up:"
    for step in refused:
        yield f"  {step.side}: {step.name} to {step.value}: {step.why_not}"


def losses(nic: OverNic) -> dict[str, int]:
    """Give the counters that speak of loss, of all measurements together, the largest first."""
    total: dict[str, int] = {}
    for sample in nic.samples:
        for name, count in sample.counters.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def _counters(nic: OverNic) -> Iterator[str]:
    found = losses(nic)
    if found:
        yield ""
        yield "counters that speak of loss and grew, in all measurements together:"
        for name, count in list(found.items())[:MOST_COUNTERS]:
            yield f"  {name}: {count}"
    if len(found) > MOST_COUNTERS:
        yield f"  and {len(found) - MOST_COUNTERS} more, in the document"
