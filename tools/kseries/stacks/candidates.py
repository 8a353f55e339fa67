# SPDX-License-Identifier: GPL-2.0
"""Try a series on a base: which of its patches apply, and which files are as it knew them.

Nothing is built and no worktree is touched: patches go to an index of their own, as in the stage
apply.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.gitrepo import Repository
from kseries.model import BaseTree, Patch, Series
from kseries.series.mailpatch import Mail, read_mail

# Of the names that a patch gives; they become arguments of a program.
MOST_NAMES = 2000
LONGEST_NAME = 1000

_SECTION = re.compile(r"^diff --git ", re.MULTILINE)
_INDEX = re.compile(r"^index ([0-9a-f]{7,64})\.\.([0-9a-f]{7,64})", re.MULTILINE)
_OLD = re.compile(r"^(?:--- a/|rename from |copy from )([^\t\n]+)", re.MULTILINE)
_NEW = re.compile(r"^(?:\+\+\+ b/|rename to |copy to )([^\t\n]+)", re.MULTILINE)
_WHERE = re.compile(r"^error: (?:patch failed: )?(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Candidate:
    """How a series fits a base, with what must stand below it.

    applied: patches that apply, in their order from the first; in_base: those of them that the base
    has already. blobs, named: files that the base
    has exactly as the patches knew them, of those whose content they name. why_not: the first
    patch that does not apply, and where; "" where all do. has_commit: the commit that the author
    named (base-commit:) is in the repository.
    """

    base: BaseTree
    applied: int
    in_base: int
    total: int
    blobs: int
    named: int
    why_not: str
    has_commit: bool
    below: str = ""  # id of the tree that it is put on, the base with what stands below it
    patched: str = ""  # id of the tree with all patches; "" where one does not apply

    @property
    def fits(self) -> bool:
        """Whether all patches apply, and the base has not all of them already."""
        return self.applied == self.total > self.in_base

    @property
    def exact(self) -> bool:
        """Whether all files that the patches name are as they knew them."""
        return self.fits and self.blobs == self.named > 0


def tried(series: Series, base: BaseTree, before: Sequence[Series] = ()) -> Candidate:
    """Try a series on a base, on top of others. Raises UserError for a patch that is no mail."""
    repository = Repository(base.repo)
    with tempfile.TemporaryDirectory(prefix="kseries-base-") as name:
        scratch = Path(name)
        mails = [(patch, read_mail(repository, patch, scratch)) for patch in series.patches]
        known = _known_before(mail.diff for _, mail in mails)
        indexed = repository.with_index(scratch / "index")
        with atomicfile.disk_errors(scratch):
            indexed.text("read-tree", base.commit)
            applied = in_base = 0
            why_not = _why_not_below(indexed, before, scratch)
            below = indexed.text("write-tree")
            there = _blobs(repository, below, list(known))
            if not why_not:
                applied, in_base, why_not = _applied(indexed, mails)
            patched = "" if why_not else indexed.text("write-tree")
    return Candidate(
        base=base,
        applied=applied,
        in_base=in_base,
        total=len(series.patches),
        blobs=sum(there.get(path, "").startswith(blob) for path, blob in known.items()),
        named=len(known),
        why_not=why_not,
        has_commit=bool(series.base_commit and repository.commit_of(series.base_commit)),
        below=below,
        patched=patched,
    )


def _why_not_below(indexed: Repository, before: Sequence[Series], scratch: Path) -> str:
    """Apply series that stand below another; say which of their patches does not apply, or ""."""
    for series in before:
        mails = [(patch, read_mail(indexed, patch, scratch)) for patch in series.patches]
        if why_not := _applied(indexed, mails)[2]:
            return f"{series.name}, which stands below it: {why_not}"
    return ""


def _applied(indexed: Repository, mails: Sequence[tuple[Patch, Mail]]) -> tuple[int, int, str]:
    """Give how many patches apply, how many are in the base, and what keeps the next one from it.

    One that the base has already counts as one that applies: the stage apply passes it over.
    """
    in_base = 0
    for count, (patch, mail) in enumerate(mails):
        answer = indexed.ask("apply", "--cached", mail.diff)
        if answer.ok:
            continue
        if indexed.ask("apply", "--cached", "--reverse", "--check", mail.diff).ok:
            in_base += 1
            continue
        where = _WHERE.findall(answer.stderr)
        told = f"patch {patch.index}, '{patch.title}': {where[0] if where else 'mangled'}"
        return count, in_base, told
    return len(mails), in_base, ""


def _known_before(diffs: Iterator[Path]) -> dict[str, str]:
    """Give path → the (abbreviated) id of its content before the series, where patches name it."""
    known: dict[str, str] = {}
    touched: set[str] = set()
    for file in diffs:
        sections = _SECTION.split(file.read_text(errors="surrogateescape"))[1:]
        for section in sections:
            old, new, ids = (pattern.search(section) for pattern in (_OLD, _NEW, _INDEX))
            path = old[1] if old else ""
            if path and ids and path not in touched and ids[1].strip("0"):
                known.setdefault(path, ids[1])
            touched |= {match[1] for match in (old, new) if match}
    return {path: blob for path, blob in known.items() if len(path) <= LONGEST_NAME}


def _blobs(repository: Repository, tree: str, paths: Sequence[str]) -> dict[str, str]:
    """Give path → id of the content of files in a tree."""
    if not paths:
        return {}
    words = ("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", tree, "--")
    found = {}
    for entry in repository.ask(*words, *paths[:MOST_NAMES]).entries:
        meta, _, path = entry.partition("\t")
        found[path] = meta.split(" ")[2]
    return found
