# SPDX-License-Identifier: GPL-2.0
"""Lines that tell neither of a result nor of a complaint, found many at once.

Nearly all of a long log are such lines, and one match passes over thousands of them. A line that
these patterns leave out costs time, nothing else: it is then read by itself.
"""

from __future__ import annotations

import re

from kseries.results import klog, ktapline, stamps

# What terminals obey, carriage returns and other marks are for the readers of single lines.
_CONTROL = r"\x00-\x08\x0a-\x1f\x7f-\x9f\ufeff"
_NOT_EMPTY = r"(?=[# \t]*+[^# \t\n])"
_NO_RESULT = rf"{_NOT_EMPTY}(?!{ktapline.TELLING})(?![^\n]*{ktapline.TELLING_BEHIND})"
_NO_COMPLAINT = rf"(?![ \t]*+(?:{klog.TELLING}))"
_NO_STAMP = rf"(?!{stamps.BEGINS})(?:[^{_CONTROL}\[]*+\[(?! *\d+\.\d{{6}}\]))*+[^{_CONTROL}\[]*+"

MESSAGES = re.compile(rf"(?:{stamps.PREFIX}{_NO_RESULT}{_NO_COMPLAINT}[^{_CONTROL}]*+\n)++")
"""The kernel's, behind stamps of its own."""

BARE_MESSAGES = re.compile(rf"(?:{_NO_RESULT}{_NO_COMPLAINT}{_NO_STAMP}\n)++")
"""The kernel's without time stamps."""

OUTPUT = re.compile(rf"(?:{_NO_RESULT}{_NO_STAMP}\n)++")
"""A program's."""

BARE_OUTPUT = re.compile(rf"(?:{_NO_RESULT}(?:(?=#)|{_NO_COMPLAINT}){_NO_STAMP}\n)++")
"""A program's or the kernel's, where nothing tells whose."""

RELAYED_OUTPUT = re.compile(
    rf"(?:{stamps.RELAYED}{_NO_RESULT}(?:(?=#)|{_NO_COMPLAINT}){_NO_STAMP}\n)++"
)
"""The same behind the stamps of a relay."""
