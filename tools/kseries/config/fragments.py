# SPDX-License-Identifier: GPL-2.0
"""Kconfig fragments: each line is a promise about the final .config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kseries.config import kernelrange
from kseries.config.kernelrange import Range
from kseries.lib import textfile
from kseries.lib.errors import UserError

SET = re.compile(r"CONFIG_([A-Za-z0-9_]+)=(.*)")
NOT_SET = re.compile(r"# CONFIG_([A-Za-z0-9_]+) is not set")
VALUE = re.compile(r'[ymn]|-?[0-9]+|0[xX][0-9a-fA-F]+|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f])*"')
SPACED = re.compile(r"CONFIG_([A-Za-z0-9_]+)\s*=\s*(.*)")
KERNELS = re.compile(r"#\s*(only )?kernels\s*:\s*(.*)")
# A file that begins so is a configuration, such as that of a machine's own kernel.
WHOLE = re.compile(r"#\s*a whole \.config\b.*")

# So that a line of a megabyte does not fill the terminal.
SHOWN = 80
MISTAKES_SHOWN = 20

FIX = "write CONFIG_X=value or `# CONFIG_X is not set`, each symbol once, and comments behind a #"


@dataclass(frozen=True)
class Promise:
    """One line of a fragment. value: as .config writes it; "n" for "is not set"."""

    symbol: str  # without CONFIG_
    value: str
    file: Path
    line: int
    kernels: Range | None = None  # that its fragment says it is for

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
    wishes: lines that need not be kept, about other symbols; wished_for: name of their fragment.
    begun: lines of whole configurations, about still other symbols, of which as much is kept as the
    tree allows; what nothing names has its default then, and is off otherwise.
    """

    promises: tuple[Promise, ...]
    notes: tuple[str, ...]
    wishes: tuple[Promise, ...] = ()
    wished_for: tuple[str, ...] = ()
    begun: tuple[Promise, ...] = ()

    @property
    def text(self) -> str:
        """Give what the kernel's make takes as KCONFIG_ALLCONFIG. In a choice the last one wins."""
        lines = (*self.begun, *self.promises, *self.wishes)
        return "".join(f"{line.text}\n" for line in lines)

    @property
    def target(self) -> str:
        """Give the target of the kernel's make that fills in the rest."""
        return "alldefconfig" if self.begun else "allnoconfig"

    def above(self, file: Path) -> Merged:
        """Give the same with a fragment of wishes below it. Raises UserError as `read`."""
        promised = {promise.symbol for promise in self.promises}
        wishes = tuple(wish for wish in parse(file, "") if wish.symbol not in promised)
        wished = {wish.symbol for wish in wishes}
        begun = tuple(line for line in self.begun if line.symbol not in wished)
        return replace(self, wishes=wishes, wished_for=(file.stem,), begun=begun)


def read(files: Sequence[Path], version: str) -> Merged:
    """Read fragments for a kernel of a version and merge them, later ones win.

    A whole configuration among them promises nothing, and gives way to all that do.

    Raises UserError naming file and line of each line that is no promise, and for a fragment that
    is for kernels of other versions.
    """
    promises: dict[str, Promise] = {}
    begun: dict[str, Promise] = {}
    notes = []
    for file in files:
        reader = _read(file, version)
        if reader.whole:
            begun |= {line.symbol: line for line in reader.promises}
            continue
        for promise in reader.promises:
            before = promises.get(promise.symbol)
            if before is not None and before.value != promise.value:
                notes.append(
                    f"{promise.where}: CONFIG_{promise.symbol}={promise.value} overrides"
                    f" {before.value} of {before.where}"
                )
            promises[promise.symbol] = promise
    _require_modules({**begun, **promises})
    left = (line for line in begun.values() if line.symbol not in promises)
    return Merged(tuple(promises.values()), tuple(notes), begun=tuple(left))


def parse(file: Path, version: str) -> list[Promise]:
    """Read the promises of one fragment for a kernel of a version. Raises UserError."""
    return _read(file, version).promises


def _read(file: Path, version: str) -> _Reader:
    text = textfile.read(
        file, "Kconfig fragment", do="name a text file; the project's own are in configs/"
    )
    reader = _Reader(file, version)
    # Not splitlines: it counts more ends of lines than editors and the kernel do.
    for line in text.split("\n"):
        reader.feed(line.strip())
    if reader.mistakes:
        raise _mistaken(reader.mistakes)
    if reader.kernels is not None and not reader.kernels.holds(version):
        raise UserError(
            f"The Kconfig fragment {file.stem} is not for Linux {version}.",
            where=f"{reader.kernels_at}: for kernels {reader.kernels.text}",
            do="take a source of such a version, or a fragment of your own in its place: `config`"
            " in the stack's file names them (docs/stacks.md)",
        )
    return reader


