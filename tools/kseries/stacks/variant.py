# SPDX-License-Identifier: GPL-2.0
"""A stack with its series under test cut to the first patches. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from kseries.model import Baseline, Series, Stack


def under_test(stack: Stack) -> Series:
    """Give the series under test; the stack must have one."""
    return next(series for series in stack.series if series.name == stack.under_test)


def cut(stack: Stack, patches: int, without: Collection[str] = ()) -> Stack:
    """Give the stack with the first patches of the series under test; 0 leaves the base.

    without: names of series that are left out.
    """
    total = len(under_test(stack).patches)
    if not 0 <= patches <= total:
        raise ValueError(f"{patches} of {total} patches")
    series = tuple(
        replace(one, patches=one.patches[:patches]) if one.name == stack.under_test else one
        for one in stack.series
        if one.name not in without and (patches or one.name != stack.under_test)
    )
    whole = stack.whole and patches == total and len(series) == len(stack.series)
    return replace(stack, series=series, whole=whole)


def needing(stack: Stack, name: str = "") -> tuple[str, ...]:
    """Name the series that require one of the stack, directly or through others, in order.

    name: that series; the one under test by default, and what it stands for.
    """
    found = {name} if name else {stack.under_test, stack.replaces}
    needed = []
    for series in stack.series:
        if found.intersection(series.requires):
            found.add(series.name)
            needed.append(series.name)
    return tuple(needed)


def lacking(stack: Stack, base: Baseline) -> tuple[str, ...]:
    """Name the series of the stack that a baseline has not, in order.

    The run that made it may have had other series on the same base.
    """
    return tuple(series.name for series in stack.series if series.name not in base.series)


def above(stack: Stack) -> tuple[str, ...]:
    """Name the series that stand on top of the one under test."""
    names = [series.name for series in stack.series]
    return tuple(names[names.index(stack.under_test) + 1 :])


def beneath(stack: Stack, without: Collection[str] = ()) -> Stack:
    """Give the stack with all that stands on top of the series under test below it, in order.

    So the base has it, too. without: names of series that are left out.
    """
    tested = under_test(stack)
    others = [one for one in stack.series if one.name != tested.name and one.name not in without]
    return replace(stack, series=(*others, tested), whole=False)
