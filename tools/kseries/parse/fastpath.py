# SPDX-License-Identifier: GPL-2.0
"""Lines that tell neither of a result nor of a complaint, found many at once.

Nearly all of a long log are such lines, and one match passes over thousands of them. A line that
these patterns leave out costs time, nothing else: it is then read by itself.
"""

from __future__ import annotations

import re
from functools import cache

from kseries.parse import klog, ktapline, stamps

# What terminals obey, carriage returns and other marks are for the readers of single lines.
_CONTROL = r"\x00-\x08\x0a-\x1f\x7f-\x9f\ufeff"
_NOT_EMPTY = r"(?=[# \t]*+[^# \t\n])"
_NO_GLUED = rf"(?![^\n]*{ktapline.TELLING_BEHIND})"
_NO_RESULT = rf"{_NOT_EMPTY}(?!{ktapline.TELLING}){_NO_GLUED}"
_COMPLAINT = rf"[ \t]*+(?:{klog.TELLING}|{stamps.MORE})"
_TELLS_NOTHING = rf"{_NOT_EMPTY}(?!{ktapline.TELLING}|{_COMPLAINT}){_NO_GLUED}"
_TEXT = rf"(?:[^{_CONTROL}\[]*+\[(?! *\d+\.\d{{6}}\]))*+[^{_CONTROL}\[]*+"
_NO_STAMP = rf"(?:(?=#)|(?!{stamps.BEGINS}))"
_NO_BARE_COMPLAINT = rf"(?:(?=#)|(?!{stamps.BEGINS}|{_COMPLAINT}))"

# Each takes milliseconds to compile, and no log needs all of them.


@cache
def messages(*, named: bool = False) -> re.Pattern[str]:
    """Give that of the kernel's, behind stamps of its own. named: as of `stamps.Style`."""
    stamp = stamps.PREFIX if named else rf"(?:{stamps.SIMPLE}|{stamps.PREFIX})"
    return re.compile(rf"(?:{stamp}{_TELLS_NOTHING}[^{_CONTROL}]*+\n)++")


@cache
def bare_messages() -> re.Pattern[str]:
    """Give that of the kernel's without stamps."""
    return re.compile(rf"(?:(?!{stamps.BEGINS}){_TELLS_NOTHING}{_TEXT}\n)++")


@cache
def output() -> re.Pattern[str]:
    """Give that of a program's."""
    return re.compile(rf"(?:{_NO_RESULT}{_NO_STAMP}{_TEXT}\n)++")


@cache
def bare_output() -> re.Pattern[str]:
    """Give that of a program's or the kernel's, where nothing tells whose."""
    return re.compile(rf"(?:{_NO_RESULT}{_NO_BARE_COMPLAINT}{_TEXT}\n)++")


@cache
def relayed_output() -> re.Pattern[str]:
    """Give the same behind the stamps of a relay."""
    return re.compile(rf"(?:{stamps.RELAYED}{_NO_RESULT}{_NO_BARE_COMPLAINT}{_TEXT}\n)++")
