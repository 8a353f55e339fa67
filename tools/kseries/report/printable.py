# SPDX-License-Identifier: GPL-2.0
"""What others wrote, made harmless before it is shown: the one place that does so.

Names of tests, titles of patches, lines of logs, whole documents come from whom we test, or from
somebody who sent them. Each report takes what it shows through `printable` first, so no line of a
report has to think of it: every text is then one line without anything that a terminal obeys.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import TypeVar, cast

from kseries.parse.ktapline import MAX_LINE
from kseries.report.words import plain

T = TypeVar("T")

# Fields that hold text of several lines: the message of an error. All other text is one line.
_OF_LINES = frozenset({"message"})


def printable(value: T) -> T:
    """Give the same with all text in it harmless; what is harmless already stays the same object.

    It goes through frozen dataclasses, tuples and mappings.
    """
    return cast(T, _made(value))


def printable_lines(text: str) -> str:
    """Give text of several lines as harmless ones."""
    return "\n".join(map(_line, text.split("\n")))


def _made(value: object) -> object:
    kind = type(value)
    if kind is str:
        return plain(cast(str, value))
    if isinstance(value, tuple):
        items = tuple(map(_item, value))
        return value if all(map(operator.is_, items, value)) else items
    if isinstance(value, Mapping):
        return {_made(key): _made(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            name: new
            for name in value.__dataclass_fields__
            if (new := _field(name, old := getattr(value, name))) is not old
        }
        return replace(value, **changed) if changed else value
    return value


def _field(name: str, value: object) -> object:
    if name in _OF_LINES and type(value) is str:
        return printable_lines(value)
    return _made(value)


def _item(value: object) -> object:
    """Make an element of a row harmless; texts in a row are lines."""
    return _line(value) if type(value) is str else _made(value)


def _line(text: str) -> str:
    return plain(text.expandtabs() if "\t" in text else text, MAX_LINE)
