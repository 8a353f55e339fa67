# SPDX-License-Identifier: GPL-2.0
"""What a tree in git says of its tests: MAINTAINERS, targets of kselftest, symbols of KUnit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath

from kseries.choice import maintainers
from kseries.choice.maintainers import Section
from kseries.lib.gitrepo import Repository
from kseries.suite import SELFTESTS
from kseries.suites import listed

OURS = "x86"  # as the tree calls the architecture that we build

_KUNIT = re.compile(r"obj-\$[({]CONFIG_(\w*KUNIT\w*)[)}]\s*[+:]?=(.*)")
_OBJECT = re.compile(r"([\w-]+)\.o\b")


@dataclass(frozen=True)
class KunitTest:
    """A symbol of KUnit tests. folder: of the Makefile that names its objects."""

    symbol: str
    folder: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class TreeFiles:
    """The files of a tree, by its id.

    base: of the tree before the series, whose MAINTAINERS is read: that has regular expressions,
    and one that the series wrote could keep us busy for ever.
    """

    repository: Repository
    tree: str
    base: str
    _programs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """Give the text of a file, "" where there is none."""
        return self._text(self.tree, path)

    def _text(self, tree: str, path: str) -> str:
        content = self.repository.file_at(tree, path)
        return (content or b"").decode(errors="replace")

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Give the sections of MAINTAINERS."""
        return maintainers.parse(self._text(self.base, "MAINTAINERS"))

    @cached_property
    def targets(self) -> frozenset[str]:
        """Give the folders of kselftest that have a Makefile, relative to it.

        Those of other architectures (powerpc, sparc64) are left out: their Makefiles make nothing.
        """
        paths = self.repository.entries(
            "ls-tree", "-r", "-z", "--name-only", self.tree, "--", f"{SELFTESTS}/"
        )
        places = [PurePosixPath(path).relative_to(SELFTESTS) for path in paths]
        return frozenset(
            str(place.parent)
            for place in places
            if place.name == "Makefile"
            and place.parent.parts
            and not self._is_foreign(place.parts[0])
        )

    def _is_foreign(self, folder: str) -> bool:
        return folder.rstrip("0123456789") in self._others or folder in self._others

    @cached_property
    def _others(self) -> frozenset[str]:
        """Name the architectures of the tree that are not ours."""
        folders = self.repository.entries("ls-tree", "-z", "--name-only", self.tree, "--", "arch/")
        return frozenset(folder.removeprefix("arch/") for folder in folders) - {OURS}

    def target_of(self, path: str) -> str:
        """Give the target that a file of kselftest belongs to, "" where there is none."""
        place = PurePosixPath(path.rstrip("/"))
        if not place.is_relative_to(SELFTESTS):
            return ""
        place = place.relative_to(SELFTESTS)
        for folder in (place, *place.parents):
            if str(folder) in self.targets:
                return str(folder)
        return ""

    def programs(self, target: str) -> tuple[str, ...]:
        """Give the programs that a target lists; wildcards are looked up."""
        if target not in self._programs:
            self._programs[target] = self._listed(target)
        return self._programs[target]

    def _listed(self, target: str) -> tuple[str, ...]:
        folder = f"{SELFTESTS}/{target}"
        names = self.repository.entries(
            "ls-tree", "-z", "--name-only", self.tree, "--", f"{folder}/"
        )
        files = [name.removeprefix(f"{folder}/") for name in names]

        def matching(pattern: str) -> list[str]:
            return [file for file in files if fnmatchcase(file, pattern)]

        words = listed.words_of(self.text(f"{folder}/Makefile"), listed.RUN, matching)
        return tuple(sorted(word for word in words.words if "/" not in word))

    @cached_property
    def kunit(self) -> tuple[KunitTest, ...]:
        """Give the symbols of KUnit tests."""
        words = ("grep", "-E", "-z", "-e", r"^obj-\$[({]CONFIG_[A-Z0-9_]*KUNIT", self.tree)
        found = []
        for entry in self._matches(*words, "--", "*Makefile", "*Kbuild"):
            file, _, line = entry.removeprefix(f"{self.tree}:").partition("\0")
            if match := _KUNIT.match(line):
                objects = tuple(_OBJECT.findall(match[2]))
                folder = str(PurePosixPath(file).parent)
                found.append(KunitTest(match[1], folder, objects))
        return tuple(found)

    def _matches(self, *words: str) -> Sequence[str]:
        return self.repository.ask(*words).text.splitlines()
