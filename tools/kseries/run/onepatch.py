# SPDX-License-Identifier: GPL-2.0
"""A patch of ours on top of a tree, as a series."""

from __future__ import annotations

import hashlib

from kseries.bench import rebuild
from kseries.lib import atomicfile
from kseries.lib.gitrepo import Repository
from kseries.lib.runfolder import RunFolder
from kseries.model import Patch, Series, Tree

AUTHOR = "kseries <kseries@localhost>"


def reader(tree: Tree) -> rebuild.Read:
    """Give what reads the files of a tree as they are committed."""
    repository = Repository(tree.base.repo)

    def read(path: str) -> str | None:
        found = repository.file_at(tree.head, path)
        return None if found is None else found.decode(errors="surrogateescape")

    return read


def of_one_patch(folder: RunFolder, title: str, text: str) -> Series:
    """Write a patch of ours, and give the series that it is."""
    file, content = folder.path / "0001.patch", text.encode(errors="surrogateescape")
    folder.path.mkdir(parents=True, exist_ok=True)
    atomicfile.write_bytes(file, content)
    patch = Patch(1, title, AUTHOR, "", file, hashlib.sha256(content).hexdigest())
    return Series(
        name="kseries-bench",
        title=title,
        message_id="",
        version=1,
        posted=1,
        base="",
        requires=(),
        needs=(),
        patches=(patch,),
        origin=str(file),
    )
