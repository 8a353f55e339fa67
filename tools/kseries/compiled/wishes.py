# SPDX-License-Identifier: GPL-2.0
"""Which lines of a Kconfig fragment have compiled what the series changes, and what suites want.

The tree's Makefiles tell which symbols a file waits for, conditions in a source those that its
changed lines wait for, and the tree's Kconfig what these depend on (`enabling`). So it is known
before anything is built; `changed` tells afterwards what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kseries.compiled import enabling
from kseries.compiled.changed import names_of, of_build
from kseries.compiled.changedfiles import Lines, changed_files, changed_lines
from kseries.compiled.cmdfiles import Evidence
from kseries.compiled.includers import includers
from kseries.compiled.leftout import Answer, Built
from kseries.config import fragments
from kseries.config.fragments import config_values
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import Sandbox
from kseries.lib import atomicfile
from kseries.lib.gitrepo import Repository
from kseries.model import BuildPlace, ChangedFile, FileState, KernelConfig, Stack, Tree
from kseries.suites import treeconfig

HEAD = """\
# SPDX-License-Identifier: GPL-2.0
# What has compiled the files that the series changes, and what its tests want; made from Makefiles,
# Kconfig and tests of the tree.
"""

KEPT = "wishes"  # in the state folder
SOURCES = (".c", ".h", ".S")
OUT = (FileState.NOT_COMPILED, FileState.OTHER_ARCH)
NOTHING = Evidence({}, {}, {}, frozenset(), frozenset())


@dataclass(frozen=True)
class Wish:
    """A line of a fragment, and the changed files that are not compiled without it."""

    line: str  # "CONFIG_E1000=y"
    files: tuple[str, ...]  # or the suite that wants it


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
    users = includers(repository, tree.head, headers)
    built = of_build(tree, stack, there, NOTHING, values, users)
    lines = changed_lines(repository, tree, stack)
    found = [_waiting(built, path, lines.get(path), repository) for path in paths]
    asked = enabling.completed([file for file in found if file.state in OUT], box) or ()
    wishes = _together([(file.path, file.needs) for file in asked])
    return Found(wishes, tuple(file for file in asked if not file.needs))


def of_suites(config: KernelConfig, stack: Stack, box: Sandbox) -> tuple[Wish, ...]:
    """Find what a config lacks of what the stack's suites want beside its fragments."""
    wants = [
        (suite.name, lines)
        for suite in stack.suites
        for lines in treeconfig.wanted(suite, config.tree.path)
    ]
    told = enabling.answers(box, [lines for _, lines in wants])
    # Those for which no way is known are handed on: make may know one.
    return _together([(f"suite {name}", told.get(lines) or lines) for name, lines in wants])


def are_wanted(tree: Tree, stack: Stack) -> bool:
    """Whether a suite of the stack wants anything beside fragments."""
    return any(treeconfig.wanted(suite, tree.path) for suite in stack.suites)


def key(tree: Tree, stack: Stack) -> str:
    """Name what decides about the wishes: the sources, the config before them, the suites."""
    merged = fragments.read(stack.fragments, tree.base.version)
    wanted = [treeconfig.wanted(suite, tree.path) for suite in stack.suites]
    parts = (tree.head, stack.under_test, merged.text, repr(wanted))
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


def _waiting(built: Built, path: str, lines: Lines | None, repository: Repository) -> ChangedFile:
    """Tell what a file waits for: its object, and then its changed lines."""
    answer = built.expected(path)
    needs = answer.needs
    if (
        lines is not None
        and lines.numbers
        and answer.state in (FileState.COMPILED, FileState.NOT_COMPILED)
    ):
        on = config_values("\n".join(needs))
        inner = replace(built, values={**built.values, **on})
        text = lines.text(repository, path)
        needs += inner.with_lines(Answer(FileState.COMPILED), text, lines.numbers).needs
    state = FileState.NOT_COMPILED if needs else answer.state
    return ChangedFile(path, (), state, answer.by, tuple(dict.fromkeys(needs)))


def together(found: Found, more: Iterable[Wish]) -> Found:
    """Add wishes; where two contradict, the first one stands."""
    wants = [(who, (wish.line,)) for wish in (*found.wishes, *more) for who in wish.files]
    return replace(found, wishes=_together(wants))


def _together(wants: Iterable[tuple[str, Sequence[str]]]) -> tuple[Wish, ...]:
    """Put the lines of all who want some together. Where two contradict, the first one stands."""
    wanted: dict[str, list[str]] = {}
    said: dict[str, str] = {}  # symbol → the line about it
    for who, lines in wants:
        for line in lines:
            match = fragments.SET.fullmatch(line) or fragments.NOT_SET.fullmatch(line)
            if match and said.setdefault(match[1], line) == line:
                wanted.setdefault(line, []).append(who)
    return tuple(Wish(line, tuple(dict.fromkeys(whose))) for line, whose in wanted.items())
