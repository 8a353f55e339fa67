# SPDX-License-Identifier: GPL-2.0
"""Generated mutants of which something is known, with the reason, out of equivalents.toml.

Those that are no faults are not run; those that are, and live, are, and the reason is told.

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
    """One mutant. line: its text, stripped."""

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
    """The whole file. mutant: those that are no faults. survivor: faults that no case notices."""

    mutant: tuple[Entry, ...] = ()
    survivor: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Known:
    """The reasons, by mutant: why it is no fault, and why it lives."""

    equivalent: Mapping[Key, str]
    survivor: Mapping[Key, str]


LISTED: TypeAdapter[Listed] = TypeAdapter(Listed)


def read(path: Path) -> Known:
    """Read what is known. Raises UserError for an entry without a reason, or there twice."""
    listed = tomlfile.read(path, LISTED, what="equivalents")
    seen: set[Key] = set()
    for entry in (*listed.mutant, *listed.survivor):
        if not entry.why.strip() or entry.key in seen:
            raise UserError(
                "An equivalent has no reason, or is there twice.",
                where=f"{path}: {': '.join(entry.key)}",
                do="say why nobody could see it, once",
            )
        seen.add(entry.key)
    return Known(
        {entry.key: entry.why for entry in listed.mutant},
        {entry.key: entry.why for entry in listed.survivor},
    )


def check(known: Known, mutants: Iterable[GeneratedMutant]) -> None:
    """Insist that each entry fits a mutant. Raises UserError."""
    there = {mutant.key for mutant in mutants}
    unfit = [key for key in (*known.equivalent, *known.survivor) if key not in there]
    if unfit:
        raise UserError(
            "An equivalent fits no mutant any more.",
            where="\n".join(": ".join(key) for key in unfit),
            do="look whether the changed line still has it, and fix or drop the entry",
        )
