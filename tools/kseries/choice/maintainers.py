# SPDX-License-Identifier: GPL-2.0
"""The kernel's MAINTAINERS: which sections a file belongs to, and which files they list. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

REST = "THE REST"
LONGEST = 300  # of the paths that expressions are tried on

_TAG = re.compile(r"([FXN]):\s*(\S+)\s*$")
_ANY_TAG = re.compile(r"[A-Z]:\s")


@dataclass(frozen=True)
class Section:
    """A section. files, excluded: patterns (F:, X:); names: regular expressions (N:)."""

    title: str
    files: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def nearness(self, path: str) -> int:
        """Say how closely the section is about a file: parts of the pattern, 0 where it is not."""
        if any(matches(pattern, path) for pattern in self.excluded):
            return 0
        found = [pattern for pattern in self.files if matches(pattern, path)]
        near = [len(pattern.rstrip("/").split("/")) for pattern in found]
        near += [1 for name in self.names if _found(name, path)]
        return max(near, default=0)


def parse(text: str) -> tuple[Section, ...]:
    """Read the sections that list files; the last one, of all others, is left out."""
    sections = []
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip("\n").splitlines()
        tags = [match for line in lines if (match := _TAG.fullmatch(line))]
        titles = [line for line in lines if not _ANY_TAG.match(line)]
        if not tags or not titles or titles[-1] == REST:
            continue
        by = {kind: tuple(tag[2] for tag in tags if tag[1] == kind) for kind in "FXN"}
        sections.append(Section(titles[-1], by["F"], by["X"], by["N"]))
    return tuple(sections)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern of F: or X: names a file: `*` stays in its folder, a last `/` does not."""
    wanted = pattern.rstrip("/").split("/")
    parts = path.split("/")
    if len(parts) < len(wanted) or (len(parts) > len(wanted) and not pattern.endswith("/")):
        return False
    return all(fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=False))


def _found(expression: str, path: str) -> bool:
    try:
        return len(path) <= LONGEST and re.search(expression, path) is not None
    except re.error:
        return False
