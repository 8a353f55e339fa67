# SPDX-License-Identifier: GPL-2.0
"""What an attack is, and what came of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attack.scene import Scene


class Kind(Enum):
    """Kinds of attacks, in the order of the table; each value is its heading."""

    GIT = "git on the host is made to run the series' code"
    LEFT = "what the build leaves where the host reads and writes"
    NAMES = "names in the tree that the host resolves"
    ESCAPE = "out of the sandbox"
    SURFACE = "system calls that a build does not need"
    LIMITS = "more than a share of the host"
    KEYS = "a series spoils what another one is judged by"
    MAILS = "hostile mails and series"
    REQUESTS = "hostile stacks and names"
    DOCUMENTS = "hostile documents"
    LOGS = "hostile logs"
    REPORTS = "injection into reports"
    GUESTS = "a test that is root in its guest"
    VERDICTS = "a pass that is none"


@dataclass(frozen=True)
class Attack:
    """One row of the table.

    tries: what it tries, to be read behind "The series ...".
    act: makes the input and starts the toolkit.
    may_pass: whether the toolkit may end with 0; where it may not, a 0 is a breach.
    refused: a regular expression; where the toolkit refuses the input (exit code 1 or 2) with
        words that match, the attack counts as attempted though its code never ran.
    rough: takes so much of the host that it is run on request only (`--rough`).
    real: needs the image of a real kernel, and is left out where none was built.
    """

    name: str
    kind: Kind
    tries: str
    act: Callable[[Scene], None]
    may_pass: bool = True
    refused: str = ""
    rough: bool = False
    real: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of an attack.

    attempted: whether the hostile part was really reached, or refused before.
    saw: what happened that must not happen; empty where the attack was contained.
    ends: exit codes of the toolkit, in order; None for one that had to be ended.
    """

    name: str
    kind: Kind
    attempted: bool
    saw: tuple[str, ...]
    seconds: float
    ends: tuple[int | None, ...] = ()

    @property
    def contained(self) -> bool:
        """Whether nothing happened that must not happen."""
        return not self.saw

    @property
    def good(self) -> bool:
        """Whether the attack was attempted and contained."""
        return self.attempted and self.contained
