# SPDX-License-Identifier: GPL-2.0
"""The rule that says which patch changes what a path costs. Pure.

How much counts wander by themselves is learned: from kernels that were built anew although nothing
on a path had changed, each booted with several seeds. What goes beyond that with all seeds is a
finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from statistics import quantiles

from kseries.bench.cost import Built, Cost, Finding, Growth, Limit, PathCost

FENCE = 3.0
"""Times the interquartile range beyond the third quartile: Tukey's fence for what is far out."""

MOST_FUNCTIONS = 8
LEAST = 0.02
"""Of the function that changes most, what another one has to change by to be told."""


def judged(cost: Cost) -> Cost:
    """Give the document with the limits and findings that follow from what is measured so far."""
    limits = tuple(_limits(cost))
    known = {limit.path: limit for limit in limits}
    found = [finding for path in cost.paths for finding in _findings(cost, known.get(path), path)]
    found.sort(key=lambda one: (one.patch, cost.paths.index(one.path)))
    return replace(cost, limits=limits, findings=tuple(found))


def same(cost: Cost, path: str) -> list[PathCost]:
    """Give what a path cost on kernels that differ in nothing on it."""
    rebuilt = [one for one in cost.built if one.kind == "rebuild"]
    of = {one.patch for one in rebuilt}
    first = [one for one in cost.built if one.kind == "patch" and one.patch in of]
    return [found for one in (*first, *rebuilt) if (found := one.path(path)) is not None]


def _limits(cost: Cost) -> Iterator[Limit]:
    for path in cost.paths:
        found = differences([one.costs for one in same(cost, path)])
        if len(found) > 1:
            q1, q3, fence = spread(found)
            yield Limit(path, q1, q3, fence, len(found))


def mistaken(cost: Cost) -> tuple[int, int]:
    """Judge each rebuild by what the others taught: how many would be findings, and of how many.

    None should be. Each is compared with the first kernel that does the same.
    """
    tried = wrong = 0
    rebuilt = [one for one in cost.built if one.kind == "rebuild"]
    for left_out in rebuilt:
        rest = replace(cost, built=tuple(one for one in cost.built if one is not left_out))
        tried += 1
        wrong += any(_is_mistaken(rest, path, left_out) for path in cost.paths)
    return (wrong, tried) if len(rebuilt) > 2 else (0, 0)


def _is_mistaken(rest: Cost, path: str, rebuilt: Built) -> bool:
    others, own = [one.costs for one in same(rest, path)], rebuilt.path(path)
    found = differences(others)
    if own is None or len(found) < 2:
        return False
    return apart(others[0], own.costs) > spread(found)[2]


def differences(kernels: Sequence[Sequence[int]]) -> list[float]:
    """Give by what part counts differ from each other, of each two kernels all with all."""
    return [
        abs(a - b) / min(a, b)
        for one, other in combinations(kernels, 2)
        for a, b in product(one, other)
        if min(a, b)
    ]


def spread(found: Sequence[float]) -> tuple[float, float, float]:
    """Give first and third quartile, and the fence: what lies beyond it is far out."""
    q1, _, q3 = quantiles(found, n=4, method="inclusive")
    return q1, q3, q3 + FENCE * (q3 - q1)


def _findings(cost: Cost, limit: Limit | None, path: str) -> Iterator[Finding]:
    """Compare each kernel with the one before it on which the path was measured."""
    if limit is None:
        return
    before: tuple[int, PathCost] | None = None
    wander = _wander([one.functions for one in same(cost, path)])
    for step in cost.steps():
        here = step.path(path)
        if here is None:
            continue
        # A gap of a patch that does not build is told; one that is not yet measured says nothing.
        same_work = before is not None and before[1].units == here.units
        if before is not None and same_work and _is_next(cost, before[0], step.patch):
            change = here.cost / before[1].cost - 1 if before[1].cost else 0.0
            if apart(before[1].costs, here.costs) > limit.fence:
                grown = growths(before[1].functions, here.functions, wander)
                yield Finding(path, step.patch, step.title, before[0], change, grown)
        before = step.patch, here


def apart(before: Sequence[int], after: Sequence[int]) -> float:
    """Give by what part even the nearest of some counts and others differ; 0 where they overlap.

    One seed that is far out, of which there are some, is no change.
    """
    gap = max(min(after) - max(before), min(before) - max(after))
    return max(0, gap) / max(1, min(*before, *after))


def _is_next(cost: Cost, before: int, patch: int) -> bool:
    """Whether all between were tried."""
    tried = {one.patch for one in cost.built if one.kind == "patch"}
    return all(number in tried for number in range(before + 1, patch))


def _wander(kernels: Sequence[Mapping[str, int]]) -> Counter[str]:
    """Give by how many instructions each function differs at most where nothing has changed."""
    names = {name for functions in kernels for name in functions}
    ranges: Counter[str] = Counter()
    for name in names:
        counts = [functions.get(name, 0) for functions in kernels]
        ranges[name] = max(counts) - min(counts)
    return ranges


def grown(cost: Cost, path: str) -> tuple[Growth, ...]:
    """Give the functions of a path that all patches together change, the most first."""
    steps = {step.patch: step.path(path) for step in cost.steps()}
    first, last = steps.get(0), steps.get(len(cost.patches))
    if first is None or last is None or first.units != last.units:
        return ()
    wander = _wander([one.functions for one in same(cost, path)])
    return growths(first.functions, last.functions, wander)


def growths(
    before: Mapping[str, int], after: Mapping[str, int], wander: Mapping[str, int]
) -> tuple[Growth, ...]:
    """Give the functions that changed beyond what they do by themselves, the most first."""
    names = before.keys() | after.keys()
    found = [Growth(name, before.get(name, 0), after.get(name, 0)) for name in names]
    changed = [one for one in found if abs(one.after - one.before) > wander.get(one.function, 0)]
    changed.sort(key=lambda one: (-abs(one.after - one.before), one.function))
    most = max((abs(one.after - one.before) for one in changed), default=0)
    told = [one for one in changed if abs(one.after - one.before) >= most * LEAST]
    return tuple(told[:MOST_FUNCTIONS])
