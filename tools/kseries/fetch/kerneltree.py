# SPDX-License-Identifier: GPL-2.0
"""What makes a folder a kernel tree: its top Makefile, read as far as the version goes."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from kseries.lib import textfile
from kseries.lib.errors import UserError

_FIELD = re.compile(rb"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*(\S*)", re.MULTILINE)
_SYMBOL = re.compile(rb"^[ \t]*+(?:menu)?config[ \t]++([A-Za-z0-9_]++)", re.MULTILINE)


def version(makefile: bytes) -> str:
    """Give KERNELVERSION as the top Makefile makes it, "6.12.117"; "" if it is no kernel's."""
    fields: dict[bytes, str] = {
        name: value.decode(errors="replace") for name, value in _FIELD.findall(makefile)
    }
    if not fields.get(b"VERSION") or not fields.get(b"PATCHLEVEL"):
        return ""
    numbers = [fields[b"VERSION"], fields[b"PATCHLEVEL"], fields.get(b"SUBLEVEL", "")]
    return ".".join(number for number in numbers if number) + fields.get(b"EXTRAVERSION", "")


def require(folder: Path) -> None:
    """Raise UserError unless `folder` holds a kernel tree."""
    if not folder.is_dir():
        raise UserError(
            "The kernel tree is not there.", where=str(folder), do="name an existing folder"
        )
    makefile = folder / "Makefile"
    named = version(makefile.read_bytes()) if makefile.is_file() else ""
    if not named or not any((folder / name).is_file() for name in ("Kconfig", "Kbuild")):
        raise not_a_kernel(str(folder))


def defined(folder: Path, symbols: Collection[str]) -> set[str]:
    """Give those of some Kconfig symbols that a tree defines, whatever they depend on.

    A folder or file that cannot be read defines none.
    """
    wanted, found = set(symbols), set[str]()
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if found == wanted:
                return found
            if name.startswith(("Kconfig", "KConfig")):
                with suppress(OSError, UserError):
                    text = textfile.content(Path(place, name), textfile.LIMIT)
                    found |= wanted.intersection(match.decode() for match in _SYMBOL.findall(text))
    return found


def not_a_kernel(where: str) -> UserError:
    """Make the error for sources that are no kernel's."""
    return UserError(
        "These are not the sources of a Linux kernel.",
        where=f"{where}: no Makefile with VERSION and PATCHLEVEL, or neither Kconfig nor Kbuild",
        do="name the top folder of a kernel tree, or a tarball of one",
    )
