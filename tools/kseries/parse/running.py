# SPDX-License-Identifier: GPL-2.0
"""Which case of a program runs at which time, by the lines it prints as they come.

kselftest_harness.h says when a test begins. Other programs say only when one has ended: what
ran in between is then taken for the one that ended next, for tests run one after the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kseries.parse.ktapline import read
from kseries.parse.ktaptoken import Result, Text, Version

MAX_SPANS = 20_000

_RUN = re.compile(r"[# ]*# +RUN +(\S+) \.\.\.$")
_DONE = re.compile(r"[# ]*# +(?:OK|FAIL) +(\S+)$")


@dataclass(frozen=True)
class Span:
    """A case ran from `start` to `end`, in seconds on the monotonic clock."""

    name: str
    start: float
    end: float


class RunningCases:
    """Fed with each line of a program and its time of arrival."""

    def __init__(self, start: float) -> None:
        self._begun: dict[str, float] = {}
        self._spans: list[Span] = []
        self._since = start  # when nothing said to run began

    @property
    def running(self) -> tuple[str, ...]:
        """Cases that have said they begin and not yet that they have ended."""
        return tuple(self._begun)

    @property
    def ended(self) -> int:
        """How many cases have ended."""
        return len(self._spans)

    def feed(self, at: float, line: str) -> None:
        """Take the next line."""
        token = read(line)
        if isinstance(token, Version):
            self._since = at
        elif isinstance(token, Result) and token.certain:
            self._end(token.name, at)
        elif isinstance(token, Text) and token.diagnostic:
            if found := _RUN.match(token.text):
                self._begin(found[1], at)
            elif (found := _DONE.match(token.text)) and found[1] in self._begun:
                self._end(found[1], at)

    def spans(self, end: float) -> tuple[Span, ...]:
        """Give what ran when, in the order of ending; what still runs ends at `end`."""
        return (*self._spans, *(Span(name, at, end) for name, at in self._begun.items()))

    def _begin(self, name: str, at: float) -> None:
        if len(self._begun) < MAX_SPANS:
            self._begun[name] = at

    def _end(self, name: str, at: float) -> None:
        if self._spans and self._spans[-1].name == name and name not in self._begun:
            # The harness says it twice: `OK global.foo`, then `ok 1 global.foo`.
            return
        start = self._begun.pop(name, self._since)
        self._since = at
        if len(self._spans) < MAX_SPANS:
            self._spans.append(Span(name, start, at))
