# SPDX-License-Identifier: GPL-2.0
"""The one expression for the first line of any complaint, and how it is made of the table."""

from __future__ import annotations

import re

import pytest

from kseries.model import EventKind
from kseries.parse.klogrule import PROCESS, Ending, Rule
from kseries.parse.klogskim import begins_known, joined, opened_up, skimming


def rule(pattern: str, behind: str = "") -> Rule:
    return Rule(EventKind.BUG, Ending.LINE, pattern, "", "", behind=behind)


@pytest.mark.parametrize(
    ("pattern", "opened"),
    [
        ("ab", ["ab"]),
        ("a(?:b|c)", ["a(?:b|c)"]),
        ("(?:a|b)c", ["ac", "bc"]),
        ("(?:a)?b", ["ab", "b"]),
        ("(?:a|b)?c?", ["ac?", "bc?", "c?"]),
        ("(?:a)*b", ["(?:a)*b"]),
        ("(?:a)+b", ["(?:a)+b"]),
        ("(?:a){2}b", ["(?:a){2}b"]),
        ("(?:a)?+b", ["(?:a)?+b"]),
        ("(?:a)??b", ["(?:a)??b"]),
        ("(?:a)?b*", ["ab*", "b*"]),
        ("(?:(?:a|b)c|d)e", ["ace", "bce", "de"]),
        ("(?:a(?:b|c)|d)e", ["a(?:b|c)e", "de"]),
        (r"(?:[)|(]a|b)c", ["[)|(]ac", "bc"]),
        (r"(?:\)|\|a|\(b)c", [r"\)c", r"\|ac", r"\(bc"]),
        (r"(?:a\[|b)c", [r"a\[c", "bc"]),
        ("(?:)a", ["a"]),
        ("(?:a)", ["a"]),
    ],
)
def test_groups_at_the_start_are_opened(pattern: str, opened: list[str]) -> None:
    assert opened_up(pattern) == opened


@pytest.mark.parametrize(
    ("patterns", "one"),
    [
        (["ab", "ac", "b"], "a(?:b|c)|b(?:)"),
        (["ab", "ab"], "a(?:b)"),
        (["[x]y", "ab"], "a(?:b)|(?:[x]y)"),
        (["a?b"], "(?:a?b)"),
        (["a*b", "a+b", "a{2}b"], "(?:a*b)|(?:a+b)|(?:a{2}b)"),
        ([r"\[b", r"\(b", r"\w"], r"\[(?:b)|\((?:b)|(?:\w)"),
        ([" b"], "(?: b)"),
        (["<b", "=b", "-b"], "<(?:b)|=(?:b)|-(?:b)"),
        ([], ""),
    ],
)
def test_what_begins_alike_is_one_branch(patterns: list[str], one: str) -> None:
    assert joined(patterns) == one


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("ab", True),
        (r"\[b", True),
        ("[Kk]b", True),
        (f"{PROCESS}b", True),
        ("[Kkb]b", False),
        ("[Kk]?b", False),
        (r"\wb", False),
        ("a?b", False),
        (" [Kk]b", False),
        (f" {PROCESS}", False),
    ],
)
def test_how_a_pattern_begins(pattern: str, known: bool) -> None:
    assert begins_known(pattern) is known


def test_any_first_line_matches() -> None:
    rules = [
        rule("(?:abc|bcd) x"),
        rule("[Kk]ernel y"),
        rule(rf"(?:{PROCESS})?Oops z"),
        rule(rf"{PROCESS}Died w"),
        rule(r"\w{1,20}: lost", behind="lost"),
        rule(r"(?:\S+: )?gone$", behind="gone"),
    ]
    skim = re.compile(skimming(rules))
    for line in (
        "abc x",
        "bcd x",
        "Kernel y",
        "kernel y",
        "Oops z",
        "cat(12): Oops z",
        "cat (pid 12): Oops z",
        "cat(12): Died w",
        "eth0: lost",
        "eth0: gone",
        "(sd-pam): lost",
        "kworker/0:1: lost",
        "foo 0000:00:19.0 eth0: gone",
    ):
        assert skim.match(line), line
    for line in (
        "abc y",
        "cernel y",
        "cat(x): Oops z",
        "eth0 lost",
        "eth0: cat: lost",
        "x gone",
        "",
    ):
        assert not skim.match(line), line
