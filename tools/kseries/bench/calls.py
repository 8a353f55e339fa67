# SPDX-License-Identifier: GPL-2.0
"""Who called whom on the receiver's side, out of what the plugin wrote. Pure.

A poll of the queue that receives runs in the middle of whatever was interrupted by it, so what
leads there says nothing: it is a root of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kseries.bench import model
from kseries.bench.model import Call

LEAST = 0.003
"""Part of all that a call costs at least: what costs less is its caller's."""

ROOTS = {model.USER: "receiver", model.SYSCALL: "receiver", model.SOFTIRQ: "softirq"}

Path = tuple[str, ...]
"""Functions from a root on, each called by the one before."""


class Unreadable(Exception):
    """The lines are no tree; why, in words."""


def read(lines: Sequence[Sequence[str]], polls: Sequence[str]) -> tuple[Call, ...]:
    """Give the calls, in the order of a walk that visits the dearest first.

    lines: in words; `node ID PARENT FUNCTION`, and after it `spent COLUMN COUNT`. polls: functions
    that a poll begins with. Raises Unreadable.
    """
    whole: Counter[Path] = Counter()
    for path, count in _spent(lines, polls):
        for length in range(1, len(path) + 1):
            whole[path[:length]] += count
    total = sum(count for path, count in whole.items() if len(path) == 1)
    kept = {path: count for path, count in whole.items() if count >= LEAST * total}
    return tuple(_walk(kept))


def _spent(lines: Sequence[Sequence[str]], polls: Sequence[str]) -> Iterator[tuple[Path, int]]:
    """Give the path of each node that is of the receiver's side, and what it executed itself."""
    paths: dict[str, Path] = {"0": ()}
    here: Path = ()
    for line in lines:
        if line[0] == "node":
            _, own, parent, function = line
            if parent not in paths:
                raise Unreadable(f"the call of {function} has no caller")
            here = paths[own] = (*paths[parent], function)
        elif line[0] == "spent":
            column, count = line[1], int(line[2])
            if column in ROOTS:
                yield (ROOTS[column], *_from_poll(column, here, polls)), count


def _from_poll(column: str, path: Path, polls: Sequence[str]) -> Path:
    if column != model.SOFTIRQ:
        return path
    begin = next((place for place, name in enumerate(path) if name in polls), 0)
    return path[begin:]


def _walk(kept: dict[Path, int]) -> Iterator[Call]:
    below: dict[Path, list[Path]] = {}
    for path in kept:
        below.setdefault(path[:-1], []).append(path)
    left: list[tuple[Path, int]] = [((), -1)]
    place = -1
    while left:
        path, parent = left.pop()
        if path:
            place += 1
            yield Call(parent, path[-1], kept[path])
        inside = sorted(below.get(path, ()), key=lambda one: (kept[one], one))
        left += [(one, place if path else -1) for one in inside]
