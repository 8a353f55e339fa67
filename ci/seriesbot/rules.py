# SPDX-License-Identifier: GPL-2.0
"""Which series are taken: the operator's rules, the first that fits decides, with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool, TypeAdapter

from kseries.lib import tomlfile
from seriesbot.config import Name, Pattern, Text

NAMED = 8  # rules that are told of a series that none takes

_WORDS = re.compile(r"[\s,/]+")


@dataclass(frozen=True)
class Rule:
    """A rule. It fits when each of its conditions does; of a condition one of its values has to.

    paths: globs of files that the series changes ("io_uring/*" is all below). lists: globs of
    names of inboxes, or of addresses in To and Cc. prefixes: words in the brackets of the subject.
    keywords: what stands in titles or messages. senders: globs of addresses. arguments: more for
    `kseries run`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: Name
    take: StrictBool = True
    paths: tuple[Text, ...] = ()
    lists: tuple[Pattern, ...] = ()
    prefixes: tuple[Pattern, ...] = ()
    keywords: tuple[Pattern, ...] = ()
    senders: tuple[Pattern, ...] = ()
    arguments: tuple[Text, ...] = ()


@dataclass(frozen=True)
class RulesFile:
    """What rules.toml may say."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    rule: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()


@dataclass(frozen=True)
class Facts:
    """What rules look at. lists: inboxes and addresses, in lower case, as prefixes and sender."""

    paths: Sequence[str]
    lists: Sequence[str]
    prefixes: Sequence[str]
    texts: Sequence[str]  # titles and messages
    sender: str


@dataclass(frozen=True)
class Ruling:
    """Whether a series is taken, by which rule, and why."""

    take: bool
    reason: str
    rule: Rule | None = None


_FILE: TypeAdapter[RulesFile] = TypeAdapter(RulesFile)


def read(file: Path) -> tuple[Rule, ...]:
    """Read the rules. Raises UserError for mistakes, each with its line."""
    if not file.exists():
        return ()
    told = tomlfile.read(file, _FILE, what="rules").rule
    seen: set[str] = set()
    for place, rule in enumerate(told):
        if rule.name in seen:
            line = tomlfile.line_of(file, "rule", place, "name")
            text = f"there are two rules '{rule.name}'"
            raise tomlfile.mistake(file, "rules", [(line, text)])
        seen.add(rule.name)
    return told


def prefixes_of(subjects: Iterable[str]) -> tuple[str, ...]:
    """Give the words in the brackets that lead subjects, in lower case."""
    found = []
    for subject in subjects:
        while match := re.match(r"\s*+\[([^\]]*+)\]", subject):
            found += [word.casefold() for word in _WORDS.split(match[1]) if word]
            subject = subject[match.end() :]
    return tuple(dict.fromkeys(found))


def decide(rules: Sequence[Rule], facts: Facts) -> Ruling:
    """Decide whether a series is taken."""
    if not rules:
        return Ruling(False, "there are no rules, so nothing is taken")
    passed = []
    for rule in rules:
        fits, why = _fit(rule, facts)
        if fits:
            what = "takes it" if rule.take else "leaves it out"
            return Ruling(rule.take, f"rule {rule.name} {what}: {why}", rule)
        passed.append(f"{rule.name}: {why}")
    more = len(passed) - NAMED
    told = "; ".join(passed[:NAMED]) + (f"; and {more} more" if more > 0 else "")
    return Ruling(False, f"no rule takes it ({told})")


def _fit(rule: Rule, facts: Facts) -> tuple[bool, str]:
    """Tell whether a rule fits, and by what; or the first of its conditions that does not."""
    matched = []
    for what, wanted, there, fits in (
        ("paths", rule.paths, facts.paths, fnmatchcase),
        ("lists", rule.lists, facts.lists, fnmatchcase),
        ("prefixes", rule.prefixes, facts.prefixes, _is),
        ("keywords", rule.keywords, facts.texts, _holds),
        ("senders", rule.senders, (facts.sender,), fnmatchcase),
    ):
        if not wanted:
            continue
        pair = _first(wanted, there, fits)
        if pair is None:
            return False, f"none of its {what} fits"
        value, pattern = pair
        shown = f"{value} ({what}: {pattern})" if fits is fnmatchcase else f"{what}: {pattern}"
        matched.append(shown)
    return True, ", ".join(matched) or "it takes all"


def _first(
    wanted: Iterable[str], there: Sequence[str], fits: Callable[[str, str], bool]
) -> tuple[str, str] | None:
    pairs = ((value, pattern) for pattern in wanted for value in there)
    return next((pair for pair in pairs if fits(*pair)), None)


def _is(value: str, wanted: str) -> bool:
    return value == wanted


def _holds(text: str, word: str) -> bool:
    return word in text.casefold()
