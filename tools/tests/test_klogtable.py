# SPDX-License-Identifier: GPL-2.0
"""Each line of the table of complaints is alive, and says where it was taken from."""

from __future__ import annotations

import re

import pytest

from kseries.parse import klog
from kseries.parse.klogrule import Role, Rule
from kseries.parse.klogtable import RULES
from tests.stampkinds import KERNEL


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.pattern[:40])
def test_each_rule_decides_about_its_example(rule: Rule) -> None:
    first = next(other for other in RULES if re.match(other.pattern, rule.example))
    assert first is rule
    (event,) = klog.events([(0.0, KERNEL["printk"].format(rule.example))])
    assert event.kind is rule.kind
    assert event.lines == (rule.example,)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.pattern[:40])
def test_each_rule_says_which_file_of_the_kernel_prints_it(rule: Rule) -> None:
    assert re.search(r"\b(?:arch|fs|kernel|lib|mm|net)/[\w/*.-]+|^printed by programs", rule.source)
    assert re.compile(rule.pattern).groups == 0
    assert not re.match(rule.pattern, "")


def test_no_rule_is_there_twice() -> None:
    assert len({rule.pattern for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.pattern[:40])
def test_no_rule_takes_long(rule: Rule) -> None:
    """None takes more than linear time, whatever follows what it begins with."""
    begin = re.split(r"[^\w ]", rule.example)[0]
    for filling in ("a", " ", ": ", "a: ", "[", "[#", "(", "/", "0", "at ", "\t", begin or "x"):
        text = begin + filling * (100_000 // len(filling))
        re.match(rule.pattern, text)


def test_headers_follow_faults() -> None:
    for fault in (rule for rule in RULES if rule.role is Role.FAULT):
        for header in (rule for rule in RULES if rule.role is Role.HEADER):
            lines = [(0.0, fault.example), *[(0.0, "text")] * 9, (0.0, header.example)]
            together = (fault.kind.value == "leak") is (header.kind.value == "leak")
            assert len(klog.events(lines)) == 2 - together, (fault.example, header.example)
