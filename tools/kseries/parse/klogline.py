# SPDX-License-Identifier: GPL-2.0
"""A single message of the kernel's: whether it begins or ends a complaint. Pure."""

from __future__ import annotations

import re
from functools import cache

from kseries.parse import klogskim, stamps
from kseries.parse.klogrule import Rule
from kseries.parse.klogtable import RULES

MARK = "kseries: "  # what we write into the log ourselves

# A console that another processor takes over in the middle of a line prints that once more, behind
# what is there of it (kernel/printk/nbcon.c).
_AGAIN = re.compile(rf"(.{{1,200}}?){stamps.STAMP}(?=\1)")
# Looked for at all of them, reading a boot log would take a third longer. These begin most titles.
_BROKEN = rf"[BIKOUWg][^\[\n]{{0,100}}+{stamps.PRINTK}"

# Most lines match no rule: one look at all of them at once is many times faster.
_RULED = klogskim.skimming(RULES)

# The beginning of any message that `klog.Reader` does more with than to pass over it, also in a
# block of lines, where "$" is the end of each.
TELLING = rf"(?m:{_RULED})|-{{5}}-*+\[ cut here|8<--- cut|={{20}}|{MARK}|{_BROKEN}"


# Both take 20 milliseconds to compile, and most commands read no log.
@cache
def telling() -> re.Pattern[str]:
    """Give a pattern that matches a message which is TELLING."""
    return re.compile(rf"\s*+(?:{TELLING})")


@cache
def _any_rule() -> re.Pattern[str]:
    return re.compile("|".join(f"({rule.pattern})" for rule in RULES))


def once(text: str) -> str:
    """Give a message without a beginning of it that stands before it, with its stamp."""
    again = _AGAIN.match(text)
    return text[again.end() :] if again else text


def rule_of(text: str) -> Rule | None:
    """Give the rule that a message begins a complaint by; None for any other."""
    if not telling().match(text):
        return None
    found = _any_rule().match(text.lstrip())
    number = found.lastindex if found else None
    return RULES[number - 1] if number else None
