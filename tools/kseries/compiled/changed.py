# SPDX-License-Identifier: GPL-2.0
"""What a build did with each file that the series under test changes.

What was really read decides (`cmdfiles`); only where nothing was, `leftout` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from kseries.compiled.changedfiles import before, changed_files, changed_lines
from kseries.compiled.cmdfiles import Evidence, evidence
from kseries.compiled.includers import includers
from kseries.compiled.leftout import SELFTESTS, Answer, Built
from kseries.compiled.makefiles import Makefiles
from kseries.config.fragments import config_values
from kseries.kbuild import make as kbuild
from kseries.kbuild.sandbox import INSIDE_TREE, Sandbox
from kseries.lib.gitrepo import Repository
from kseries.lib.untrusted import Untrusted
from kseries.model import ChangedFile, FileState, KernelConfig, Stack, Tree

DELETED = Answer(FileState.DELETED)
OF_TARGETS = frozenset({"Makefile", "config", "settings"})
"""Files of a target, or of all of them, that decide how its tests are built and run."""


def changed(config: KernelConfig, stack: Stack, box: Sandbox) -> tuple[ChangedFile, ...] | None:
    """Tell what the build of a config did with what the series under test changes.

    box: where it was built. None where no series is under test, or only a part of it. Raises
    NotPlain where the build folder cannot be read.
    """
    if not stack.under_test or not stack.whole:
        return None
    tree = config.tree
    repository = Repository(tree.base.repo)
    patches = changed_files(repository, tree, stack)
    there = names_of(repository, tree.head)
    values = config_values(box.made.read_text(".config"))
    seen = _evidence(config, box, patches)
    unseen = [path for path in patches if path not in seen.compiled and path not in seen.included]
    users = {
        path: [user for user in found if user in patches] or found
        for path, found in includers(repository, tree.head, unseen).items()
    }
    built = of_build(tree, stack, there, seen, values, users)
    lines = changed_lines(repository, tree, stack)
    found = []
    for path, numbers in patches.items():
        answer = built.answer(path) if path in there else DELETED
        if answer.state is FileState.COMPILED and path in lines and lines[path].numbers:
            text = lines[path].text(repository, path)
            answer = built.with_lines(answer, text, lines[path].numbers)
        found.append(ChangedFile(path, numbers, answer.state, answer.by, answer.needs))
    return tuple(found)


def readers(
    config: KernelConfig, stack: Stack, paths: Collection[str]
) -> Mapping[str, frozenset[str]]:
    """Give path → the objects of the last build whose compiler read it. Raises NotPlain."""
    box = kbuild.sandbox(config.tree.path, config.place, trusted=stack.trusted)
    return _evidence(config, box, paths).readers


def _evidence(config: KernelConfig, box: Sandbox, paths: Collection[str]) -> Evidence:
    trees = (str(INSIDE_TREE), str(config.tree.path.absolute()))
    return evidence(box.made, paths, trees, str(box.inside_build))


def names_of(repository: Repository, commit: str) -> frozenset[str]:
    """Name all files of a commit."""
    return frozenset(repository.entries("ls-tree", "-r", "-z", "--name-only", commit))


def of_build(
    tree: Tree,
    stack: Stack,
    there: Collection[str],
    seen: Evidence,
    values: Mapping[str, str],
    users: Mapping[str, Sequence[str]],
) -> Built:
    """Put together what is known of a build. there: all files of the tree."""
    repository, parent = Repository(tree.base.repo), before(tree, stack)
    # Asked for only where something was left out.
    names = cache(lambda: names_of(repository, parent))
    former = _makefiles(repository, parent, names, values) if parent else None
    makefiles = _makefiles(repository, tree.head, lambda: there, values)
    return Built(seen, values, makefiles, users, former)


def _makefiles(
    repository: Repository,
    commit: str,
    names: Callable[[], Collection[str]],
    values: Mapping[str, str],
) -> Makefiles:
    """Give the Makefiles of a commit. names: of all its files; git is asked for no other one."""

    def read(path: str) -> str | None:
        found = repository.file_at(commit, path) if path in names() else None
        return None if found is None else found.decode(errors="replace")

    return Makefiles(read, values)


def with_tests(files: Sequence[ChangedFile] | None, folder: Path) -> tuple[ChangedFile, ...] | None:
    """Take over which of the tree's own tests were installed in a folder."""
    if files is None:
        return None
    installed = frozenset(file.name for file in Untrusted(folder).files())
    return tuple(_as_test(file, installed) for file in files)


def _as_test(file: ChangedFile, installed: Collection[str]) -> ChangedFile:
    name = file.path.removeprefix(SELFTESTS)
    if name == file.path or file.state is not FileState.NOT_BUILT:
        return file
    for there in (name, name.removesuffix(".c")):
        if there in installed:
            return replace(file, state=FileState.COMPILED, by=f"the test {there}")
    folder, _, last = name.rpartition("/")
    if last in OF_TARGETS and any(one.rpartition("/")[0] == folder for one in installed):
        return replace(file, state=FileState.COMPILED, by=f"the tests of {folder or SELFTESTS}")
    return replace(file, by="no suite of this run has it")
