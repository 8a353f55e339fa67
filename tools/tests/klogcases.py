# SPDX-License-Identifier: GPL-2.0
"""Complaints of the kernel, one of each kind and architecture, and what is right about them.

The lines are made by hand, as the source of the kernel says that it prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "data" / "klogs"


@dataclass(frozen=True)
class KlogCase:
    """Lines of a complaint, without stamps. where: the function that it is charged to."""

    name: str
    kind: str
    where: str
    lines: list[str] = field(default_factory=list, compare=False)


def complaints(file: Path = FOLDER / "complaints.txt") -> list[KlogCase]:
    """Read cases: a head "### name | kind | where", then the lines."""
    cases: list[KlogCase] = []
    for line in file.read_text().splitlines():
        if line.startswith("### "):
            name, kind, where = (word.strip() for word in line[4:].split("|"))
            cases.append(KlogCase(name, kind, where))
        else:
            cases[-1].lines.append(line)
    return cases


def healthy() -> list[str]:
    """Give what kernels say that have no fault, in words that sound like one."""
    return (FOLDER / "healthy.txt").read_text().splitlines()
