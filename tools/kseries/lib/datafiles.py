# SPDX-License-Identifier: GPL-2.0
"""TOML files by their names, in folders of which the first one counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kseries.lib.userpath import named_path, user_path

SUFFIX = ".toml"


def listed(folders: Sequence[Path]) -> dict[str, Path]:
    """Give all files, by name, in the order of the names."""
    files: dict[str, Path] = {}
    for folder in folders:
        for file in folder.glob(f"*{SUFFIX}"):
            files.setdefault(file.stem, file)
    return dict(sorted(files.items()))


def find(name: str, folders: Sequence[Path], base: Path) -> Path | None:
    """Find a file by its name in the folders, else by its path; None where there is none.

    base: that a relative path starts from. Raises UserError for what can be no path.
    """
    for folder in folders:
        file = named_path(folder, name, SUFFIX)
        if file is not None and file.is_file():
            return file
    path = user_path(name, base)
    return path if path.suffix == SUFFIX and path.is_file() else None
