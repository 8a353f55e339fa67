# SPDX-License-Identifier: GPL-2.0
"""What a series changes in Kconfig: the symbols whose values can follow from it.

Read from the text of the files before and after, without evaluating them, which would run the
series' code, and on two trees. What decides about a symbol is its own entry, the conditions that
stand around it, and who selects it; help and comments do not count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kseries.lib.gitrepo import Repository
from kseries.model import PatchState, Tree

# 30 times the largest of the kernel's, arch/x86/Kconfig.
FILE_LIMIT = 4 << 20
SOURCED_LIMIT = 4000

# Values come from programs and macros as well: what changes these can change any symbol.
ANY_SYMBOL = re.compile(r"scripts/kconfig/.*|scripts/Kconfig[^/]*|scripts/[^/]*\.sh|Makefile")
KCONFIG = re.compile(r"(?:.*/)?Kconfig[^/]*")

_OPENS = re.compile(r"(if|menu|choice)\b\s*(.*)")
_CLOSES = re.compile(r"end(?:if|menu|choice)\b")
_ENTRY = re.compile(r"(?:menu)?config\s+(\w+)")
_COMMENT = re.compile(r"comment\b")
_LOOSE = re.compile(r"mainmenu\b|[\w-]+ ?[:+]?=")
_SOURCE = re.compile(r'[or]{0,2}source\s+"?([^"\s]*)"?')
_SELECTS = re.compile(r"(?:select|imply)\s+(\w+)")
_HELP = re.compile(r"(?:---)?help(?:---)?")
_ARCH = "$(SRCARCH)"

Read = Callable[[str], str | None]
"""Gives the text of a file of a tree by its path; None where there is none."""


class TooLarge(Exception):
    """A file that is no Kconfig file of a person."""


@dataclass(frozen=True)
class Change:
    """symbols: whose values can follow from the series. anything: those of all can."""

    symbols: frozenset[str] = frozenset()
    anything: bool = False

    def concerns(self, chain: Sequence[str]) -> bool:
        """Whether a symbol can be as it is because of the series.

        chain: the symbol and what stands in its way; () where that is not known.
        """
        return self.anything or bool(self.symbols.intersection(chain) if chain else self.symbols)


@dataclass
class _Facts:
    """What a Kconfig file says: the same facts, the same values.

    entries: of a symbol, its entries with what stands around them. selects: of a symbol, the
    entries that turn it on. sources: of a file that is taken in, what stands around that.
    loose: macros, and whatever else belongs to no symbol.
    """

    entries: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    selects: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    sources: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    loose: list[object] = field(default_factory=list)


def of_series(tree: Tree, name: str, *, whole: bool) -> Change:
    """Find what a series of the tree's stack changes; name "": nothing is under test.

    whole: whether the series is; where it is cut, what is left out can be what is missing.
    Raises GitError.
    """
    if not whole:
        return Change(anything=True)
    applied = [
        patch
        for patch in tree.patches
        if patch.series == name and patch.state is PatchState.APPLIED and patch.commit
    ]
    if not applied:
        return Change()
    return between(Repository(tree.base.repo), f"{applied[0].commit}^", applied[-1].commit)


def between(repository: Repository, before: str, after: str) -> Change:
    """Find what changes from one commit to another. Raises GitError."""
    old, new = _blobs(repository, before), _blobs(repository, after)
    changed = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    if any(ANY_SYMBOL.fullmatch(path) for path in changed):
        return Change(anything=True)
    files = [path for path in changed if KCONFIG.fullmatch(path)]
    try:
        return compare(files, _reader(repository, before, old), _reader(repository, after, new))
    except TooLarge:
        return Change(anything=True)


def compare(files: Iterable[str], before: Read, after: Read) -> Change:
    """Find what the change of these files can change. Raises what reading raises."""
    symbols: set[str] = set()
    for path in files:
        old, new = _facts(before(path) or ""), _facts(after(path) or "")
        if old.loose != new.loose:
            return Change(anything=True)
        symbols |= _differing(old.entries, new.entries) | _differing(old.selects, new.selects)
        for source in _differing(old.sources, new.sources):
            for read in (before, after):
                symbols |= _defined_below(source, read)
    return Change(frozenset(symbols))


def _differing(old: dict[str, list[object]], new: dict[str, list[object]]) -> set[str]:
    return {name for name in {**old, **new} if old.get(name) != new.get(name)}


def _defined_below(path: str, read: Read) -> set[str]:
    """Name the symbols of a file and of all that it takes in."""
    found: set[str] = set()
    seen: set[str] = set()
    left = [path]
    while left:
        place = left.pop().replace(_ARCH, "x86")
        if place in seen:
            continue
        seen.add(place)
        if len(seen) > SOURCED_LIMIT:
            raise TooLarge
        facts = _facts(read(place) or "")
        found.update(facts.entries)
        left += facts.sources
    return found


def _facts(text: str) -> _Facts:
    """Read what a Kconfig file says."""
    facts = _Facts()
    around: list[list[str]] = []
    entry: list[str] | None = None  # lines of the present entry, of a symbol or around others
    symbol = ""
    for line in _lines(text):
        if match := _ENTRY.fullmatch(line):
            symbol = match[1]
            entry = []
            facts.entries[symbol].append((_frozen(around), entry))
        elif match := _OPENS.fullmatch(line):
            # Titles say nothing.
            entry = [match[1], match[2] if match[1] == "if" else ""]
            symbol = ""
            around.append(entry)
        elif _CLOSES.match(line):
            del around[-1:]
            entry, symbol = None, ""
        elif match := _SOURCE.fullmatch(line):
            facts.sources[match[1]].append(_frozen(around))
            entry, symbol = None, ""
        elif _COMMENT.match(line):
            entry, symbol = [], ""
        elif _LOOSE.match(line):
            facts.loose.append(line)
            entry, symbol = None, ""
        elif symbol and (match := _SELECTS.match(line)):
            facts.selects[match[1]].append((symbol, line))
        elif entry is not None:
            entry.append(line)
        else:
            facts.loose.append(line)
    return facts


def _frozen(around: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(each) for each in around)


def _lines(text: str) -> Iterator[str]:
    """Give the statements: lines put together, without comments, help and needless blanks."""
    help_depth: int | None = None  # of the help text's first line; 0: not seen yet
    for line in text.expandtabs().replace("\\\n", " ").split("\n"):
        words = " ".join(line.split())
        if not words or words.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip())
        if help_depth is not None:
            if depth and depth >= help_depth:
                help_depth = help_depth or depth
                continue
            help_depth = None
        if _HELP.fullmatch(words):
            help_depth = 0
            continue
        yield words


def _blobs(repository: Repository, commit: str) -> dict[str, tuple[str, str]]:
    """Give (mode, blob and size) of each file of a commit."""
    found = {}
    for entry in repository.entries("ls-tree", "-r", "-l", "-z", "--full-tree", commit):
        facts, _, path = entry.partition("\t")
        mode, _, rest = facts.partition(" ")
        found[path] = (mode, rest)
    return found


def _reader(repository: Repository, commit: str, blobs: dict[str, tuple[str, str]]) -> Read:
    def read(path: str) -> str | None:
        if path not in blobs:
            return None
        mode, facts = blobs[path]
        size = facts.split()[-1]
        if not mode.startswith("100") or not size.isdigit() or int(size) > FILE_LIMIT:
            raise TooLarge
        data = repository.file_at(commit, path)
        return data.decode(errors="replace") if data is not None else None

    return read
