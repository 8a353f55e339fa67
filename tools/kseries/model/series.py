# SPDX-License-Identifier: GPL-2.0
"""A series of patches, and the stack that it is part of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kseries.model.source import NamedSource
from kseries.suite import Suite


@dataclass(frozen=True)
class Patch:
    """One mail of a series."""

    index: int  # its place in the series, from 1
    title: str  # subject without the [PATCH …] prefix
    author: str  # "Name <address>"
    message_id: str  # without <>; "" where the mail has none
    file: Path  # one mail in a file, as git am takes it
    sha256: str  # of that file


@dataclass(frozen=True)
class Prerequisite:
    """What the author says must stand below a series: "prerequisite-<kind>: <value>"."""

    kind: str  # "patch-id", "message-id", "change-id"
    value: str

    def __str__(self) -> str:
        """Give it as people call it."""
        return f"{self.kind} {self.value}"


@dataclass(frozen=True)
class Series:
    """Patches in order, from a folder, an mbox or an archive."""

    name: str
    title: str
    message_id: str  # of the cover letter (or first patch); "" where unknown
    version: int
    posted: int  # how many patches the series has where it was posted
    base: str  # what it was written against, for people
    requires: tuple[str, ...]  # names of series that must stand before it in a stack
    needs: tuple[str, ...]  # Kconfig symbols that must be on for it to do anything
    patches: tuple[Patch, ...]
    origin: str  # folder, file or message id it came from
    base_commit: str = ""  # the base-commit: trailer, a commit id of the author's repository
    prerequisites: tuple[Prerequisite, ...] = ()  # what its trailers say must stand below it
    for_sources: tuple[str, ...] = ()  # names (globs) of sources it is for; (): all
    trees: tuple[str, ...] = ()  # that its subject names, "net-next"
    notes: tuple[str, ...] = ()  # what a reader must know: versions and mails left out
    author: str = ""  # of the cover letter, else of the first patch
    link: str = ""  # to it in an archive; "" where that is not known


@dataclass(frozen=True)
class Stack:
    """A source, series in order, and a config; one of the series is under test (or none)."""

    name: str
    source: NamedSource
    series: tuple[Series, ...]
    under_test: str  # name of a series, "" for a plain tree
    fragments: tuple[Path, ...]  # Kconfig fragments, later ones win
    suites: tuple[Suite, ...]
    trusted: bool = False  # build without the sandbox
    incremental: bool = False  # the user vouches for all versions of it that are built here
    replaces: str = ""  # name of the series that the one under test takes the place of
    compiler: str = ""  # that it is built with; "": gcc
    whole: bool = True  # False: the series under test is cut, so what it brings may be missing
