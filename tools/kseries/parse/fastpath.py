# SPDX-License-Identifier: GPL-2.0
"""Lines that tell neither of a result nor of a complaint, found many at once.

Nearly all of a long log are such lines, and one match passes over thousands of them. A line that
these patterns leave out costs time, nothing else: it is then read by itself. They are not told
from lines that may hold a result behind other text: a match must end before the `next_result`.
"""

from __future__ import annotations

import re
from functools import cache

from kseries.parse import klogline, ktapline, stamps

# What terminals obey, carriage returns and other marks are for the readers of single lines.
_CONTROL = r"\x00-\x08\x0a-\x1f\x7f-\x9f\ufeff"
_NOT_EMPTY = r"(?=[# \t]*+[^# \t\n])"
_NO_RESULT = rf"{_NOT_EMPTY}(?!{ktapline.TELLING})"
_NOTHING = r"#\n"  # of what the runner passes through, an empty line
_COMPLAINT = rf"[ \t]*+(?:{klogline.TELLING}|{stamps.MORE})"
_TELLS_NOTHING = rf"{_NOT_EMPTY}(?!{ktapline.TELLING}|{_COMPLAINT})"
# Nearly all is of these, and a set of no others is looked up in a third of the time.
_LATIN = r"\t -~\xa0-\xff"
_OTHERS = rf"[^{_CONTROL}\x00-\xff]"
_REST = rf"[{_LATIN}]*+(?:{_OTHERS}[{_LATIN}]*+)*+"
_NO_BRACKET = r"[\t -Z\\-~\xa0-\xff]*+"
_TEXT = rf"{_NO_BRACKET}(?:(?:\[(?! *\d+\.\d{{6}} ?\])|{_OTHERS}){_NO_BRACKET})*+"
_NO_STAMP = rf"(?:(?=#)|(?!{stamps.BEGINS}))"
_NO_BARE_COMPLAINT = rf"(?:(?=#)|(?!{stamps.BEGINS}|{_COMPLAINT}))"
# A relay may leave more than one blank behind its stamp.
_NO_RELAYED_COMPLAINT = rf"(?:(?=#)|(?! *+{stamps.BEGINS}|{_COMPLAINT}))"


def next_result(block: str, at: int) -> int:
    """Give the place of the next line that may hold a result behind other text, or the end."""
    found = block.find("ok ", at)
    while found >= 0 and not block[found + 3 : found + 4].isdecimal():
        found = block.find("ok ", found + 3)
    return max(block.rfind("\n", at, found) + 1, at) if found >= 0 else len(block)


# Each takes milliseconds to compile, and no log needs all of them.


@cache
def messages(*, named: bool = False) -> re.Pattern[str]:
    """Give that of the kernel's, behind stamps of its own. named: as of `stamps.Style`."""
    any_of_them = rf"{stamps.PREFIX}{_TELLS_NOTHING}{_REST}\n"
    if named:
        return re.compile(rf"(?:{any_of_them})++")
    usual = rf"{stamps.SIMPLE}{_TELLS_NOTHING}{_REST}\n"
    return re.compile(rf"(?:{usual}|(?!{stamps.NO_MORE}){any_of_them})++")


@cache
def bare_messages() -> re.Pattern[str]:
    """Give that of the kernel's without stamps."""
    return re.compile(rf"(?:(?!{stamps.BEGINS}){_TELLS_NOTHING}{_TEXT}\n)++")


@cache
def output() -> re.Pattern[str]:
    """Give that of a program's."""
    return re.compile(rf"(?:{_NOTHING}|{_NO_RESULT}{_NO_STAMP}{_TEXT}\n)++")


@cache
def bare_output() -> re.Pattern[str]:
    """Give that of a program's or the kernel's, where nothing tells whose."""
    return re.compile(rf"(?:{_NOTHING}|{_NO_RESULT}{_NO_BARE_COMPLAINT}{_TEXT}\n)++")


@cache
def relayed_output() -> re.Pattern[str]:
    """Give the same behind the stamps of a relay."""
    return re.compile(rf"(?:{stamps.RELAYED}{_NO_RESULT}{_NO_RELAYED_COMPLAINT}{_TEXT}\n)++")
