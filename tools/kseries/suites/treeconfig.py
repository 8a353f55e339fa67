# SPDX-License-Identifier: GPL-2.0
"""What suites want of a kernel's config, beyond the fragments that they name: lines of one."""

from __future__ import annotations

import re
from pathlib import Path

from kseries.lib.untrusted import Untrusted
from kseries.suite import SELFTESTS, Kselftest, Kunit, Suite
from kseries.suites import kunit, linked

# Of a target of kselftest; the second one is for this architecture alone.
CONFIGS = ("config", "config.x86_64")

_LINE = re.compile(r"CONFIG_(\w+)=([ym])|# CONFIG_(\w+) is not set", re.ASCII)
# What tests load and unload themselves; everything else is as good built in.
_LOADED = re.compile(r"TEST_\w+|\w*KUNIT_TESTS?")

MODULES = "CONFIG_MODULES=y"


def wanted(suite: Suite, tree: Path) -> list[tuple[str, ...]]:
    """Give lines of a fragment, each with those that it needs before it.

    A target's `config` is read where the suite names no fragment, which would be made of it.
    """
    told = suite.told
    more = linked.SYMBOLS if linked.machines(suite) > 1 else ()
    found = [_wants(line) for line in (*told.symbols, *more)]
    if isinstance(told, Kunit):
        found += [(*kunit.SYMBOLS, f"CONFIG_{symbol}=m") for symbol in told.tests]
    if isinstance(told, Kselftest) and not told.config:
        files = Untrusted(tree)
        for target in told.targets:
            for name in CONFIGS:
                place = str(SELFTESTS / target / name)
                if files.has(place):
                    found += [_wants(line) for line in _lines(files.read_text(place))]
    return list(dict.fromkeys(found))


def _lines(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.strip()):
            module = match[2] == "m" and not _LOADED.fullmatch(match[1])
            found.append(f"CONFIG_{match[1]}=y" if module else match[0])
    return found


def _wants(line: str) -> tuple[str, ...]:
    return (MODULES, line) if line.endswith("=m") else (line,)
