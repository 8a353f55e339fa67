# SPDX-License-Identifier: GPL-2.0
"""Read where a kernel tree comes from: a pin in kernel/sources, another file, or a folder."""

from __future__ import annotations

import urllib.parse
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from kseries.lib import settings, tomlfile
from kseries.lib.errors import UserError
from kseries.lib.naming import hint
from kseries.lib.paths import Project
from kseries.lib.userpath import current, named_path, user_path
from kseries.model import LocalSource, NamedSource, Source, TarballSource
from kseries.series.read import slug

# What the top folder of every kernel tree holds.
KERNEL_FILES = ("Makefile", "Kconfig", "Kbuild")

_ADAPTER: TypeAdapter[Source] = TypeAdapter(Source)


def read_source(spec: str, *, project: Project, relative_to: Path | None = None) -> NamedSource:
    """Read a source by name, by the path of its file, or a folder with a kernel tree.

    relative_to: the folder that paths start from, the current one by default.
    Raises UserError when there is no such source, and for each mistake in its file.
    """
    for folder in _folders(project):
        pin = named_path(folder, spec, ".toml")
        if pin is not None and pin.is_file():
            return _read_pin(pin)
    path = user_path(spec, relative_to or current())
    if path.is_dir():
        return local_source(path)
    if path.is_file() and path.suffix == ".toml":
        return _read_pin(path.resolve())
    if path.is_file():
        raise UserError(
            "This file is not a source.",
            where=str(path),
            do="a tarball needs a file that names it with its sha256: see docs/stacks.md",
        )
    there = pinned(project)
    raise UserError(
        f"There is no source '{spec}'.",
        where=str(project.sources),
        do=f"{hint(spec, there)}Take one of: {', '.join(there)};"
        " or give a file or a folder with a kernel tree",
    )


def pinned(project: Project) -> list[str]:
    """Name the sources that have a file: the user's own, and the project's."""
    files = (file for folder in _folders(project) for file in folder.glob("*.toml"))
    return [Path(name).stem for name in sorted({file.name for file in files})]


def _folders(project: Project) -> tuple[Path, ...]:
    return settings.own("sources"), project.sources


def local_source(folder: Path) -> NamedSource:
    """Take a folder with a kernel tree as source. Raises UserError when it holds none."""
    # Only then: of a link in a circle nobody can say where it leads.
    folder = folder.resolve() if folder.is_dir() else folder
    absent = [name for name in KERNEL_FILES if not (folder / name).is_file()]
    if absent:
        raise UserError(
            "This folder holds no kernel tree.",
            where=f"{folder}: no {', '.join(absent)}"
            if folder.is_dir()
            else f"{folder}: no folder",
            do="give the top folder of a kernel tree",
        )
    return NamedSource(slug(folder.name), LocalSource(kind="local", path=folder))


def _read_pin(file: Path) -> NamedSource:
    source = tomlfile.read(file, _ADAPTER, what="source")
    if isinstance(source, LocalSource):
        path = user_path(str(source.path), file.parent)
        try:
            source = local_source(path).source
        except UserError as error:
            line = tomlfile.line_of(file, "path")
            text = f"path: {error.what} {error.where}"
            raise tomlfile.mistake(file, "source", [(line, text)]) from error
    if isinstance(source, TarballSource):
        try:
            urllib.parse.urlsplit(source.url)
        except ValueError as error:
            line = tomlfile.line_of(file, "url")
            raise tomlfile.mistake(file, "source", [(line, f"url: {error}")]) from error
    if isinstance(source, TarballSource) and "://" not in source.url:
        # A path in a file means the same wherever kseries was started.
        source = replace(source, url=str(user_path(source.url, file.parent)))
    return NamedSource(slug(file.stem), source)