def config_values(text: str) -> dict[str, str]:
    """Give symbol → value of those that a .config sets."""
    return dict(re.findall(r"^CONFIG_(\w+)=(.*)", text, re.MULTILINE))


def has_modules(text: str) -> bool:
    """Whether a .config has anything built as a module."""
    values = config_values(text)
    return values.get("MODULES") == "y" and "m" in values.values()


@dataclass
class _Reader:
    """Collects promises and mistakes of one fragment, line by line."""

    file: Path
    version: str
    promises: list[Promise] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    kernels: Range | None = None
    kernels_at: str = ""
    whole: bool = False  # it is a configuration, and no promise
    _line: int = 0
    _only: Range | None = None  # what the present paragraph is for
    _begun: bool = False  # a promise was read, be it for this kernel or another
    _seen: dict[str, Promise] = field(default_factory=dict)

    def feed(self, line: str) -> None:
        self._line += 1
        marked = KERNELS.match(line)
        if marked:
            self._mark(bool(marked[1]), marked[2])
        elif WHOLE.fullmatch(line) and not self._begun:
            self.whole = True
        elif not line:
            self._only = None
        elif off := NOT_SET.fullmatch(line):
            self._promise(off[1], "n")
        elif not line.startswith("#"):
            self._set(line)

    def _mark(self, paragraph: bool, text: str) -> None:
        found = kernelrange.parse(text.strip())
        if found is None:
            self._mistake(f"not a range of kernels: {_shown(text)} ({kernelrange.FORMS})")
        elif paragraph:
            self._only = found
        elif self._begun or self.kernels is not None:
            self._mistake("stands once, and before the first promise: # kernels:")
        else:
            self.kernels, self.kernels_at = found, f"{self.file}:{self._line}"

    def _set(self, line: str) -> None:
        match = SET.match(line)
        spaced = SPACED.match(line)
        if match is None or match[2] != match[2].strip():
            hint = f" (no spaces around =: CONFIG_{spaced[1]}={spaced[2]})" if spaced else ""
            self._mistake(f"not understood: {_told(line)}{_shown(hint)}")
        elif not VALUE.fullmatch(match[2]):
            value = _shown(match[2]) or "(nothing)"
            self._mistake(f'not a value: {value} (y, m, n, a number or a "string")')
        else:
            self._promise(match[1], match[2])

    def _promise(self, symbol: str, value: str) -> None:
        self._begun = True
        if self._only is not None and not self._only.holds(self.version):
            return
        promise = Promise(symbol, value, self.file, self._line, self._only or self.kernels)
        before = self._seen.setdefault(symbol, promise)
        if before.value != value:
            self._mistake(
                f"CONFIG_{symbol} is {_shown(value)} here and {_shown(before.value)} in line"
                f" {before.line}"
            )
        self.promises.append(promise)

    def _mistake(self, text: str) -> None:
        self.mistakes.append(f"{self.file}:{self._line}: {text}")


def _mistaken(mistakes: Sequence[str]) -> UserError:
    shown = list(mistakes[:MISTAKES_SHOWN])
    if len(mistakes) > len(shown):
        shown.append(f"… and {len(mistakes) - len(shown)} more")
    return UserError(
        "The Kconfig fragment has lines that promise nothing.", where="\n".join(shown), do=FIX
    )


def _require_modules(promises: dict[str, Promise]) -> None:
    """Raise UserError for promises of modules in a kernel without them."""
    asked = [promise for promise in promises.values() if promise.value == "m"]
    on = promises.get("MODULES")
    if not asked or (on is not None and on.value == "y"):
        return
    raise UserError(
        "The Kconfig fragments ask for modules, and for a kernel that cannot load any.",
        where="\n".join(f"{p.where}: {p.text}" for p in asked[:MISTAKES_SHOWN]),
        do="write =y, or CONFIG_MODULES=y as well",
    )


def _told(line: str) -> str:
    """Give a line for messages where it was meant to be one of a config.

    A file of others names the fragment; what it reads must not get into reports.
    """
    meant = "CONFIG" in line or re.fullmatch(r"[A-Z0-9_]+=[ymn]", line)
    return _shown(line) if meant else "(not shown)"


def _shown(text: str) -> str:
    """Cut what a message repeats, with control characters made visible."""
    visible = text if text.isprintable() else repr(text)[1:-1]
    return visible if len(visible) <= SHOWN else f"{visible[:SHOWN]}…"
