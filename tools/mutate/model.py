# SPDX-License-Identifier: GPL-2.0
"""The values that pass between the parts of a mutation run."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replace the bytes start to end of a source file."""

    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Give the source with the change."""
        return source[: self.start] + self.text.encode() + source[self.end :]


@dataclass(frozen=True)
class Mutant:
    """One fault in one module.

    module: path below tools/kseries. within: qualified name of the function or class, "" for the
    module. line: the number of the first line that changes, from 1. text: that line, stripped.
    change: "old → new". names: those, of the module or of a class, whose value changes, none inside
    of functions.
    body: lines (first, last) of what the function around it does, None outside of functions.
    """

    module: str
    within: str
    line: int
    text: str
    operator: str
    change: str
    edit: Edit
    names: tuple[str, ...] = ()
    body: tuple[int, int] | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it apart, whatever lines are added above it."""
        return self.module, self.within, self.text, self.change


class Fate(enum.StrEnum):
    """What became of a mutant."""

    KILLED = "killed"  # a test failed
    SURVIVED = "survived"  # every test that runs its line passed
    TIMEOUT = "timeout"  # the tests did not end: noticed, too
    EQUIVALENT = "equivalent"  # listed as no fault; not run


@dataclass(frozen=True)
class Outcome:
    """A mutant and what became of it. by: the test that failed. tests: how many could be run."""

    mutant: Mutant
    fate: Fate
    by: str = ""
    tests: int = 0
    why: str = ""
