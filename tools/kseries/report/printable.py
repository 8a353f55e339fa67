# SPDX-License-Identifier: GPL-2.0
"""What others wrote, made harmless before it is shown: the one place that does so.

Names of tests, titles of patches, lines of logs, whole documents come from whom we test, or from
somebody who sent them. Each report takes what it shows through `printable` first, so no line of a
report has to think of it: every text is then one line without anything that a terminal obeys.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from kseries.parse.ktapline import MAX_LINE
from kseries.report.words import plain

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

# Fields that hold text of several lines: the message of an error. All other text is one line.
_OF_LINES = frozenset({"message"})

# By type, what makes a value harmless, as far as it was needed: a document has a million values.
_MAKERS: dict[type, Callable[[object], object] | None] = {}


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
    if kind not in _MAKERS:
        _MAKERS[kind] = _maker(kind)
    make = _MAKERS[kind]
    return make(value) if make is not None else value


def _maker(kind: type) -> Callable[[object], object] | None:
    """Give what makes values of a type harmless; None where they hold no text."""
    if issubclass(kind, tuple):
        return _row
    if issubclass(kind, Mapping):
        return _mapping
    return _record if is_dataclass(kind) else None


def _row(value: object) -> object:
    row = cast(tuple[object, ...], value)
    if not row:
        return row
    made = _lines(row) if type(row[0]) is str else None
    items = made or tuple([_item(item) for item in row])
    return row if all(map(operator.is_, items, row)) else items


def _lines(row: tuple[object, ...]) -> tuple[object, ...] | None:
    """Give lines made harmless; None where more than tabs is harmful, which is seldom."""
    lines = cast(tuple[str, ...], row)
    try:
        text = "".join(lines)
    except TypeError:  # not all of them are text
        return None
    if "\t" in text:
        lines = tuple([line.expandtabs() if "\t" in line else line for line in lines])
        text = text.replace("\t", "")
    harmless = text.isascii() and text.isprintable() and max(map(len, lines)) <= MAX_LINE
    return lines if harmless else None


def _mapping(value: object) -> object:
    items = cast(Mapping[object, object], value).items()
    return {_made(key): _made(item) for key, item in items}


def _record(value: object) -> object:
    record = cast("DataclassInstance", value)
    changed = {}
    for name in record.__dataclass_fields__:
        old = getattr(record, name)
        if old and (new := _field(name, old)) is not old:
            changed[name] = new
    return replace(record, **changed) if changed else record


def _field(name: str, value: object) -> object:
    if name in _OF_LINES and type(value) is str:
        return printable_lines(value)
    return _made(value)


def _item(value: object) -> object:
    """Make an element of a row harmless; texts in a row are lines."""
    return _line(value) if type(value) is str else _made(value)


def _line(text: str) -> str:
    return plain(text.expandtabs() if "\t" in text else text, MAX_LINE)
