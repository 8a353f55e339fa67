# SPDX-License-Identifier: GPL-2.0
"""What was measured over a NIC, as in the cover letter and in full, for terminal and mail. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kseries.bench.answer import Receiver
from kseries.bench.nic import SIMULATED, WHERE, Item, OverNic, Where, not_hardware
from kseries.report.nicrows import Row, rows
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
    yield ""
    yield HEADS[where]
    yield from beside(nic, where)
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


def beside(nic: OverNic, where: Where) -> Iterator[str]:
    """Say what stands beside each table, as that may be all of this that somebody copies."""
    if why := not_hardware(nic.machine, nic.port.driver):
        yield f"(no figures of hardware: {'; '.join(why)})"
    if nic.proof is not None and nic.proof.doubt and nic.of(Item(where, "zcrx")):
        yield "(no figures of zero copy: what io_uring received was copied)"


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
