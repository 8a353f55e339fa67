# SPDX-License-Identifier: GPL-2.0
"""Which lines of a C source a .config leaves out: `#ifdef CONFIG_X` and the like.

Only what the config decides is followed; what else stands in a condition may be true or not, and
then its lines count as compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Truth = bool | None  # None: not known

_DIRECTIVE = re.compile(
    r"\s*(?:#|%:)\s*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b(.*)", re.DOTALL
)
# What a comment begins with may stand in a string; one without an end goes on to that of its line.
_COMMENT = re.compile(
    r"""("(?:\\.|[^"\\\n])*+"?+|'(?:\\.|[^'\\\n])*+'?+)|//[^\n]*+|/\*.*?(?:\*/|\Z)""", re.DOTALL
)
_TOKEN = re.compile(
    r"(?:IS_ENABLED|IS_BUILTIN|IS_REACHABLE|defined)\s*\(\s*CONFIG_\w+\s*\)|defined\s+CONFIG_\w+"
    r"|&&|\|\||[!()]|[^\s!()&|]+|[&|]"
)
_ASKED = re.compile(r"(?:IS_ENABLED|IS_BUILTIN|IS_REACHABLE|defined)\b")
_SYMBOL = re.compile(r"CONFIG_(\w+)")
_ENDS = ("", "&&", "||", ")")  # what follows an operand that stands for itself
MAX_TOKENS = 200  # of one condition


@dataclass
class _Level:
    """An `#if`, up to its `#endif`. taken: whether one of its branches before was."""

    now: Truth
    taken: Truth
    symbols: set[str]  # of all its conditions so far


def left_out(text: str, values: Mapping[str, str]) -> dict[int, tuple[str, ...]]:
    """Give line → symbols of the conditions that leave it out, sorted. Lines count from 1."""
    found: dict[int, tuple[str, ...]] = {}
    levels: list[_Level] = []
    for line in _logical(text):
        match = _DIRECTIVE.match("".join(line.values()))
        if match:
            _follow(levels, match[1], match[2], values)
        elif any(level.now is False for level in levels):
            symbols = {name for level in levels if level.now is False for name in level.symbols}
            found |= dict.fromkeys(line, tuple(sorted(symbols)))
    return found


def tells(text: str) -> set[int]:
    """Give the lines that say more than white space, comments and conditions."""
    return {
        number
        for line in _logical(text)
        if not _DIRECTIVE.match("".join(line.values()))
        for number, part in line.items()
        if part.strip()
    }


def _logical(text: str) -> Iterator[dict[int, str]]:
    """Give the lines as the compiler reads them, each as the physical ones it is made of.

    Those that end in a backslash are put together, then comments are taken out.
    """
    pieces = []
    for line in text.removesuffix("\n").split("\n"):
        bare = line.rstrip()
        pieces.append(bare[:-1] if bare.endswith("\\") else f"{line}\n")
    plain = _COMMENT.sub(lambda found: found[1] or " " * len(found[0]), "".join(pieces))
    parts: dict[int, str] = {}
    at = 0
    for number, piece in enumerate(pieces, 1):
        parts[number] = plain[at : at + len(piece)]
        at += len(piece)
        if parts[number].endswith("\n"):
            yield parts
            parts = {}
    if parts:
        yield parts


def _follow(levels: list[_Level], word: str, said: str, values: Mapping[str, str]) -> None:
    if word in ("if", "ifdef", "ifndef"):
        truth = _asked(word, said, values)
        levels.append(_Level(truth, truth, set(_SYMBOL.findall(said))))
    elif levels and word == "endif":
        levels.pop()
    elif levels:
        level = levels[-1]
        truth = True if word == "else" else _asked(word, said, values)
        level.symbols |= set(_SYMBOL.findall(said))
        level.now = _and(_not(level.taken), truth)
        level.taken = _or(level.taken, truth)


def _asked(word: str, said: str, values: Mapping[str, str]) -> Truth:
    if not word.endswith("def"):
        return _truth(said, values)
    # What stands behind the name gives no more than a warning.
    match = _SYMBOL.match(said.strip())
    truth = None if match is None else values.get(match[1], "n") not in ("n", "m")
    return _not(truth) if word.endswith("ndef") else truth


def _truth(said: str, values: Mapping[str, str]) -> Truth:
    tokens = _TOKEN.findall(said)
    return None if len(tokens) > MAX_TOKENS else _Condition(tokens, values).truth()


@dataclass
class _Condition:
    """A condition, read from its front."""

    tokens: list[str]
    values: Mapping[str, str]

    def truth(self) -> Truth:
        found = self._any()
        return None if self.tokens else found

    def _any(self) -> Truth:
        found = self._all()
        while self._next() == "||":
            self.tokens.pop(0)
            found = _or(found, self._all())
        return found

    def _all(self) -> Truth:
        found = self._one()
        while self._next() == "&&":
            self.tokens.pop(0)
            found = _and(found, self._one())
        return found

    def _one(self) -> Truth:
        token = self.tokens.pop(0) if self.tokens else ""
        if token == "!":
            return _not(self._one())
        if token == "(":
            found = self._any()
            if self._next() == ")":
                self.tokens.pop(0)
            return found
        if token in ("0", "1"):
            return token == "1"
        symbol = _SYMBOL.search(token)
        if symbol and _ASKED.match(token):
            value = self.values.get(symbol[1], "n")
            return value not in ("n", "m") or (value == "m" and token.startswith("IS_ENABLED"))
        if symbol and token == symbol[0] and self._next() in _ENDS:
            return self._number(symbol[1])
        # Something else: what it is compared or called with is passed over.
        while self._next() not in _ENDS:
            if self.tokens.pop(0) == "(":
                self._any()
                if self._next() == ")":
                    self.tokens.pop(0)
        return None

    def _number(self, name: str) -> Truth:
        """Tell whether the number that a symbol stands for is another than 0."""
        value = self.values.get(name, "n")
        if value in ("y", "n", "m"):
            return value == "y"
        try:
            return int(value, 0) != 0
        except ValueError:
            return None

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _and(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return True if one and other else None


def _or(one: Truth, other: Truth) -> Truth:
    return _not(_and(_not(one), _not(other)))
