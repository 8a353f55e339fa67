# SPDX-License-Identifier: GPL-2.0
"""Which versions of the kernel a Kconfig fragment, or a part of it, is for.

Written in its comments, and read from there:

    # kernels: 6.12 or later         before the first promise: for the whole fragment
    # only kernels: before 7.0       for the lines up to the next empty one

A range is `A`, `A or later`, `before B` or `A to B`, where B's stable releases are in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = r"(\d+\.\d+)"
_FORMS = (
    (re.compile(rf"{_VERSION} or later"), "from"),
    (re.compile(rf"before {_VERSION}"), "before"),
    (re.compile(rf"{_VERSION} to {_VERSION}"), "both"),
    (re.compile(_VERSION), "one"),
)
FORMS = "`6.12`, `6.12 or later`, `before 7.0` or `6.1 to 6.12`"

Number = tuple[int, int]


@dataclass(frozen=True)
class Range:
    """Versions from `first` on and before `end`; None: no bound. text: as it was written."""

    text: str
    first: Number | None
    end: Number | None

    def holds(self, version: str) -> bool:
        """Whether a kernel's version ("6.12.117", "6.13.0-rc1") is in it."""
        number = _number(version)
        return (self.first is None or number >= self.first) and (
            self.end is None or number < self.end
        )


def parse(text: str) -> Range | None:
    """Read a range; None when it is not one, or an empty one."""
    for form, kind in _FORMS:
        match = form.fullmatch(text)
        if match:
            numbers = [_number(group) for group in match.groups()]
            first = None if kind == "before" else numbers[0]
            end = {
                "from": None,
                "before": numbers[0],
                "both": _next(numbers[-1]),
                "one": _next(numbers[0]),
            }[kind]
            return Range(text, first, end) if not (first and end) or first < end else None
    return None


def _number(version: str) -> Number:
    """Take major and minor number of a version; its stable releases do not matter."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _next(number: Number) -> Number:
    return number[0], number[1] + 1
