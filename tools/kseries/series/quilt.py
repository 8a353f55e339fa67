# SPDX-License-Identifier: GPL-2.0
"""The `series` file of quilt: which patches of a folder there are, in which order."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import textfile
from kseries.lib.errors import UserError

SERIES = "series"
MAX_PATCHES = 10_000

_STRIP = re.compile(r"-p(\d)")


@dataclass(frozen=True)
class Listed:
    """A patch that the file names."""

    file: Path
    name: str  # as it is written, relative to the folder
    strip: int | None  # leading folders that its paths have too many; None: not said


def has_series_file(folder: Path) -> bool:
    """Whether a folder has quilt's file; what it is, who reads it finds out."""
    return os.path.lexists(folder / SERIES) and not (folder / SERIES).is_dir()


def read_series(folder: Path) -> list[Listed]:
    """Read the file of a folder. Raises UserError with the line for each kind of mistake."""
    file = folder / SERIES
    text = textfile.read(file, "series file of quilt", do="fix it, or remove it")
    found: dict[str, Listed] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = _words(line)
        if not words:
            continue
        listed = _listed(folder, words, f"{file}:{number}: {line.strip()[:200]}")
        if listed.name in found:
            raise _mistake("names a patch twice", f"{file}:{number}: {listed.name}")
        found[listed.name] = listed
        if len(found) > MAX_PATCHES:
            raise _mistake(f"names more than {MAX_PATCHES} patches", str(file))
    if not found:
        raise _mistake("names no patch", str(file))
    return list(found.values())


def _words(line: str) -> list[str]:
    """Give the words of a line without its comment, which begins a line or a word."""
    words = line.split()
    comment = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:comment]


def _listed(folder: Path, words: list[str], where: str) -> Listed:
    name, *options = words
    if name[0] in "+-":
        raise _mistake(
            "has guards (+NAME, -NAME), which say for whom a patch is", where,
            do="write a series file with the patches that are to be taken",
        )  # fmt: skip
    strip = None
    for option in options:
        level = _STRIP.fullmatch(option)
        if level is None:
            raise _mistake(f"has an option that is not known here: {option}", where)
        strip = int(level[1])
    return Listed(_inside(folder, name, where), name, strip)


def _inside(folder: Path, name: str, where: str) -> Path:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise _mistake("names a file outside of its folder", where)
    file = folder / name
    try:
        real = file.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _mistake("names a patch that is not there", where) from error
    if not real.is_relative_to(folder.resolve()):
        raise _mistake("names a link that leads out of its folder", where)
    if not real.is_file():
        raise _mistake("names what is not a regular file", where)
    return file


def _mistake(text: str, where: str, do: str = "fix the series file") -> UserError:
    return UserError(f"The series file of quilt {text}.", where=where, do=do)
