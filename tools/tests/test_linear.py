# SPDX-License-Identifier: GPL-2.0
"""No regular expression that sees text of strangers takes longer than its text is long.

Each is given what makes such expressions slow: what they repeat themselves, over and over, and an
end that does not fit. A quadratic one would take minutes here, and is ended by the deadline.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import re._parser as parser  # type: ignore[import-not-found]
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import kseries.apply
import kseries.fetch
import kseries.series
import kseries.stacks
from kseries.apply import stage as apply
from kseries.kbuild import diagnostics
from kseries.lib import untrusted

SIZE = 100_000  # characters; the square of it takes minutes
DEADLINE_S = 50  # for what takes a tenth of a second on an idle machine

END = "\n \u00a1"
REPEATED = (" ", "a", "0", "\n", "a\n")
PIECES = (
    " ", "\n", "\n ", "\n\n", "\t", "a", "0", "1 ", "00:", "1:11 ", "[", "]", "[]", "[ ", "(", "<",
    "<a", "=?", "=?a?q?", "?=", "/", "0/", "0/0 ", "1of", "v1", "re:", ":", "a:", "-", "--",
    "-- \n",
    "-- \n ", "-- \na\n", "--- ", "+++ ", "'", '"', ",", "@", "a@", "#", ".", "..", "_", "From ",
    "From 1:11",
    "\nFrom ", "subject:", "subject:\n ", "\\", "| ", "error: ", "a.o: ",
)  # fmt: skip


@dataclass(frozen=True)
class Used:
    """An expression, and the ways in which its module uses it."""

    pattern: re.Pattern[Any]
    ways: tuple[str, ...]

    def on(self, text: str) -> None:
        data = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        for way in self.ways:
            if way == "sub":
                self.pattern.sub(data[:0], data)
            elif way == "finditer":
                deque(self.pattern.finditer(data), maxlen=0)
            else:
                getattr(self.pattern, way)(data)


def patterns() -> Iterator[tuple[str, Used]]:
    """Every compiled expression of the modules that read mails, patches and what git says."""
    for package in (kseries.series, kseries.stacks, kseries.apply, kseries.fetch):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield from _of(importlib.import_module(found.name))
    for module in (diagnostics, apply, untrusted):
        yield from _of(module)


def _of(module: Any) -> Iterator[tuple[str, Used]]:
    source = inspect.getsource(module)
    # Those of a table are used by the name of a variable.
    others = ["match"] if "pattern.match(" in source else ["search"]
    for name, value in vars(module).items():
        for place, one in enumerate(_flat(value)):
            ways = sorted(set(re.findall(rf"\b{name}\.(\w+)\(", source))) or others
            key = f"{module.__name__.removeprefix('kseries.')}.{name}.{place}"
            yield key, Used(one, tuple(ways))


def _flat(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _flat(item)


def examples(pattern: re.Pattern[Any]) -> list[str]:
    """Texts that begin as an expression wants it: for each of its parts what comes up to there."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    found = [""]
    _extend(tree, found)
    return list(dict.fromkeys(found))


def _extend(tree: Any, found: list[str]) -> str:
    """Add the beginnings of a text that fits to those found; give the text itself."""
    before = None
    for kind, value in tree:
        text = found[-1]
        if kind == before == parser.LITERAL:
            found[-1] = text + chr(value)  # of a word only the whole is of use
        elif kind in (parser.LITERAL, parser.NOT_LITERAL, parser.ANY, parser.IN):
            found.append(text + _character(kind, value))
        elif kind in (parser.MAX_REPEAT, parser.MIN_REPEAT, parser.POSSESSIVE_REPEAT):
            for _ in range(max(1, min(value[0], 8))):
                _extend(value[2], found)
        elif kind in (parser.SUBPATTERN, parser.ATOMIC_GROUP):
            _extend(value[-1] if kind == parser.SUBPATTERN else value, found)
        elif kind == parser.BRANCH:
            for branch in value[1]:
                found.append(text)
                _extend(branch, found)
        before = kind
    return found[-1]


def _character(kind: Any, value: Any) -> str:
    """One character that fits."""
    if kind == parser.LITERAL:
        return chr(value)
    if kind == parser.ANY:
        return "a"
    items = [(parser.NEGATE, None), (kind, value)] if kind == parser.NOT_LITERAL else value
    allowed = re.compile(_set(items))
    return next(char for char in "a1 -./:@\n\t_=?+,bBqQ\0" if allowed.match(char))


def _set(items: Any) -> str:
    text = ""
    for kind, value in items:
        if kind == parser.NEGATE:
            text += "^"
        elif kind in (parser.LITERAL, parser.NOT_LITERAL):
            text += re.escape(chr(value))
        elif kind == parser.RANGE:
            text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        else:
            text += {"CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
                     "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w",
                     "CATEGORY_NOT_WORD": r"\W"}[str(value)]  # fmt: skip
    return f"[{text}]"


ALL = dict(patterns())


@pytest.mark.timeout(DEADLINE_S)
@pytest.mark.parametrize("name", ALL)
def test_no_expression_is_slower_than_its_text_is_long(name: str) -> None:
    used = ALL[name]
    starts = examples(used.pattern)
    for piece in dict.fromkeys([*PIECES, *starts[1:]]):
        used.on(piece * (SIZE // len(piece)) + END)
    for start in starts:
        for piece in REPEATED:
            for end in (END, END[-1]):
                used.on(start + piece * (SIZE // len(piece)) + end)


def test_all_expressions_are_looked_at() -> None:
    assert len(ALL) > 40
