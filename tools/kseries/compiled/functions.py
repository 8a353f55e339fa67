# SPDX-License-Identifier: GPL-2.0
"""Which functions the series under test changes, and which of them a kernel can tell of.

The sources say which, System.map whether the kernel has a symbol of that name. What is inlined has
none, and of two with one name no one can say which ran.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from kseries.compiled import csource
from kseries.compiled.changedfiles import Lines, changed_lines
from kseries.kbuild.sandbox import Sandbox
from kseries.lib.gitrepo import Repository
from kseries.lib.untrusted import MIB
from kseries.model import (
    ChangedFile,
    ChangedFunction,
    FileState,
    FunctionState,
    KernelConfig,
    Stack,
)

SYMBOLS = "System.map"
SYMBOLS_SIZE = 64 * MIB
MOST = 1000  # that are watched

_SYMBOL = re.compile(r"^([0-9a-f]+) [tTwW] ([\w.]+)$", re.MULTILINE)
_MARK = re.compile(r"^([0-9a-f]+) \w (_sinittext|_einittext)$", re.MULTILINE)
# What gcc makes of a function that it takes apart, and can still be told of.
_PART = re.compile(r"(\w+)\.(?:isra|constprop)\.\d+")


def changed(
    config: KernelConfig, stack: Stack, box: Sandbox, files: Sequence[ChangedFile]
) -> tuple[ChangedFunction, ...]:
    """Give the functions that the series changes, those that can be watched as not run.

    box: where it was built. files: that the series changes, with what the build did. () where the
    build has left no table of symbols.
    """
    if not box.made.has(SYMBOLS):
        return ()
    repository = Repository(config.tree.base.repo)
    lines = changed_lines(repository, config.tree, stack)
    symbols = _Symbols(box.made.read_text(SYMBOLS, SYMBOLS_SIZE))
    found: list[ChangedFunction] = []
    for file in files:
        if file.path in lines and file.path.endswith((".c", ".h")):
            text = lines[file.path].text(repository, file.path)
            names = touched(text, lines[file.path])
            found.extend(_told(name, file, symbols) for name in names)
    watched = [one for one in found if one.state is FunctionState.NOT_RUN]
    return tuple(one for one in found if one not in watched[MOST:])


def touched(text: str, lines: Lines) -> list[str]:
    """Name the functions in which lines were changed, or taken out."""
    names = [
        function.name
        for function in csource.functions(text)
        if any(function.first <= number <= function.last for number in lines.numbers)
        or any(function.first <= number < function.last for number in lines.gone)
    ]
    return list(dict.fromkeys(names))


class _Symbols:
    """The functions of a kernel, by name."""

    def __init__(self, text: str) -> None:
        places: dict[str, list[int]] = defaultdict(list)
        for address, name in _SYMBOL.findall(text):
            places[name].append(int(address, 16))
        self.places: Mapping[str, list[int]] = places
        self.parts: dict[str, list[str]] = defaultdict(list)
        for name in places:
            if match := _PART.fullmatch(name):
                self.parts[match[1]].append(name)
        marks = {name: int(address, 16) for address, name in _MARK.findall(text)}
        self._init = (marks.get("_sinittext", 0), marks.get("_einittext", 0))

    def is_of_boot(self, name: str) -> bool:
        """Whether a function is thrown away when the kernel has booted."""
        first, end = self._init
        return any(first <= place < end for place in self.places[name])


def _told(name: str, file: ChangedFile, symbols: _Symbols) -> ChangedFunction:
    if file.state is not FileState.COMPILED:
        return ChangedFunction(name, file.path, FunctionState.NOT_COMPILED)
    symbol = name if name in symbols.places else next(iter(symbols.parts.get(name, ())), "")
    why = ""
    if not symbol:
        why = "inlined, or in a module"
    elif len(symbols.places[symbol]) > 1:
        why = "several functions of the kernel have this name"
    elif symbols.is_of_boot(symbol):
        why = "it runs while the kernel boots, before the tests"
    if why:
        return ChangedFunction(name, file.path, FunctionState.UNWATCHED, by=why)
    return ChangedFunction(name, file.path, FunctionState.NOT_RUN, symbol=symbol)
