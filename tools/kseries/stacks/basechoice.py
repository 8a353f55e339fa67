# SPDX-License-Identifier: GPL-2.0
"""Which base a series is put on where nobody names one, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kseries.model import Series
from kseries.stacks.candidates import Candidate

# "[PATCH net-next v3 2/7]", "[PATCH 6.12.y]": what else than versions and numbers stands there.
_LABEL = re.compile(r"\[([^\[\]]*\bPATCH\b[^\[\]]*)\]", re.IGNORECASE)
_NO_TREE = re.compile(r"patch|rfc|rft|resend|repost|v\d+|\d+/\d+|fixup", re.IGNORECASE)


@dataclass(frozen=True)
class Choice:
    """A base and the reason for it: a half-sentence. fits: whether all of the series applies."""

    candidate: Candidate
    why: str
    fits: bool


def trees_of(subject: str) -> tuple[str, ...]:
    """Give the trees that the prefix of a subject names: "net-next", "6.12"."""
    label = _LABEL.search(subject)
    words = re.split(r"[\s,]+", label[1]) if label else []
    named = [word for word in words if word and not _NO_TREE.fullmatch(word)]
    return tuple(re.sub(r"^(?:linux-|v(?=\d))|\.y$", "", word) for word in named)


def choose(
    series: Series, candidates: Sequence[Candidate], trees: Sequence[str] = ()
) -> Choice | None:
    """Choose a base; None where there is no candidate.

    trees: what the subject names. The author's own commit comes first, then a tree in which every
    file is as the patches knew it, then the one that the subject implies, then the newest on which
    all applies. Where it applies nowhere, the one on which most does.
    """
    if not candidates:
        return None
    newest_first = sorted(candidates, key=lambda one: _version(one), reverse=True)
    fitting = [one for one in newest_first if one.fits]
    for one in fitting:
        if one.has_commit and one.base.commit.startswith(series.base_commit):
            return Choice(
                one, f"it is the commit that its author names ({series.base_commit})", True
            )
    for one in fitting:
        if one.exact:
            files = "the one file" if one.named == 1 else f"all {one.named} files"
            return Choice(one, f"{files} that its patches name are as they knew them", True)
    for one in fitting:
        if tree := _named(one, trees):
            return Choice(one, f"its subject names {tree}", True)
    if fitting:
        one = max(fitting, key=lambda item: (_share(item), _version(item)))
        why = "it is the newest on which all of it applies"
        if _share(one) > _share(fitting[0]):
            some = f"{one.blobs} of {one.named} files are"
            why = f"{some} as its patches knew them, more than elsewhere"
        return Choice(one, why, True)
    one = max(newest_first, key=lambda item: (item.applied, _share(item)))
    return Choice(
        one, f"it applies nowhere, and here {one.applied} of {one.total} patches do", False
    )


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
