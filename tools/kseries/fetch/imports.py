# SPDX-License-Identifier: GPL-2.0
"""Kernel sources that are in git: bare repositories in the cache, each with a record of itself.

An import appears whole, by a rename, with its record; what a killed one left has another name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kseries.fetch import kerneltree
from kseries.lib import atomicfile, gitrepo, leases
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.progress import Progress

RECORD = "kseries.json"
BRANCH = "refs/heads/source"


@dataclass(frozen=True)
class Import:
    """What a repository holds.

    content: what identifies the source. commit: 40 digits. version: of the kernel. origin: what
    it was made of, for people.
    """

    content: str
    commit: str
    version: str
    origin: str


_ADAPTER = TypeAdapter(Import)


def read(path: Path) -> Import | None:
    """Read the record of an import; None where there is none, or its commit is gone."""
    try:
        found = _ADAPTER.validate_json((path / RECORD).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return found if Repository(path).commit_of(found.commit) else None


def matching(folder: Path, name: str, content: str) -> Iterator[tuple[Path, Import]]:
    """Find the imports of a source's name whose content begins with a text, newest first."""
    records = sorted(
        folder.glob(f"{name}-*.git/{RECORD}"), key=lambda item: item.stat().st_mtime, reverse=True
    )
    for record in records:
        lease = leases.use(record.parent)
        found = read(record.parent)
        if found is not None and found.content.startswith(content):
            yield record.parent, found
        else:
            lease.release()


def make_once(
    path: Path,
    content: str,
    origin: str,
    fill: Callable[[Repository], str],
    progress: Progress,
) -> Import:
    """Give the import at `path`; make it when it is not there, or of another content.

    fill: gets an empty repository, writes the source into it and gives the commit. It may raise;
    nothing is left then. The import is in use until this process ends.
    """
    lease = leases.use(path)
    try:
        with locked(path, progress):
            found = read(path)
            if found is not None and found.content == content:
                return found
            with atomicfile.new_folder(path) as partial:
                repository = gitrepo.create(partial)
                return record(repository, content, origin, fill(repository))
    except BaseException:
        lease.release()
        raise


def record(repository: Repository, content: str, origin: str, commit: str) -> Import:
    """Write down what a repository holds. Raises UserError when it is no kernel."""
    version = _version(repository, commit, origin)
    repository.text("update-ref", BRANCH, commit)
    made = Import(content, commit, version, origin)
    atomicfile.write_bytes(repository.path / RECORD, _ADAPTER.dump_json(made, indent=2) + b"\n")
    return made


def commit_of_tree(repository: Repository, tree: str, origin: str) -> str:
    """Make the commit of an imported tree; its id follows from the tree alone.

    Raises UserError when the tree is no kernel's.
    """
    file = repository.path / "IMPORT_MESSAGE"
    file.write_text(f"Linux {_version(repository, tree, origin)}\n")
    try:
        return repository.commit_tree(tree, message=file)
    finally:
        file.unlink()


def _version(repository: Repository, tree: str, origin: str) -> str:
    makefile = repository.file_at(tree, "Makefile")
    version = kerneltree.version(makefile) if makefile is not None else ""
    if not version:
        raise kerneltree.not_a_kernel(origin)
    return version
