# SPDX-License-Identifier: GPL-2.0
"""Kconfig fragments: each line is a promise about the final .config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.errors import UserError

SET = re.compile(r"CONFIG_(\w+)=(.*)")
NOT_SET = re.compile(r"# CONFIG_(\w+) is not set")
VALUE = re.compile(r'[ymn]|-?\d+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Promise:
    """One line of a fragment. value: as .config writes it; "n" for "is not set"."""

    symbol: str  # without CONFIG_
    value: str
    file: Path
    line: int

    @property
    def where(self) -> str:
        """Give file:line."""
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        """Give the line as .config has it."""
        if self.value == "n":
            return f"# CONFIG_{self.symbol} is not set"
        return f"CONFIG_{self.symbol}={self.value}"


@dataclass(frozen=True)
class Merged:
    """Fragments put together.

    promises: the ones that count, one a symbol, in the order they were first named.
    notes: contradictions, where a later fragment took another's promise back.
    """

    promises: tuple[Promise, ...]
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """Give what the kernel's make takes as KCONFIG_ALLCONFIG."""
        return "".join(f"{promise.text}\n" for promise in self.promises)


def read(files: Sequence[Path]) -> Merged:
    """Read fragments and merge them, later ones win.

    Raises UserError naming file and line of each line that is no promise.
    """
    promises: dict[str, Promise] = {}
    notes = []
    for file in files:
        for promise in parse(file):
            before = promises.get(promise.symbol)
            if before is not None and before.value != promise.value:
                notes.append(
                    f"{promise.where}: CONFIG_{promise.symbol}={promise.value} overrides"
                    f" {before.value} of {before.where}"
                )
            promises[promise.symbol] = promise
    return Merged(tuple(promises.values()), tuple(notes))


def parse(file: Path) -> list[Promise]:
    """Read the promises of one fragment. Raises UserError."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "The Kconfig fragment cannot be read.",
            where=f"{file}: {error}",
            do="name a fragment that is there; the project's own are in configs/",
        ) from error
    promises = []
    mistakes = []
    for number, line in enumerate(text.splitlines(), 1):
        promise = _parse_line(line.strip(), file, number)
        if isinstance(promise, str):
            mistakes.append(f"{file}:{number}: {promise}")
        elif promise is not None:
            promises.append(promise)
    if mistakes:
        raise UserError(
            "The Kconfig fragment has lines that promise nothing.",
            where="\n".join(mistakes),
            do="write CONFIG_X=value or `# CONFIG_X is not set`, and comments behind a #",
        )
    return promises


def _parse_line(line: str, file: Path, number: int) -> Promise | str | None:
    """Give a promise, None for a line without meaning, or what is wrong with the line."""
    off = NOT_SET.fullmatch(line)
    if off:
        return Promise(off[1], "n", file, number)
    if not line or line.startswith("#"):
        return None
    match = SET.fullmatch(line)
    if match is None:
        return f"not understood: {line}"
    value = match[2].strip()
    if not VALUE.fullmatch(value):
        return f'not a value: {value or "(nothing)"} (y, m, n, a number or a "string")'
    return Promise(match[1], value, file, number)
