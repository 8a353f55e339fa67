# SPDX-License-Identifier: GPL-2.0
"""How messages name things: some of many, and what could be meant by a name that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

CLOSE = 3


def few(names: Sequence[str], most: int, *, separator: str = ", ", what: str = "") -> str:
    """Give the first names, and say how many more there are. what: of these, for people."""
    more = f" and {len(names) - most} more {what}".rstrip() if len(names) > most else ""
    return f"{separator.join(names[:most])}{more}"


def hint(given: str, there: Sequence[str]) -> str:
    """Ask for those that are most like an unknown name, with a blank behind; "" for none."""
    close = difflib.get_close_matches(given, there, n=CLOSE)
    return f"did you mean {' or '.join(close)}? " if close else ""


def choices(given: str, there: Iterable[str]) -> str:
    """Say what could be meant instead of a name that is unknown."""
    names = sorted(there)
    return f"{hint(given, names)}there are: {', '.join(names)}" if names else "there are none"
