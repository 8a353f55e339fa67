# SPDX-License-Identifier: GPL-2.0
"""What a suite of tests is, as its file says it (docs/suites.md). Data only.

A suite is of one kind, which says where its programs come from. All kinds share what they may want
of the kernel's config, of the guest and of the host.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

SELFTESTS = Path("tools/testing/selftests")
"""Where a kernel tree keeps its tests."""

TIMEOUT_S = 300.0
"""What a program is given: emulated, with a debug kernel, most of them take under 30 s."""

STRICT = ConfigDict(extra="forbid")

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Line = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\n]*$")]
Package = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
# The same, also from another suite of Debian than the guest's: "ethtool/forky".
GuestPackage = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+(/[a-z-]+)?$")]
Setting = Annotated[str, StringConstraints(pattern=r"^(CONFIG_\w+=[ym]|# CONFIG_\w+ is not set)$")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]+$")]
Machines = Annotated[int, Field(ge=1, le=2)]  # 2: with one at the other end of a cable
# A folder or file below another one, never beside it, and a file in a folder. None is hidden.
Below = Annotated[str, StringConstraints(pattern=r"^[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[\w+-][\w.+-]*$")]


@dataclass(frozen=True)
class Program:
    """A test program of the kernel tree."""

    __pydantic_config__ = STRICT

    name: FileName
    folder: Below  # below SELFTESTS, and of the installed tests
    timeout_s: Seconds = TIMEOUT_S
    ktap: bool = True  # False: prints no result lines, its exit status is all


@dataclass(frozen=True)
class Command:
    """A program of the user's own."""

    __pydantic_config__ = STRICT

    name: FileName
    command: Annotated[tuple[Line, ...], Field(min_length=1)]  # in the folder of the files
    timeout_s: Seconds = TIMEOUT_S
    ktap: bool = True


@dataclass(frozen=True)
class Library:
    """What programs of a tree are linked with where the host's own is too old: a Debian package."""

    __pydantic_config__ = STRICT

    package: Package
    suite: Annotated[str, StringConstraints(pattern=r"^[a-z-]+$")]  # of Debian


@dataclass(frozen=True)
class KnownFailure:
    """A test that fails, as known. test: "program" or "program: case", with * for anything.

    without: a program of this host; where it is there, the test is not expected to fail.
    """

    __pydantic_config__ = STRICT

    test: Line
    why: Line
    without: FileName | Literal[""] = ""


@dataclass(frozen=True, kw_only=True)
class _Common:
    """What suites of every kind may say."""

    __pydantic_config__ = STRICT

    title: Line  # for people
    covers: tuple[Line, ...] = ()  # globs of files of the kernel that it tests
    config: tuple[Line, ...] = ()  # fragments of configs/: promises of the kernel's config
    symbols: tuple[Setting, ...] = ()  # lines of a fragment, kept where the tree can
    packages: tuple[GuestPackage, ...] = ()  # of Debian, in the guest beside the usual ones
    memory_mib: Annotated[int, Field(ge=0, le=1 << 20)] = 0  # of the guest, at least
    timeout_s: Seconds = TIMEOUT_S  # of a program that says nothing else
    known_failures: tuple[KnownFailure, ...] = ()
    # Complaints of the kernel that its tests make on purpose: a text that a line of them holds.
    provokes: tuple[Line, ...] = ()
    host: tuple[FileName, ...] = ()  # programs of this host that it is built with
    hardware: str = ""  # that it tests: a virtual machine has none


@dataclass(frozen=True, kw_only=True)
class Kselftest(_Common):
    """Tests of the kernel tree, built and installed by its own Makefiles.

    programs: () for all that the targets list. variables: of make, for these targets. nics: how
    many queues the NIC has that each program gets, linked to another one; 0: it gets none.
    """

    kind: Literal["kselftest"]
    targets: Annotated[tuple[Below, ...], Field(min_length=1)]
    programs: tuple[Program, ...] = ()
    library: Library | None = None
    nics: Annotated[int, Field(ge=0, le=256)] = 0
    machines: Machines = 1
    variables: Mapping[str, str] = field(default_factory=dict)
    optional: bool = True  # what cannot be built on this host is left out; False: it is an error


@dataclass(frozen=True, kw_only=True)
class Kunit(_Common):
    """Tests in the kernel. tests: their Kconfig symbols, without CONFIG_."""

    kind: Literal["kunit"]
    tests: Annotated[tuple[Symbol, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Commands(_Common):
    """Programs of the user's own. files: that are put on the target, from the suite's folder."""

    kind: Literal["program"]
    programs: Annotated[tuple[Command, ...], Field(min_length=1)]
    files: tuple[Below, ...] = ()
    machines: Machines = 1


@dataclass(frozen=True, kw_only=True)
class Liburing(_Common):
    """The tests of liburing. source: a folder with its sources."""

    kind: Literal["liburing"]
    source: Line
    programs: tuple[FileName, ...] = ()  # (): all


@dataclass(frozen=True, kw_only=True)
class Generated(_Common):
    """Programs that one of our generators makes for what it finds in a tree."""

    kind: Literal["generated"]
    generator: Literal["zcrx"]
    extended_timeout_s: Seconds = TIMEOUT_S  # of those that take minutes


Kind = Annotated[Kselftest | Kunit | Commands | Liburing | Generated, Field(discriminator="kind")]


@dataclass(frozen=True)
class Suite:
    """Tests that are planned, run and reported together.

    name: of its file, or the words that made it ("kselftest/timers"). folder: that its relative
    paths start from.
    """

    name: str
    told: Kind
    folder: Path = Path(os.sep)
