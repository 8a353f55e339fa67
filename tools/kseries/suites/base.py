# SPDX-License-Identifier: GPL-2.0
"""What a suite is: programs, where they come from, and what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SELFTESTS = Path("tools/testing/selftests")
"""Where a kernel tree keeps its tests."""

TIMEOUT_S = 300.0
"""What a program is given: emulated, with a debug kernel, most of them take under 30 s."""


@dataclass(frozen=True)
class Program:
    """A test program of the kernel tree."""

    name: str  # of the file
    folder: str  # below SELFTESTS, and of the installed tests
    timeout_s: float = TIMEOUT_S
    ktap: bool = True  # False: prints no result lines, its exit status is all


@dataclass(frozen=True)
class Generated:
    """Test programs that we make for a tree.

    folder: where they belong, like `Program.folder`.
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
class Library:
    """What programs of a tree are linked with where the host's own is too old: a Debian package."""

    package: str
    suite: str  # of Debian


Generator = Callable[[Path, str], Generated | Unfit]
"""Looks at a tree and makes what fits it; takes the tree, and its lib.mk as make will see it."""


@dataclass(frozen=True)
class Suite:
    """Tests that are planned, run and reported together."""

    name: str
    about: str  # one line for people
    programs: tuple[Program, ...]  # of the tree
    targets: tuple[str, ...]  # TARGETS of the tree's kselftest that install them
    fragments: tuple[str, ...]  # names of Kconfig fragments a stack with it wants
    generate: Generator | None = None  # makes more programs
    reads: tuple[Path, ...] = ()  # all files of the tree that it looks at
    library: Library | None = None  # that its targets are linked with
    variables: Mapping[str, str] = field(default_factory=dict)  # of make, for its targets
    timeout_s: float = TIMEOUT_S  # of each generated program
    extended_timeout_s: float = TIMEOUT_S  # of those of them that take minutes
