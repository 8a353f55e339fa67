# SPDX-License-Identifier: GPL-2.0
"""A rendered selftest folder as a kernel patch, for the tree that it is to be applied to.

The patch is git's own: the files it changes are taken from the tree, which is only read, and the
change is made and formatted in a repository of its own.
"""

from __future__ import annotations

import tempfile
from bisect import insort
from collections.abc import Mapping
from pathlib import Path

from kseries.lib import atomicfile, gitrepo
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import Repository

SELFTESTS = "tools/testing/selftests"
LIST = f"{SELFTESTS}/Makefile"
MAINTAINERS = "MAINTAINERS"
SECTION = "IO_URING"
TARGET = "TARGETS += "

MESSAGE = """\
selftests: drivers/net: test io_uring zero copy receive

Cases of registration, refill ring, requests, streams and of what goes away
while data is on its way. They run on netdevsim devices of their own, or on
the interface that NETIF names where that is possible. Those that take
minutes are in TEST_GEN_PROGS_EXTENDED.

The programs are generated: their cases are rows of a table, each of which
names the rule of the interface that it tests.

Signed-off-by: {name} <{email}>
"""


def write(patch: Path, tree: Path, folder: str, files: Mapping[str, str]) -> None:
    """Write the patch that adds a folder of tests to a tree.

    folder: below tools/testing/selftests; files: name → text. Raises UserError when the tree has
    no list of selftests, or has the folder already.
    """
    base = {LIST: _read(tree, LIST)}
    changed = {LIST: with_target(base[LIST], folder)}
    if (tree / SELFTESTS / folder).exists():
        raise UserError(
            "The tree has these tests already.",
            where=str(tree / SELFTESTS / folder),
            do="take a tree without them",
        )
    if (tree / MAINTAINERS).is_file():
        base[MAINTAINERS] = _read(tree, MAINTAINERS)
        changed[MAINTAINERS] = with_file(base[MAINTAINERS], f"{SELFTESTS}/{folder}/")
    changed |= {f"{SELFTESTS}/{folder}/{name}": text for name, text in files.items()}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "work"
        repository = gitrepo.create(Path(scratch) / "git").at(work)
        name, email = gitrepo.IDENTITY
        message = MESSAGE.format(name=name, email=email)
        parent = _commit(repository, base, "base\n", "")
        head = _commit(repository, changed, message, parent)
        with atomicfile.new_file(patch) as partial:
            words = ("format-patch", f"--output={partial}", "--zero-commit", "--no-signature")
            repository.text(*words, "-1", head)


def with_target(makefile: str, folder: str) -> str:
    """Give the list of selftests with one more, in its place by the alphabet."""
    lines = makefile.splitlines()
    targets = [line for line in lines if line.startswith(TARGET)]
    line = f"{TARGET}{folder}"
    if not targets or line in targets:
        return makefile
    before = list(targets)
    insort(before, line)
    place = before.index(line)
    after = lines.index(targets[place - 1]) + 1 if place else lines.index(targets[0])
    lines.insert(after, line)
    return "\n".join(lines) + "\n"


def with_file(maintainers: str, path: str) -> str:
    """Give MAINTAINERS with one more path in the section of io_uring, if it has that."""
    lines = maintainers.splitlines()
    if SECTION not in lines:
        return maintainers
    last = lines.index(SECTION)
    while last + 1 < len(lines) and lines[last + 1]:
        last += 1
    lines.insert(last + 1, f"F:\t{path}")
    return "\n".join(lines) + "\n"


def _commit(repository: Repository, files: Mapping[str, str], message: str, parent: str) -> str:
    assert repository.work_tree is not None
    for name, content in files.items():
        atomicfile.write_text(repository.work_tree / name, content)
    text = repository.path / "message"
    atomicfile.write_text(text, message)
    repository.text("add", "--all", "--force")
    return repository.commit_tree(repository.text("write-tree"), message=text, parent=parent)


def _read(tree: Path, name: str) -> str:
    try:
        return (tree / name).read_text()
    except FileNotFoundError:
        raise UserError(
            f"The tree has no {name}.", where=str(tree), do="name the top of a kernel tree"
        ) from None
