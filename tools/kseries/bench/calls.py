# SPDX-License-Identifier: GPL-2.0
"""Who called whom, out of what the plugin wrote. Pure.

What interrupts runs in the middle of whatever was interrupted by it, so what leads there says
nothing: it is a root of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from kseries.bench.model import Call

LEAST = 0.003
"""Part of all that a call costs at least: what costs less is its caller's."""

Path = tuple[str, ...]
"""Functions from a root on, each called by the one before."""
Rooted = Callable[[str, Path], Path | None]
"""Puts what a column has of a path below its root; None: it is not shown."""


class Unreadable(Exception):
    """The lines are no tree; why, in words."""


def read(lines: Sequence[Sequence[str]], rooted: Rooted) -> tuple[Call, ...]:
    """Give the calls, in the order of a walk that visits the dearest first.

    lines: in words; `node ID PARENT FUNCTION`, and after it `spent COLUMN COUNT`. Raises
    Unreadable.
    """
    whole: Counter[Path] = Counter()
    for path, count in _spent(lines, rooted):
        for length in range(1, len(path) + 1):
            whole[path[:length]] += count
    total = sum(count for path, count in whole.items() if len(path) == 1)
    kept = {path: count for path, count in whole.items() if count >= LEAST * total}
    return tuple(_walk(kept))


def in_columns(
    lines: Iterable[Sequence[str]], column: Callable[[str, str], str]
) -> Iterator[Sequence[str]]:
    """Give the lines of the tree, with columns in the place of roles and layers."""
    for line in lines:
        if line[0] == "node":
            yield line
        elif line[0] == "spent":
            _, role, layer, count = line
            yield ["spent", column(role, layer), count]


def from_first(path: Path, names: Sequence[str]) -> Path:
    """Cut off what leads to the first of some functions; all stays where none of them is there."""
    return path[next((place for place, name in enumerate(path) if name in names), 0) :]


def _spent(lines: Sequence[Sequence[str]], rooted: Rooted) -> Iterator[tuple[Path, int]]:
    """Give the path of each node that is shown, and what it executed itself."""
    paths: dict[str, Path] = {"0": ()}
    here: Path = ()
    for line in lines:
        if line[0] == "node":
            _, own, parent, function = line
            if parent not in paths:
                raise Unreadable(f"the call of {function} has no caller")
            here = paths[own] = (*paths[parent], function)
        elif line[0] == "spent":
            path, count = rooted(line[1], here), int(line[2])
            if path is not None:
                yield path, count


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
