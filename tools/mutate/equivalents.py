# SPDX-License-Identifier: GPL-2.0
"""Mutants that are no faults, each with the reason, out of equivalents.toml.

An entry names the mutant by what stands there, not by a line number; one that fits no mutant any
more is an error, so that the list cannot excuse what it was not written for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from mutate.model import Mutant

FILE = Path(__file__).parent / "equivalents.toml"
Key = tuple[str, str, str, str]


class Unfit(Exception):
    """Entries that cannot be used; says which."""


def read(path: Path = FILE) -> dict[Key, str]:
    """Give the reasons by mutant."""
    found: dict[Key, str] = {}
    for entry in tomllib.loads(path.read_text())["mutant"]:
        key = (entry["module"], entry.get("within", ""), entry["line"], entry["change"])
        if not entry["why"].strip() or key in found:
            raise Unfit(f"{path.name}: no reason, or twice the same: {key}")
        found[key] = entry["why"]
    return found


def check(listed: Mapping[Key, str], modules: Iterable[str], mutants: Iterable[Mutant]) -> None:
    """Insist that each entry for these modules fits one of their mutants."""
    there = {mutant.key for mutant in mutants}
    modules = set(modules)
    unfit = [key for key in listed if key[0] in modules and key not in there]
    if unfit:
        told = "\n".join(
            f"  {module}, {within}: {line}  {change}" for module, within, line, change in unfit
        )
        raise Unfit(f"entries of equivalents.toml that fit no mutant:\n{told}")
