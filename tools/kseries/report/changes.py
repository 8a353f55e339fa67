# SPDX-License-Identifier: GPL-2.0
"""What changed between two runs, as text for a terminal: what got worse comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from typing import TypeVar

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kseries.model import KernelEvent
from kseries.report.printable import printable
from kseries.report.terminal import INDENT, printed
from kseries.report.words import counted, duration
from kseries.verdict.comparison import Change, Comparison, Slower, machine
from kseries.verdict.named import CASE
from kseries.verdict.scope import heading

T = TypeVar("T")

MAX_LISTED = 40
NOT_RUN = "not run"
SHORT = 12  # digits of a commit or sum


def render(comparison: Comparison, *, width: int, color: bool) -> str:
    """Give the text. width: in columns."""
    return printed(_parts(printable(comparison)), width=width, color=color)


def for_programs(found: Comparison) -> dict[str, object]:
    """Give the same for JSON; of the two runs, their names and verdicts."""
    lists = {item.name: getattr(found, item.name) for item in fields(found)}
    for name in ("before", "after", "worse"):
        del lists[name]
    told = {
        name: [entry if isinstance(entry, str) else asdict(entry) for entry in entries]
        for name, entries in lists.items()
    }
    runs = {
        name: {"run": run.run, "verdict": run.verdict.value, "machine": machine(run)}
        for name, run in (("before", found.before), ("after", found.after))
    }
    return {**runs, "worse": found.worse, "exit_code": found.exit_code, **told}


def _parts(found: Comparison) -> Iterator[RenderableType]:
    before, after = found.before, found.after
    on = [f" on {name}" for name in found.machines] if found.machines else ["", ""]
    yield Text.assemble(
        (before.run, "bold"), f"{on[0]} ({heading(before)}) → ",
        (after.run, "bold"), f"{on[1]} ({heading(after)})",
    )  # fmt: skip
    yield from _on_two(found, found.machines) if found.machines else _in_time(found)
    yield Text()
    yield Text(_answer(found), "bold red" if found.worse else "bold")


def _on_two(found: Comparison, machines: tuple[str, str]) -> Iterator[RenderableType]:
    """Tell what differs from machine to machine, side by side."""
    first, second = machines
    if found.sides:
        yield Text()
        yield Text(f"Not the same on both ({len(found.sides)})", "bold")
        yield Padding(_table(found.sides[:MAX_LISTED], machines), INDENT)
    if len(found.sides) > MAX_LISTED:
        more = counted(len(found.sides) - MAX_LISTED, "more line")
        yield Padding(Text(f"and {more}; --json has them all"), INDENT)
    yield from _section(f"In the kernel log of {second} alone", found.events, _event, "red")
    yield from _section("Stages", found.stages, _change)
    yield from _section("Patches", found.patches, _change)
    yield from _section(f"Run with ({first} → {second})", found.facts, _fact)


def _table(sides: Sequence[Change], machines: tuple[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for head in ("test", *machines):
        table.add_column(head, overflow="fold")
    for side in sides:
        cells = (Text(text or NOT_RUN) for text in (side.what, side.before, side.after))
        table.add_row(*cells)
    return table


def _in_time(found: Comparison) -> Iterator[RenderableType]:
    """Tell what changed from one run to the next."""
    yield from _section("Newly failing", found.failing, _change, "red")
    yield from _section("New in the kernel log", found.events, _event, "red")
    yield from _section("Newly passing", found.passing, _change, "green")
    yield from _section("Other outcomes", found.otherwise, _change)
    yield from _section("Stages", found.stages, _change)
    yield from _section("Patches", found.patches, _change)
    yield from _section("Run with", found.facts, _fact)
    yield from _section("Slower", found.slower, _slower, "yellow")
    yield from _section("Tests added", _whole(found.added), str)
    yield from _section("Tests removed", _whole(found.removed), str)


def _answer(found: Comparison) -> str:
    if found.worse:
        return f"{found.after.run} has failures that {found.before.run} has not."
    if found.less:
        return f"{found.after.run} was to do less than {found.before.run}, so it does not tell."
    if found.exit_code:
        return f"{found.after.run} was not completed, so it does not tell."
    if found.machines:
        return f"Nothing fails on {found.machines[1]} that does not on {found.machines[0]}."
    return "No new failure."


def _section(
    title: str, items: Sequence[T], line: Callable[[T], str], style: str = ""
) -> Iterator[RenderableType]:
    if not items:
        return
    yield Text()
    yield Text(f"{title} ({len(items)})", f"bold {style}".strip())
    for item in items[:MAX_LISTED]:
        yield Padding(Text(line(item), overflow="fold"), INDENT)
    if len(items) > MAX_LISTED:
        yield Padding(Text(f"and {counted(len(items) - MAX_LISTED, 'more line')}"), INDENT)


def _whole(names: Sequence[str]) -> list[str]:
    """Name a program once where it comes or goes with all its cases."""
    cases: dict[str, int] = {name: 0 for name in names if CASE not in name}
    lines = []
    for name in names:
        program, is_case, _ = name.partition(CASE)
        if is_case and program in cases:
            cases[program] += 1
        else:
            lines.append(name)
    return [f"{line} ({counted(cases[line], 'case')})" if line in cases else line for line in lines]


def _change(change: Change) -> str:
    return f"{change.what}: {_from_to(change.before, change.after)}"


def _fact(change: Change) -> str:
    hexadecimal = all(_is_digest(text) for text in (change.before, change.after))
    cut = SHORT if hexadecimal else None
    return f"{change.what}: {_from_to(change.before[:cut], change.after[:cut])}"


def _from_to(before: str, after: str) -> str:
    return f"{before or 'not there'} → {after or 'not there'}"


def _is_digest(text: str) -> bool:
    return not text or (len(text) >= 40 and not text[:40].strip("0123456789abcdef"))


def _slower(test: Slower) -> str:
    times = f"{test.after / test.before:.1f} times" if test.before >= 0.1 else "much longer"
    return f"{test.name}: {duration(test.before)} → {duration(test.after)} ({times})"


def _event(event: KernelEvent) -> str:
    during = f", during {event.during}" if event.during else ""
    return f"{event.kind.value}  line {event.line}: {event.title}{during}"
