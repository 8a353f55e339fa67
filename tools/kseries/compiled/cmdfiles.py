# SPDX-License-Identifier: GPL-2.0
"""What a build really read: the `.X.cmd` files that kbuild leaves beside all that it makes.

Each has the command of `X` in its first line; for what a compiler made, `source_X` and `deps_X`
name the source and all that it includes. Objects of an earlier config stay in the folder, so an
object counts only where what was linked leads to it. All of it was written in the sandbox, and is
data that may be wrong, never an instruction.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kseries.lib.untrusted import MIB, NotPlain, Untrusted

# vmlinux.o's or a large driver's have some 100 KiB.
CMD_LIMIT = 4 * MIB
ALL_LIMIT = 4096 * MIB

KCONFIG_READ = "include/config/auto.conf.cmd"
# Linked by a script, which names no object.
LINKED = ("vmlinux.o", "vmlinux.a", "init/version-timestamp.o")
# kbuild's own tools have a make of their own, and no config: nothing of theirs is out of date.
TOOLS = "tools/"

_OBJECTS = (".o", ".a", ".ko")
_MEMBERS = re.compile(r'printf "(\S*)%s " ([^|]*)\|')
_WORDS = re.compile(r"[^\s\"'();<>|=,]+")
_SOURCE = re.compile(r"^source_\S+ := (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Evidence:
    """What the build did with the files that were asked for, by their paths in the tree.

    compiled: the object that was made of each. included: an object whose source includes it.
    readers: all objects whose compiler read it.
    named: what was made by a command that names it. kconfig: those that Kconfig read.
    folders: those in which something was compiled or archived.
    """

    compiled: Mapping[str, str]
    included: Mapping[str, str]
    named: Mapping[str, str]
    kconfig: frozenset[str]
    folders: frozenset[str]
    readers: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass
class _Found:
    """What one .cmd file says of the files that were asked for."""

    links: set[str]  # objects and archives that its command names
    source: set[str] = field(default_factory=set)
    deps: set[str] = field(default_factory=set)
    command: set[str] = field(default_factory=set)


def evidence(
    build: Untrusted, asked: Collection[str], trees: Sequence[str], inside: str
) -> Evidence:
    """Look for files of the tree in what a build left.

    trees: where make may have seen the tree, inside: where it saw the build folder, as absolute
    paths. Raises NotPlain.
    """
    reader = _Reader(build, asked, trees, inside)
    found: dict[str, _Found] = {}
    there: set[str] = set()
    total = 0
    for file in build.files():
        if file.size:
            there.add(file.name)
        folder, _, name = file.name.rpartition("/")
        if name.startswith(".") and name.endswith(".cmd"):
            total += file.size
            if total > ALL_LIMIT:
                raise NotPlain(
                    f"The build left more than {ALL_LIMIT // MIB} MiB of .cmd files.",
                    where=str(build.path),
                    do="read the log of the build; a series that does this cannot be trusted",
                )
            target = str(PurePosixPath(folder, name[1:].removesuffix(".cmd")))
            found[target] = reader.read(file.name, target)
    # The first by name is the evidence, the same each time.
    live = sorted(_live(found), reverse=True)
    made = [target for target in live if target in there]
    readers: dict[str, set[str]] = {}
    for target in made:
        for path in (*found[target].source, *found[target].deps):
            readers.setdefault(path, set()).add(target)
    return Evidence(
        compiled={path: target for target in made for path in found[target].source},
        included={path: target for target in made for path in found[target].deps},
        named={path: target for target in live for path in found[target].command},
        kconfig=reader.kconfig(),
        folders=frozenset(str(PurePosixPath(target).parent) for target in live),
        readers={path: frozenset(targets) for path, targets in readers.items()},
    )


class _Reader:
    """Reads .cmd files, looking for the files that were asked for."""

    def __init__(
        self, build: Untrusted, asked: Collection[str], trees: Sequence[str], inside: str
    ) -> None:
        self._build = build
        self._asked = frozenset(asked)
        # kbuild names the tree ".." where the build folder lies in it.
        roots = ("..", *trees)
        self._spelled = {f"{root}/{path}": path for root in roots for path in asked}
        self._inside = f"{inside}/"

    def read(self, name: str, target: str) -> _Found:
        text = self._build.read_text(name, CMD_LIMIT)
        command, _, rest = text.partition("\n")
        found = _Found(set(self._links(command)))
        found.command = self._named(_WORDS.findall(command), target)
        source = _SOURCE.search(rest)
        if source:
            found.source = self._named([source[1]], target)
            found.deps = self._named(rest.split(), target) - found.source
        return found

    def kconfig(self) -> frozenset[str]:
        """Give those that Kconfig read; it names them from the top of the tree."""
        try:
            words = self._build.read_text(KCONFIG_READ, CMD_LIMIT).split()
        except NotPlain:
            return frozenset()
        return frozenset(self._asked.intersection(words))

    def _named(self, words: Sequence[str], target: str) -> set[str]:
        found = {self._spelled[word] for word in self._spelled.keys() & set(words)}
        if target.startswith(TOOLS):
            # Names there are relative to where the sources are.
            folder = PurePosixPath(target).parent
            found |= self._asked.intersection(str(folder / word) for word in words)
        return found

    def _links(self, command: str) -> Iterator[str]:
        members = _MEMBERS.search(command)
        words = _WORDS.findall(command)
        if members:
            # What `printf` makes of these names is what the archive is told.
            words = _WORDS.findall(_MEMBERS.sub(" ", command))
            words += [members[1] + word for word in members[2].split()]
        for word in words:
            if word.endswith(_OBJECTS):
                yield word.removeprefix(self._inside).removeprefix("./")


def _live(found: Mapping[str, _Found]) -> set[str]:
    """Give what is a part of what was built: all but the objects that nothing links any more."""
    todo = [name for name in found if not name.endswith(_OBJECTS) or name.startswith(TOOLS)] + list(
        LINKED
    )
    live: set[str] = set()
    while todo:
        name = todo.pop()
        if name in found and name not in live:
            live.add(name)
            todo += found[name].links
    return live
