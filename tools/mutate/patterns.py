# SPDX-License-Identifier: GPL-2.0
"""Faults in regular expressions: an anchor, a quantifier, an alternative changed. Pure."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

# Of a pattern: an escape, a class, an opening of a group, or one other character.
_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:P<\w+>|<?[=!]|[:#]|[aimsux-]+[:)])|.", re.DOTALL
)
_OTHER = {"*": "+", "+": "*"}
_ANCHORS = ("^", "$", r"\b", r"\B", r"\A", r"\Z")


def weaker(pattern: str) -> list[str]:
    """Give the pattern with one piece changed, for each that may: all can be compiled."""
    pieces = _PIECE.findall(pattern)
    found = dict.fromkeys(text for text in _changed(pieces) if text != pattern)
    return [text for text in found if _compiles(text)]


def difference(old: str, new: str) -> str:
    """Say what of a pattern is another: "+ → * at 7"."""
    start = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(new))
    behind = 0
    while behind < min(len(old), len(new)) - start and old[-behind - 1] == new[-behind - 1]:
        behind += 1
    parts = (text[start : len(text) - behind] or '""' for text in (old, new))
    return f"{' → '.join(parts)} at {start}"


def _changed(pieces: list[str]) -> Iterator[str]:
    for place, piece in enumerate(pieces):
        before, after = pieces[:place], pieces[place + 1 :]
        lazy = place > 0 and pieces[place - 1] in ("*", "+", "?", "}")
        if piece in _ANCHORS:
            yield "".join((*before, *after))
        elif piece in _OTHER and not lazy:
            yield "".join((*before, _OTHER[piece], *after))
        elif piece == "?":
            yield "".join((*before, *after))
        elif piece == "|":
            yield "".join((*before, *_behind(after)))
            yield "".join((*_ahead(before), *after))


def _behind(pieces: list[str]) -> list[str]:
    """Leave out an alternative at the beginning."""
    depth = 0
    for place, piece in enumerate(pieces):
        if (piece == ")" and depth == 0) or (piece == "|" and depth == 0):
            return pieces[place:]
        depth += piece.startswith("(") - (piece == ")")
    return []


def _ahead(pieces: list[str]) -> list[str]:
    """Leave out an alternative at the end."""
    depth = 0
    for place in range(len(pieces) - 1, -1, -1):
        piece = pieces[place]
        if depth == 0 and (piece.startswith("(") or piece == "|"):
            return pieces[: place + 1]
        depth += (piece == ")") - piece.startswith("(")
    return []


def _compiles(pattern: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern)
    except re.error:
        return False
    return True
