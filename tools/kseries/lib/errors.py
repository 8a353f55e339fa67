# SPDX-License-Identifier: GPL-2.0
"""The ways a run can end badly. Caught once, in the command line.

Exit codes, everywhere: 0 pass, 1 a test or check of the series failed, 2 usage,
3 the infrastructure was lost.
"""

from __future__ import annotations

from typing import ClassVar


class KseriesError(Exception):
    """What happened, where, and what to do next.

    what: one sentence.
    where: file and line, command or machine it happened at; may span lines.
    do: the next step for the reader.
    """

    exit_code: ClassVar[int]

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.do = do

    def __str__(self) -> str:
        """Render the three parts, the empty ones left out, one paragraph each."""
        parts = [" ".join(self.what.splitlines())]
        if self.where:
            parts.append(f"  where: {_indent(self.where)}")
        if self.do:
            parts.append(f"  do:    {_indent(self.do)}")
        return "\n".join(parts)


class CheckFailed(KseriesError):
    """The series under test does not pass a stage: a result, not an accident."""

    exit_code = 1


class UserError(KseriesError):
    """The request cannot be carried out as given; the user can fix it."""

    exit_code = 2


class InfraError(KseriesError):
    """Host, network, tool or machine failed: says nothing about the series."""

    exit_code = 3


class Interrupted(BaseException):
    """Ended from outside by a signal. No `except Exception` may swallow it.

    Exit code 3: the run says nothing about the series.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, signal_name: str) -> None:
        super().__init__(f"interrupted by {signal_name}")
        self.signal_name = signal_name


def _indent(text: str) -> str:
    return text.rstrip("\n").replace("\n", "\n         ")
