# SPDX-License-Identifier: GPL-2.0
"""Generated mutants that are no faults, each with the reason, out of equivalents.toml.

An entry names file, function, the line's text and the change, so that lines may move. One that fits
no mutant any more is an error: the list cannot excuse what it was not written for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from kseries.lib import tomlfile
from kseries.lib.errors import UserError
from kseries.model import GeneratedMutant

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Entry:
    """One mutant that is no fault. line: its text, stripped."""

    file: str
    within: str
    line: str
    change: str
    why: str

    @property
    def key(self) -> Key:
        """What tells the mutant apart: as `GeneratedMutant.key`."""
        return self.file, self.within, self.line, self.change


@dataclass(frozen=True)
class Listed:
    """The whole file."""

    mutant: tuple[Entry, ...] = ()


LISTED: TypeAdapter[Listed] = TypeAdapter(Listed)


def read(path: Path) -> dict[Key, str]:
    """Give the reasons by mutant. Raises UserError for an entry without one, or there twice."""
    found: dict[Key, str] = {}
    for entry in tomlfile.read(path, LISTED, what="equivalents").mutant:
        if not entry.why.strip() or entry.key in found:
            raise UserError(
                "An equivalent has no reason, or is there twice.",
                where=f"{path}: {': '.join(entry.key)}",
                do="say why nobody could see it, once",
            )
        found[entry.key] = entry.why
    return found


def check(listed: Mapping[Key, str], mutants: Iterable[GeneratedMutant]) -> None:
    """Insist that each entry fits a mutant. Raises UserError."""
    there = {mutant.key for mutant in mutants}
    unfit = [key for key in listed if key not in there]
    if unfit:
        raise UserError(
            "An equivalent fits no mutant any more.",
            where="\n".join(": ".join(key) for key in unfit),
            do="look whether the changed line still has it, and fix or drop the entry",
        )
