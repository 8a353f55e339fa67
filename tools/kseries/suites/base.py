# SPDX-License-Identifier: GPL-2.0
"""What suites make for a tree, besides the programs that the tree has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """Test programs that we make for a tree.

    folder: where they belong, like that of a program of the tree.
    files: name of a file → its text, all that make needs, once it is told the tree's lib.mk.
    cases: name of a program → the cases it is going to report.
    extended: those of the programs that take minutes.
    found: what of the tree decided which programs these are, in a sentence for people.
    """

    folder: str
    files: Mapping[str, str]
    cases: Mapping[str, tuple[str, ...]]
    extended: frozenset[str] = frozenset()
    found: str = ""


@dataclass(frozen=True)
class Unfit:
    """A suite that a tree cannot be tested with, and why, in a sentence for people."""

    why: str


@dataclass(frozen=True)
class Generator:
    """Makes programs for a tree.

    make: takes the tree, and its lib.mk as make will see it. reads: all files of the tree that
    it looks at.
    """

    make: Callable[[Path, str], Made | Unfit]
    reads: tuple[Path, ...]
