# SPDX-License-Identifier: GPL-2.0
"""Which of the cases that come by a mutant are run, and in which order. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

GROUP_S = 20.0  # of cases that are run in one go
ALONE = 3  # cases, the likeliest, that are run one by one before others


@dataclass(frozen=True)
class CaseReach:
    """What one case comes by. seconds: what it took."""

    program: str
    case: str
    seconds: float
    numbers: frozenset[int]

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{self.program}: {self.case}"


def within(
    cases: Sequence[CaseReach],
    kills: Mapping[str, int],
    budget_s: float,
    elsewhere: Collection[str] = (),
) -> list[CaseReach]:
    """Choose cases for a mutant, the likeliest first, as many as the time is enough for.

    kills: how often each case, by its name, has noticed other mutants of the same function.
    elsewhere: the names of those that have noticed any of another: they look at what others do not.
    """
    killers = sorted(
        (case for case in cases if kills.get(case.name)),
        key=lambda case: (-kills[case.name], case.seconds),
    )
    others = [case for case in cases if not kills.get(case.name)]
    ordered = [
        *killers,
        *_spread([case for case in others if case.name in elsewhere]),
        *_spread([case for case in others if case.name not in elsewhere]),
    ]
    spent_s = itertools.accumulate((case.seconds for case in ordered), initial=0.0)
    return [case for case, before_s in zip(ordered, spent_s, strict=False) if before_s < budget_s]


def groups(cases: Sequence[CaseReach]) -> list[list[CaseReach]]:
    """Give cases in groups that are run in one go, each of one program."""
    found: list[list[CaseReach]] = [[case] for case in cases[:ALONE]]
    last: dict[str, list[CaseReach]] = {}
    for case in cases[ALONE:]:
        group = last.get(case.program)
        if group is None or sum(each.seconds for each in group) + case.seconds > GROUP_S:
            group = last[case.program] = []
            found.append(group)
        group.append(case)
    return found


def _spread(cases: Sequence[CaseReach]) -> list[CaseReach]:
    """Give cases so that those that come first differ most, and as many as can be after them.

    Each is the one that, for its time, comes by the most switches that those before it did not,
    until none does. What the others look at nobody can tell; the shortest come first.
    """
    found: list[CaseReach] = []
    seen: set[int] = set()
    # What a case adds only becomes less: one that still adds most need not be compared.
    heap = [(-_gain(case, seen), place) for place, case in enumerate(cases)]
    heapq.heapify(heap)
    chosen: set[int] = set()
    while heap:
        _, place = heapq.heappop(heap)
        gain = _gain(cases[place], seen)
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, place))
            continue
        if chosen and not gain:
            break
        chosen.add(place)
        found.append(cases[place])
        seen |= cases[place].numbers
    left = [case for place, case in enumerate(cases) if place not in chosen]
    return [*found, *sorted(left, key=lambda case: case.seconds)]


def _gain(case: CaseReach, seen: set[int]) -> float:
    """Say how many switches a case adds, for a second; each case takes one to begin with."""
    return len(case.numbers - seen) / (1.0 + case.seconds)
