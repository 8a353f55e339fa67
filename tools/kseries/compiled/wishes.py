# SPDX-License-Identifier: GPL-2.0
"""Which lines of a Kconfig fragment have compiled what the series under test changes.

The tree's Makefiles tell which symbols a file waits for, conditions in a source those that its
changed lines wait for, and the tree's Kconfig what these depend on (`enabling`). So it is known
before anything is built; `changed` tells afterwards what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from kseries.compiled import enabling
from kseries.compiled.changed import config_values, makefiles_of, names_of
from kseries.compiled.changedfiles import Lines, before, changed_files, changed_lines
from kseries.compiled.cmdfiles import Evidence
from kseries.compiled.includers import includers
from kseries.compiled.leftout import Answer, Built
from kseries.config import fragments
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox
from kseries.lib import atomicfile
from kseries.lib.gitrepo import Repository
from kseries.model import BuildPlace, ChangedFile, FileState, KernelConfig, Stack, Tree

HEAD = """\
# SPDX-License-Identifier: GPL-2.0
# What has compiled the files that the series changes; made from Makefiles and Kconfig of the tree.
"""

KEPT = "wishes"  # in the state folder
SOURCES = (".c", ".h", ".S")
OUT = (FileState.NOT_COMPILED, FileState.OTHER_ARCH)
NOTHING = Evidence({}, {}, {}, frozenset(), frozenset())


@dataclass(frozen=True)
class Wish:
    """A line of a fragment, and the changed files that are not compiled without it."""

    line: str  # "CONFIG_E1000=y"
    files: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What the config of a tree lacks. hopeless: changed files that no config has compiled."""

    wishes: tuple[Wish, ...]
    hopeless: tuple[ChangedFile, ...]


def of(config: KernelConfig, stack: Stack, box: Sandbox) -> Found:
    """Find what a config lacks to have compiled what the series changes.

    The series under test must be whole. box: where it was configured.
    """
    repository, tree = Repository(config.tree.base.repo), config.tree
    there = names_of(repository, tree.head)
    paths = [path for path in changed_files(repository, tree, stack) if path in there]
    paths = [path for path in paths if path.endswith(SOURCES)]
    values = config_values((config.place.state / kbuild.CONFIG).read_text())
    headers = [path for path in paths if path.endswith(".h")]
    users = includers(repository, tree.head, headers) if headers else {}
    former = cache(lambda: names_of(repository, before(tree, stack)))
    built = Built(
        seen=NOTHING,
        values=values,
        makefiles=makefiles_of(repository, tree.head, lambda: there, values),
        users=users,
        former=makefiles_of(repository, before(tree, stack), former, values)
        if before(tree, stack)
        else None,
    )
    lines = changed_lines(repository, tree, stack)
    found = [_waiting(built, path, _text(repository, lines, path)) for path in paths]
    asked = enabling.completed([file for file in found if file.state in OUT], box) or ()
    return Found(_together(asked), tuple(file for file in asked if not file.needs))


def key(tree: Tree, stack: Stack) -> str:
    """Name what decides about the wishes: the sources, and the config before them."""
    merged = fragments.read(stack.fragments, tree.base.version)
    parts = (tree.head, stack.under_test, merged.text)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def kept(place: BuildPlace, key: str) -> str | None:
    """Give the fragment that was found for the same before; None where there is none."""
    try:
        found, _, text = (place.state / KEPT).read_text().partition("\n")
    except FileNotFoundError:
        return None
    return text if found == key else None


def keep(place: BuildPlace, key: str, text: str) -> None:
    """Keep a fragment beside the build; "" where nothing is wished for."""
    atomicfile.write_text(place.state / KEPT, f"{key}\n{text}")


def fragment(found: Found) -> str:
    """Write a Kconfig fragment, each line below the files that want it; "" where nothing is."""
    told: tuple[str, ...] = ()
    lines = []
    for wish in found.wishes:
        if wish.files != told:
            lines += ["\n", *(f"# {file}\n" for file in wish.files)]
            told = wish.files
        lines.append(f"{wish.line}\n")
    if found.hopeless:
        lines += ["\n# These no config of this architecture compiles:\n"]
        lines += [f"# {file.path}: {file.by}\n" for file in found.hopeless]
    return "".join([HEAD, *lines]) if lines else ""


def are_in(fragment: str) -> bool:
    """Whether a fragment asks for anything."""
    return any(map(enabling.LINE.fullmatch, fragment.splitlines()))


def _text(
    repository: Repository, lines: Mapping[str, Lines], path: str
) -> tuple[str, set[int]] | None:
    """Give the text of a file after the series and the numbers of its changed lines."""
    if path not in lines:
        return None
    data = repository.file_at(lines[path].commit, path) or b""
    return data.decode(errors="replace"), lines[path].numbers


def _waiting(built: Built, path: str, text: tuple[str, set[int]] | None) -> ChangedFile:
    """Tell what a file waits for: its object, and then its changed lines."""
    answer = built.expected(path)
    needs = answer.needs
    if text is not None and answer.state in (FileState.COMPILED, FileState.NOT_COMPILED):
        on = {name: "y" for name in map(_symbol, needs) if name}
        inner = replace(built, values={**built.values, **on})
        needs += inner.with_lines(Answer(FileState.COMPILED), *text).needs
    state = FileState.NOT_COMPILED if needs else answer.state
    return ChangedFile(path, (), state, answer.by, tuple(dict.fromkeys(needs)))


def _symbol(line: str) -> str:
    return line.removeprefix("CONFIG_").removesuffix("=y") if line.endswith("=y") else ""


def _together(files: Iterable[ChangedFile]) -> tuple[Wish, ...]:
    """Put the lines of all files together. Where two contradict, the first one stands."""
    wanted: dict[str, list[str]] = {}
    said: dict[str, str] = {}  # symbol → the line about it
    for file in files:
        for line in file.needs:
            symbol = line.removeprefix("# ").removeprefix("CONFIG_").split("=")[0].split(" ")[0]
            if said.setdefault(symbol, line) == line:
                wanted.setdefault(line, []).append(file.path)
    return tuple(Wish(line, tuple(paths)) for line, paths in wanted.items())
