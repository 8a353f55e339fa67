# SPDX-License-Identifier: GPL-2.0
"""What a line of KTAP can be.

`prefix` is what stands before it and nests; a tab in it has become two blanks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kseries.model import Status


@dataclass(frozen=True)
class Version:
    """`KTAP version 1`, `TAP version 13`."""

    prefix: str


@dataclass(frozen=True)
class Plan:
    """`1..N`; `skipped` holds the reason of `1..0 # SKIP reason`, None without it."""

    prefix: str
    count: int
    skipped: str | None = None


class Result(NamedTuple):
    """`ok 1 name # SKIP reason`, or `selftests: name [SKIP]`.

    A tuple, as there may be a million of them. certain: numbered or dashed, so no ordinary
    sentence. hides_failure: two programs wrote into the line, and behind the one's result stands
    a `not ok 2` of the other.
    """

    prefix: str
    number: int | None
    name: str
    status: Status
    directive: str
    text: str  # behind the `#` and the directive
    certain: bool
    hides_failure: bool = False
    closing: bool = False  # the old runner's, about all that came since its last one


@dataclass(frozen=True)
class Subtest:
    """`# Subtest: name`. The prefix is that of the results to come; TAP 14 leaves out a level."""

    prefix: str
    name: str


@dataclass(frozen=True)
class Announced:
    """`selftests: name`: the old runner begins a program, if a line of `=` follows."""

    prefix: str
    name: str


@dataclass(frozen=True)
class Bail:
    """`Bail out! reason`."""

    prefix: str
    reason: str


@dataclass(frozen=True)
class Totals:
    """`# Totals: pass:1 fail:0 …`; the prefix is that of the results it counts."""

    prefix: str
    counts: tuple[tuple[str, int], ...]

    @property
    def bad(self) -> bool:
        """Whether it tells of a failure."""
        return any(count and key in ("fail", "error") for key, count in self.counts)


@dataclass(frozen=True)
class Counts:
    """`Pass 2 Fail 0 Xfail 0 …`: how kselftest.h ended before 5.8, with a plan behind it.

    Of programs that count and print no results, that plan is no plan.
    """

    prefix: str
    total: int
    bad: int


class Text(NamedTuple):
    """Anything else: a diagnostic (`# …`), or noise. `glued`: a result that may end the line."""

    prefix: str
    text: str
    diagnostic: bool
    glued: Result | None = None


Token = Version | Plan | Subtest | Result | Announced | Bail | Totals | Counts | Text
