# SPDX-License-Identifier: GPL-2.0
"""Which Kconfig symbols have a file compiled, as the kernel's Makefiles say.

Text is read, nothing is evaluated: lists (`obj-$(CONFIG_FOO) += foo.o`), composite objects
(`foo-y += bar.o`, `foo-objs`), descent into folders (`obj-$(CONFIG_BAR) += dir/`), variables,
`addprefix` and conditionals on symbols. What is said in another way is not understood, and then
there is no answer.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

ARCH = "x86"
KNOWN = {"SRCARCH": ARCH, "ARCH": ARCH, "BITS": "64"}
TOP = PurePosixPath()
# The Makefile of the architecture is a part of the one at the top and names folders from there.
OF_TOP = ("Kbuild", "Makefile", f"arch/{ARCH}/Makefile")

LISTS = frozenset(
    {"obj", "lib", "core", "drivers", "libs", "net", "virt", "init", "head", "extra", "always"}
    | {"subdir", "hostprogs", "hostprogs-always", "userprogs", "userprogs-always"}
)

BUILT = ""  # what a word leads to that is in one of the lists

# What a variable's name is made of; each `$(…)` can be read in one way only, for any text.
_REFERENCE = r"\$(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\{[^{}]*\})"
_ASSIGNMENT = re.compile(rf"(?:export\s+|override\s+)?((?:[\w./-]|{_REFERENCE})+)\s*[:+?]*=(.*)")
_SYMBOL = re.compile(r"\$[({](?:subst\s+m,y,\$\()?CONFIG_(\w+)\)?[)}]")
_DEFINED = re.compile(r"(ifn?def)\s+CONFIG_(\w+)")
_EQUAL = re.compile(r"(ifn?eq)\s+\(\s*\$\(CONFIG_(\w+)\)\s*,\s*([ymn]?)\s*\)")
_OPENING = re.compile(r"ifn?(?:def|eq)\b")
_ADDPREFIX = re.compile(r"\$\(addprefix\s([^,()]*),([^()]*)\)")
_OF_FOLDER = re.compile(r"\$\((?:obj|src)\)/")
_KNOWN = re.compile(r"\$\((SRCARCH|ARCH|BITS)\)")
_NESTED = 8
DEEPEST = 40  # folders; the kernel's own are up to 9 deep


@dataclass(frozen=True)
class Want:
    """A symbol that must be on (y), or must not be, for a file to be compiled."""

    symbol: str
    on: bool = True

    @property
    def line(self) -> str:
        """Give the line of a Kconfig fragment that asks for it."""
        return f"CONFIG_{self.symbol}=y" if self.on else f"# CONFIG_{self.symbol} is not set"


Wants = tuple[Want, ...]
ReadFile = Callable[[str], str | None]


@dataclass(frozen=True)
class Rule:
    """An assignment. name: of the variable, without what a symbol or `-y` adds to it."""

    name: str
    wants: Wants
    words: frozenset[str]

    @property
    def leads_to(self) -> tuple[str, ...]:
        """Give the words that its own are a part of; BUILT where they are built as they are."""
        if self.name in LISTS:
            return (BUILT,)
        name = self.name
        return (f"{name}.o", f"$({name})", f"$({name}-y)", f"$({name}-objs)")


@dataclass
class Makefiles:
    """The Makefiles of a tree, seen with the values of a .config.

    read: gives the text of a file by its path, None where none is. values: of the symbols set.
    """

    read: ReadFile
    values: Mapping[str, str]
    _rules: dict[PurePosixPath, tuple[Rule, ...]] = field(default_factory=dict)
    _descents: dict[PurePosixPath, Wants | None] = field(default_factory=dict)

    def unmet(self, path: str) -> Wants | None:
        """Give what is missing to have a source compiled, () for nothing.

        Of several ways the one that lacks least is given. None where no Makefile is known to
        name the file.
        """
        # Of key.asn1 is made key.asn1.o.
        places = (PurePosixPath(path).with_suffix(".o"), PurePosixPath(f"{path}.o"))
        for folder in places[0].parents:
            words = [str(place.relative_to(folder)) for place in places]
            wants = self._least(folder, words)
            if wants is not None:
                return wants
        return None

    def unmet_around(self, path: str) -> Wants | None:
        """Give what is missing to have make go into the folder of a file, None where unknown.

        Where no Makefile names the folder, the one above it is meant, and so on.
        """
        for folder in PurePosixPath(path).parents:
            wants = self._descent(folder)
            if wants is not None and folder != TOP:
                return wants
        return None

    def _descent(self, folder: PurePosixPath) -> Wants | None:
        if folder == TOP:
            return ()
        if len(folder.parts) > DEEPEST:
            return None
        if folder not in self._descents:
            self._descents[folder] = self._descended(folder)
        return self._descents[folder]

    def _descended(self, folder: PurePosixPath) -> Wants | None:
        for above in folder.parents:
            name = str(folder.relative_to(above))
            wants = self._least(above, [f"{name}/", name])
            if wants is not None:
                return wants
        return None

    def _least(self, folder: PurePosixPath, words: Iterable[str]) -> Wants | None:
        """Give what is unmet, from the top on, where the Makefile of a folder has these words."""
        way = self._way(self._of(folder), words)
        if way is None:
            return None
        above = self._descent(folder)
        return None if above is None else _once([*above, *way])

    def _way(self, rules: Sequence[Rule], words: Iterable[str]) -> Wants | None:
        """Find the way from words to a list of what is built on which least is unmet."""
        count = itertools.count()  # of ways as long, the one that comes first in the Makefile
        todo: list[tuple[int, int, Wants, str]] = [(0, next(count), (), word) for word in words]
        seen: set[str] = set()
        while todo:
            _, _, wants, word = heapq.heappop(todo)
            if word == BUILT:
                return wants
            if word in seen:
                continue
            seen.add(word)
            for rule in rules:
                if word in rule.words:
                    more = _once([*self._unmet(rule.wants), *wants])
                    for higher in rule.leads_to:
                        heapq.heappush(todo, (len(more), next(count), more, higher))
        return None

    def _unmet(self, wants: Wants) -> Wants:
        return tuple(want for want in wants if (self.values.get(want.symbol) == "y") != want.on)

    def _of(self, folder: PurePosixPath) -> tuple[Rule, ...]:
        if folder not in self._rules:
            self._rules[folder] = tuple(self._parsed(folder))
        return self._rules[folder]

    def _parsed(self, folder: PurePosixPath) -> Iterator[Rule]:
        if folder == TOP:
            for name in OF_TOP:
                yield from parse(self.read(name) or "")
            return
        for name in ("Kbuild", "Makefile"):
            text = self.read(str(folder / name))
            if text is not None:
                yield from parse(text)
                return


def parse(text: str) -> list[Rule]:
    """Give the assignments of a Makefile in their order."""
    rules: list[Rule] = []
    conditions: list[Want | None] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = line.partition("#")[0].strip()
        if _OPENING.match(line):
            conditions.append(_condition(line))
        elif line.startswith("else") and conditions:
            conditions[-1] = _otherwise(line, conditions[-1])
        elif line == "endif" and conditions:
            conditions.pop()
        elif match := _ASSIGNMENT.fullmatch(line):
            given = [want for want in conditions if want is not None]
            symbols = [Want(symbol) for symbol in _SYMBOL.findall(match[1])]
            rules.append(Rule(_plain(match[1]), _once([*given, *symbols]), _words(match[2])))
    return rules


def _condition(line: str) -> Want | None:
    """Give what a conditional asks, None for one that asks no symbol."""
    if match := _DEFINED.match(line):
        return Want(match[2], match[1] == "ifdef")
    if match := _EQUAL.match(line):
        return Want(match[2], (match[1] == "ifeq") == (match[3] in ("y", "m")))
    return None


def _otherwise(line: str, before: Want | None) -> Want | None:
    asked = line.removeprefix("else").strip()
    if asked:
        return _condition(asked)
    return Want(before.symbol, not before.on) if before else None


def _plain(name: str) -> str:
    """Give `obj` for `obj-$(CONFIG_X)` and `obj-y`, `foo` for `foo-objs` and `foo-y`."""
    name = _SYMBOL.sub("", name).removesuffix("-")
    for ending in ("-y", "-m", "-objs"):
        name = name.removesuffix(ending)
    return name


def _words(text: str) -> frozenset[str]:
    text = _KNOWN.sub(lambda found: KNOWN[found[1]], _OF_FOLDER.sub("", text))
    for _ in range(_NESTED):
        text, count = _ADDPREFIX.subn(_prefixed, text)
        if not count:
            break
    return frozenset(text.split())


def _prefixed(match: re.Match[str]) -> str:
    return " ".join(match[1].strip() + word for word in match[2].split())


def _once(wants: Iterable[Want]) -> Wants:
    return tuple(dict.fromkeys(wants))
