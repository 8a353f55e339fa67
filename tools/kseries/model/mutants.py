# SPDX-License-Identifier: GPL-2.0
"""What became of deliberate faults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kseries.model.base import Seconds


class MutantFate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"  # a test noticed it, twice
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"  # listed as no fault, with the reason
    BROKEN = "broken"  # does not apply or build, so nothing is known
    UNTRIED = "not tried"


@dataclass(frozen=True)
class MutantResult:
    """What became of one mutant, and by what: "program: case", or a line of the kernel log."""

    name: str
    title: str
    rules: tuple[str, ...]
    fate: MutantFate
    by: tuple[str, ...]
    seconds: Seconds


@dataclass(frozen=True)
class GeneratedMutant:
    """A fault made by machine, behind a switch. number: of the switch, from 1.

    text: the line, stripped. change: "old → new", with a number behind it where a line of the
    function has the same change twice.
    """

    number: int
    file: str
    line: int
    within: str  # name of the function, or of the macro
    operator: str
    text: str
    change: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it apart, whatever lines are added above it."""
        return self.file, self.within, self.text, self.change


@dataclass(frozen=True)
class GeneratedResult:
    """What became of a generated mutant. by: what noticed it, or why nothing could.

    cases: how many come by it. once: what went red only once, and counts for nothing.
    """

    mutant: GeneratedMutant
    fate: MutantFate
    by: tuple[str, ...] = ()
    cases: int = 0
    seconds: Seconds = 0.0
    once: tuple[str, ...] = ()
