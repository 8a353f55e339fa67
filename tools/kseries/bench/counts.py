# SPDX-License-Identifier: GPL-2.0
"""What the plugin wrote, read and put into columns. Pure.

It runs beside a guest that a series built: nothing in it is believed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.bench import calls as tree
from kseries.bench import model
from kseries.bench.calls import Path
from kseries.bench.model import Call, Row
from kseries.bench.tables import BRACKETS

# By the layer, where that decides; a task's own layers are by its role.
_OF_LAYER = {
    "poll-rx": model.SOFTIRQ,
    "poll-tx": model.SENDER,
    "dma": model.DMA,
    "steer": model.STEER,
    "drop": model.DROP,
    "softirq": model.SHARED,
    "hardirq": model.INTERRUPT,
}
_OF_RECEIVER = {"user": model.USER, "syscall": model.SYSCALL}
POLLS = tuple(bracket.function for bracket in BRACKETS if bracket.layer == "poll")
ANOTHER = "[another program]"
"""Its functions are not known, so an address of its says nothing."""


class Incomplete(Exception):
    """The counts are not those of one whole measurement; why, in words."""


@dataclass(frozen=True)
class Counts:
    """What was booked between the marks."""

    rows: tuple[Row, ...]
    calls: tuple[Call, ...]
    events: dict[str, int]
    total: int


def segments(text: str) -> list[str]:
    """Take the plugin's output apart where more than one part was measured."""
    _, *parts = re.split(r"^(?=segment$)", text, flags=re.MULTILINE)
    return parts


def read(text: str) -> Counts:
    """Read the plugin's output. Raises Incomplete."""
    lines = [line.split() for line in text.splitlines()]
    if not lines or lines[-1][:1] != ["total"]:
        raise Incomplete("the program came to no end mark")
    if sum(line == ["segment"] for line in lines) != 1:
        raise Incomplete("more than one part was measured")
    try:
        rows, calls = tuple(_rows(lines)), tree.read([*tree.in_columns(lines, _column)], _rooted)
        counts = Counts(rows, calls, dict(_events(lines)), int(lines[-1][1]))
    except (ValueError, IndexError, KeyError, tree.Unreadable) as error:
        raise Incomplete(f"the counts cannot be read: {error}") from None
    faults = [" ".join(line[1:]) for line in lines if line[0] == "fault"]
    if faults or ["faults", "0"] not in lines:
        raise Incomplete(f"the guest was not understood: {'; '.join(faults) or 'not told'}")
    if sum(row.count for row in counts.rows) != counts.total:
        raise Incomplete("the counts do not add up to their own total")
    return counts


def _rows(lines: list[list[str]]) -> Iterator[Row]:
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if line[0] == "count":
            _, role, layer, count, function = line
            column = _column(role, layer)
            is_known = layer != "user" or role != "other"
            found[column, function if is_known else ANOTHER] += int(count)
    rows = [Row(column, function, count) for (column, function), count in found.items()]
    yield from sorted(rows, key=lambda row: (-row.count, row.column, row.function))


def _column(role: str, layer: str) -> str:
    if layer in _OF_LAYER:
        return _OF_LAYER[layer]
    if role == "receiver":
        return _OF_RECEIVER[layer]
    if layer not in _OF_RECEIVER:
        raise ValueError(f"layer {layer}")
    return model.SENDER if role == "sender" else model.OTHER


def _rooted(column: str, path: Path) -> Path | None:
    """Put a path of the receiver's side below the program, or below the polls of its queue."""
    if column == model.SOFTIRQ:
        return ("softirq", *tree.from_first(path, POLLS))
    return ("receiver", *path) if column in (model.USER, model.SYSCALL) else None


def _events(lines: list[list[str]]) -> Iterator[tuple[str, int]]:
    for line in lines:
        if line[0] == "event":
            yield line[1], int(line[2])
