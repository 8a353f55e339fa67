# SPDX-License-Identifier: GPL-2.0
"""Which base a series is put on where nobody names one, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kseries.model import Series
from kseries.stacks.candidates import Candidate


@dataclass(frozen=True)
class Choice:
    """A base and the reason for it: a half-sentence. fits: whether all of the series applies."""

    candidate: Candidate
    why: str
    fits: bool


def choose(series: Series, candidates: Sequence[Candidate]) -> Choice | None:
    """Choose a base; None where there is no candidate.

    The author's own commit comes first, then a tree in which every file is as the patches knew it,
    then the one that the subject names, then the one with most such files, then the newest. Where
    the series applies nowhere, the one on which most of it does.
    """
    newest_first = sorted(candidates, key=_version, reverse=True)
    for one in filter(lambda item: item.fits, newest_first):
        if one.has_commit and one.base.commit.startswith(series.base_commit):
            why = f"it is the commit that its author names ({series.base_commit})"
            return Choice(one, why, fits=True)
    fitting = [one for one in newest_first if one.fits]
    # The base with a part of the series in it is a later one than it was written for.
    fitting.sort(key=lambda item: (item.in_base, -_share(item)))
    if fitting:
        return Choice(*_best(fitting, series), fits=True)
    if not newest_first:
        return None
    one = max(newest_first, key=lambda item: (item.applied, _share(item)))
    why = f"it applies nowhere, and here {one.applied} of {one.total} patches do"
    if one.in_base == one.total:
        why = "all of it is in the base already"
    return Choice(one, why, fits=False)


def _best(fitting: Sequence[Candidate], series: Series) -> tuple[Candidate, str]:
    """Give one on which all applies, and the reason. fitting: the most files as known first."""
    first = fitting[0]
    if first.exact:
        files = f"all {first.named} files that its patches name are as they knew them"
        return first, files if first.named > 1 else "the one file that its patches name is as known"
    for one in (item for item in fitting if item.in_base == first.in_base):
        if tree := _named(one, series.trees):
            return one, f"its subject names {tree}"
    if any(one.in_base > first.in_base for one in fitting):
        return first, "elsewhere a part of it is in the base already"
    if any(_share(one) < _share(first) for one in fitting):
        some = f"{first.blobs} of {first.named} files are"
        return first, f"{some} as its patches knew them, more than elsewhere"
    return first, "it is the newest on which all of it applies"


def _named(candidate: Candidate, trees: Sequence[str]) -> str:
    base = candidate.base
    for tree in trees:
        numbers = re.fullmatch(r"\d+\.\d+", tree)
        if tree == base.source.name or (numbers and base.version.startswith(f"{tree}.")):
            return tree
    return ""


def _share(candidate: Candidate) -> float:
    return candidate.blobs / candidate.named if candidate.named else 0.0


def _version(candidate: Candidate) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", candidate.base.version))
