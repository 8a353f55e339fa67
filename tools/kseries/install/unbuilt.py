# SPDX-License-Identifier: GPL-2.0
"""Which test programs did not build where make was told to go on, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kseries.lib.untrusted import harmless

# Headers that the kernel itself brings, so that a series may have taken them away.
OF_TREE = ("linux/", "asm/", "asm-generic/", "rdma/", "drm/", "sound/", "mtd/", "scsi/", "../")

MOST = 200  # programs that are told of
LONGEST = 200  # characters of a reason

_COMPILER = re.compile(r"(?:\S*/)?(?P<name>[\w.+-]{1,100})\.[cS]:\d+(?::\d+)?: (?:fatal )?error: ")
_LINKER = re.compile(r"(?:\S*/)?ld: (?P<why>cannot find \S.*|undefined reference .*)")
_MAKE = re.compile(r"make(?:\[\d+\])?: \*\*\* \[[^]]*?(?P<name>[\w.+-]{1,100})\] Error")
# What make wanted to install of a target, and is not there: lib.mk copies all it lists.
_ABSENT = re.compile(r'rsync: (?:\[sender\] )?link_stat "(?P<file>[^"]{1,500})" failed: No such')
# What this host has not installed, whatever the series does.
_LACKING = re.compile(r"[\w/.+-]+\.h: No such file or directory|cannot find -l\S+.*")


def reasons(lines: Iterable[str]) -> dict[str, str]:
    """Give program → the first thing that was said against it, of what make printed."""
    found: dict[str, str] = {}
    linker = ""
    for line in lines:
        if len(found) >= MOST:
            break
        if match := _COMPILER.match(line):
            found.setdefault(match["name"], _told(line[match.end() :]))
        elif match := _LINKER.match(line):
            linker = linker or _told(match["why"])
        elif match := _MAKE.match(line):
            found.setdefault(match["name"].removesuffix(".o"), linker or "make says no more")
            linker = ""
    return found


def absent(lines: Iterable[str], folder: str) -> dict[str, tuple[str, ...]]:
    """Give target → files that its Makefile lists and did not make, of what make printed.

    folder: what targets are built in. Programs are among them, and files that programs use.
    """
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        match = _ABSENT.match(line)
        if match and match["file"].startswith(f"{folder}/"):
            target, _, name = match["file"].removeprefix(f"{folder}/").rpartition("/")
            names = found.setdefault(_told(target), {})
            if len(names) < MOST:
                names[_told(name)] = None
    return {target: tuple(names) for target, names in found.items()}


def is_of_host(reason: str) -> bool:
    """Whether a program does not build for what this host lacks: a header, a library."""
    return _LACKING.fullmatch(reason) is not None and not reason.startswith(OF_TREE)


def _told(text: str) -> str:
    return harmless(text.strip())[:LONGEST]
