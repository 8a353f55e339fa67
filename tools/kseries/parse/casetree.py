# SPDX-License-Identifier: GPL-2.0
"""Ways through a tree of cases. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kseries.model import Case


def walk(cases: Iterable[Case]) -> Iterator[Case]:
    """Go through a tree of cases, parents first."""
    for case in cases:
        yield case
        yield from walk(case.children)


def paths(
    cases: Iterable[Case], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Case]]:
    """Give the cases that have none below them, each behind the names down to its own."""
    for case in cases:
        path = (*above, case.name)
        if case.children:
            yield from paths(case.children, path)
        else:
            yield path, case


def leaves(cases: Iterable[Case]) -> list[Case]:
    """Give the cases that have none below them."""
    return [case for _, case in paths(cases)]
