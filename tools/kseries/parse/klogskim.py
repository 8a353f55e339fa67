# SPDX-License-Identifier: GPL-2.0
"""One regular expression for the first line of any complaint, made of the table.

Nearly no line is one, so it must fail fast. Python tries the branches of an alternation one after
the other, but passes over those whose first character is another one in no time. So groups at the
start of a pattern are opened, and what begins with the same character is put into one branch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kseries.parse.klogrule import PROCESS, Rule

_REPEATED = ("*", "+", "?", "{")
_LITERAL = re.compile(r"(?:[\w<=-]|\\[\[(*.])(?![*+?{])")

_ONE_OF_TWO = re.compile(r"\[\w{2}\](?![*+?{])")

# Names of tasks and devices end with a colon, "cat: ", "(sd-pam): ", "kworker/0:1: ",
# "foo 0000:00:19.0 eth0: "; a process has its number, "cat(12): ".
_NAME = r"[^\n:(]{0,100}+"
_IN_BRACKETS = r"(?:\([^\n:(]{0,60}+)?+"
_MORE = r"\d[\w.:/-]{0,11}(?: \w{1,15})?: "


def skimming(rules: Iterable[Rule]) -> str:
    """Give a pattern that matches wherever that of a rule does, and seldom elsewhere."""
    rules = list(rules)
    opened = [each for rule in rules for each in opened_up(rule.pattern)]
    behind = joined(rule.behind for rule in rules if rule.behind)
    died = joined(each.removeprefix(PROCESS) for each in opened if each.startswith(PROCESS))
    known = joined(each for each in opened if begins_known(each) and not each.startswith(PROCESS))
    named = rf"{_IN_BRACKETS}:(?: (?:{behind})|{_MORE}(?:{behind}))"
    return rf"{known}|{_NAME}(?:\((?:pid )?\d{{1,9}}\): (?:{died})|{named})"


def joined(patterns: Iterable[str]) -> str:
    """Give a pattern that matches where one of these does."""
    branches: dict[str, list[str]] = {}
    others: list[str] = []
    for pattern in dict.fromkeys(patterns):
        first = _first(pattern)
        if first:
            branches.setdefault(first, []).append(pattern.removeprefix(first))
        else:
            others.append(f"(?:{pattern})")
    return "|".join([*(f"{key}(?:{'|'.join(rests)})" for key, rests in branches.items()), *others])


def begins_known(pattern: str) -> bool:
    """Whether it begins with a process, a character that is known, or one of two: "[Kk]"."""
    return pattern.startswith(PROCESS) or bool(_first(pattern) or _ONE_OF_TWO.match(pattern))


def _first(pattern: str) -> str:
    """Give the character that a pattern begins with, as it is written; "" where it may be any."""
    found = _LITERAL.match(pattern)
    return found[0] if found else ""


def opened_up(pattern: str) -> list[str]:
    """Give patterns without a group at their start that together match what this one does."""
    if not pattern.startswith("(?:"):
        return [pattern]
    branches, rest = _group(pattern)
    optional = rest.startswith("?")
    if rest.startswith(_REPEATED) and (not optional or rest[1:].startswith(_REPEATED)):
        return [pattern]
    rest = rest[optional:]
    found = [f"{branch}{rest}" for branch in branches] + [rest] * optional
    return [each for one in found for each in opened_up(one)]


def _group(pattern: str) -> tuple[list[str], str]:
    """Take the group at the start of a pattern apart: its branches, and what follows it."""
    branches, depth, in_class = [], 1, False
    begin = at = len("(?:")
    while depth:
        char = pattern[at]
        if char == "\\":
            at += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "|" and depth == 1:
            branches.append(pattern[begin:at])
            begin = at + 1
        at += 1
    return [*branches, pattern[begin : at - 1]], pattern[at:]
