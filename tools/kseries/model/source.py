# SPDX-License-Identifier: GPL-2.0
"""Kernel sources, and what is imported of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from kseries.model.base import STRICT


@dataclass(frozen=True)
class DebianSource:
    """A Debian source package of the kernel: the installed one, else downloaded through apt."""

    __pydantic_config__ = STRICT

    kind: Literal["debian"]
    package: str  # binary package that carries the tarball, "linux-source-6.12"
    suite: str = ""  # a suite beyond the host's own, "trixie-backports"; "": the host's


@dataclass(frozen=True)
class TarballSource:
    """A tarball, kept only when its sha256 is the one named."""

    __pydantic_config__ = STRICT

    kind: Literal["tarball"]
    url: str  # https://, file:// or a path
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class GitSource:
    """A commit of a git remote."""

    __pydantic_config__ = STRICT

    kind: Literal["git"]
    remote: str
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


@dataclass(frozen=True)
class LocalSource:
    """A tree on this machine, its uncommitted changes included; it is only read."""

    __pydantic_config__ = STRICT

    kind: Literal["local"]
    path: Path


Source = Annotated[
    DebianSource | TarballSource | GitSource | LocalSource, Field(discriminator="kind")
]


@dataclass(frozen=True)
class NamedSource:
    """A source and the name it goes by (file stem of its pin, or one made from its path)."""

    name: str
    source: Source


@dataclass(frozen=True)
class BaseTree:
    """A kernel source imported into git: what patches are applied to."""

    source: NamedSource
    repo: Path  # bare repository in the cache
    commit: str  # 40 hex digits
    version: str  # of the kernel's Makefile, "6.12.117"
    origin: str  # what it was made of, for people: package version, url, path
    head: str = ""  # of a local tree in git: the commit that is checked out
    as_committed: bool = False  # it is that commit, without any change
