# SPDX-License-Identifier: GPL-2.0
"""Take what lies in a local kernel tree into a repository of ours; the tree is only read.

Everything counts that git would take: uncommitted changes, untracked files, and also tracked
files that an ignore rule names. Left out are what the tree's own rules ignore, repositories
nested in it, and in a tree that is in no git, what a build leaves. The repository keeps an index
for the tree, so that a second snapshot reads only what changed.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kseries.fetch import buildproducts, fastimport
from kseries.fetch.fastimport import fast_import
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import GitError, Repository
from kseries.lib.naming import few
from kseries.lib.progress import Progress, Ticker

INDEX = "snapshot.index"
RAW_REF = "refs/kseries/raw"
TIME_LIMIT_S = 1800.0

SHOWN = 4  # names in a note


def snapshot(
    repository: Repository,
    folder: Path,
    log: Path,
    progress: Progress,
    room: Callable[[int], None] = lambda _size: None,
) -> str:
    """Bring the index of the tree up to date; give the id of the tree object.

    The caller holds the repository's lock. room: called before all of the tree is read, with the
    bytes of its files. Raises UserError when the tree cannot be read.
    """
    index = repository.path / INDEX
    # A killed snapshot leaves git's own lock; ours says that nobody else is at work.
    (repository.path / f"{INDEX}.lock").unlink(missing_ok=True)
    ours = repository.at(folder).with_index(index)
    theirs = Repository(folder / ".git", work_tree=folder)
    built = _built(theirs)
    if left := ours.entries("ls-files", "-z", "-o", "-i", *built) if built else []:
        progress.note(f"left out of {folder}, as a build leaves it there: {_shown(left)}")
    if index.is_file():
        _refresh(ours, log)
    changed, nested = _changed(ours, theirs, folder, built)
    if nested:
        progress.note(f"left out of {folder}, being repositories of their own: {', '.join(nested)}")
    if not index.is_file():
        room(sum(_size(folder / path) for path in changed))
        progress.update(f"reading {len(changed)} files of {folder}")
        _import_all(repository, folder, changed, progress)
        ours.text("read-tree", RAW_REF)
        _refresh(ours, log)
        # Files that changed since they were read are found now.
        changed, _ = _changed(ours, theirs, folder, built)
    if changed:
        _update(ours, changed, log)
    # Of a snapshot that was made when the tree was in git, or by an earlier kseries.
    stale = ours.entries("ls-files", "-z", "-c", "-i", *built) if built else []
    if stale:
        _update(ours, stale, log, "--force-remove")
    return ours.text("write-tree")


def head(folder: Path) -> tuple[str, str]:
    """Give the commit that is checked out in a tree, and its tree object; "" outside git."""
    theirs = Repository(folder / ".git", work_tree=folder)
    commit = theirs.commit_of("HEAD")
    return (commit, theirs.tree_of(commit)) if commit else ("", "")


def _built(theirs: Repository) -> list[str]:
    """Give the options that name what a build leaves; none for a tree in git, which knows it."""
    if theirs.ask("rev-parse", "--git-dir").ok:
        return []
    return [f"--exclude={rule}" for rule in buildproducts.RULES]


def _shown(names: Sequence[str]) -> str:
    first = sorted(names, key=lambda name: (name.count("/"), name))
    return few(first, SHOWN, what="files")


def _refresh(ours: Repository, log: Path) -> None:
    """Have the index know its files as they are on the disk, those with the same content.

    Of a tree that was copied or touched, git would read each of them again every time.
    """
    ours.work("update-index", "-q", "--refresh", deadline=_deadline(), log=log, check=False)


def _changed(
    ours: Repository, theirs: Repository, folder: Path, built: Sequence[str]
) -> tuple[list[str], list[str]]:
    """List the files that the index lacks, or has otherwise, or that are gone.

    The second list names repositories nested in the tree.
    """
    rules = [*_their_exclude_file(theirs), "ls-files", "-z", "-o", "-m", "-d"]
    rules += [
        "--exclude-standard",
        *(f"--exclude={rule}" for rule in _rescue(ours, folder)),
        *built,
    ]
    found = set(ours.entries(*rules))
    nested = sorted(entry for entry in found if entry.endswith("/"))
    tracked = theirs.ask(
        "-c", "core.fsmonitor=false", "ls-files", "-z", "-c", "-i", "--exclude-standard"
    )
    if tracked.ok:
        named = set(tracked.entries) - set(ours.entries("ls-files", "-z"))
        found.update(entry for entry in named if _is_file(folder / entry))
    return sorted(found.difference(nested)), nested


def _their_exclude_file(theirs: Repository) -> list[str]:
    """Give the option that makes git heed info/exclude of the tree's own repository."""
    answer = theirs.ask("rev-parse", "--path-format=absolute", "--git-path", "info/exclude")
    return ["-c", f"core.excludesFile={answer.text}"] if answer.ok else []


def _rescue(ours: Repository, folder: Path) -> list[str]:
    """Give patterns that undo ignore rules meant for the whole tree.

    Debian's kernel sources ignore "/*", because Debian keeps only its packaging in git. Rules of
    the top .gitignore that hit the top Makefile are taken out, and what the rest says about the
    top folder's entries is said again with more weight.
    """
    if not ours.ask("check-ignore", "--no-index", "--quiet", "Makefile").ok:
        return []
    entries = sorted(entry for entry in folder.iterdir() if entry.name != ".git")
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch)
        for entry in entries:
            place = model / entry.name
            place.mkdir() if entry.is_dir() and not entry.is_symlink() else place.touch()
        rules = (folder / ".gitignore").read_bytes().split(b"\n")
        judge = ours.at(model)
        (model / ".gitignore").write_bytes(b"\n".join(rules))
        while judge.ask("check-ignore", "--no-index", "--quiet", "Makefile").ok:
            # ".gitignore:168:/*<tab>Makefile"
            verdict = judge.text("check-ignore", "--no-index", "--verbose", "Makefile")
            rules[int(verdict.split(":")[1]) - 1] = b""
            (model / ".gitignore").write_bytes(b"\n".join(rules))
        names = [entry.name for entry in entries]
        listing = model / ".git"  # the one name that cannot be taken
        listing.write_bytes(b"".join(os.fsencode(name) + b"\0" for name in names))
        words = ("check-ignore", "--no-index", "-z", "--stdin")
        ignored = judge.ask(*words, stdin=listing).entries
    return ["!/*", *(f"/{_literal(name)}" for name in ignored), *buildproducts.KEPT]


def _import_all(
    repository: Repository, folder: Path, paths: Sequence[str], progress: Progress
) -> None:
    ticker = Ticker()
    with fast_import(repository, RAW_REF) as sink:
        for path in paths:
            try:
                _import_one(sink, folder, path)
            except (OSError, EOFError) as error:
                raise _unreadable(folder, f"{path}: {error}") from error
            if ticker.due():
                progress.update(f"reading {folder}", done=sink.files, total=len(paths))


def _import_one(sink: fastimport.FastImport, folder: Path, path: str) -> None:
    file = folder / path
    name = os.fsencode(path)
    if file.is_symlink():
        target = os.fsencode(file.readlink())
        sink.file(name, fastimport.SYMLINK, len(target), io.BytesIO(target))
        return
    with file.open("rb") as content:
        status = os.fstat(content.fileno())
        mode = fastimport.EXECUTABLE if status.st_mode & 0o100 else fastimport.REGULAR
        sink.file(name, mode, status.st_size, content)


def _update(ours: Repository, paths: Iterable[str], log: Path, how: str = "--add") -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
        file.flush()
        try:
            ours.work(
                *("update-index", "-z", how, "--remove", "--replace", "--stdin"),
                deadline=_deadline(),
                log=log,
                stdin=Path(file.name),
            )
        except GitError as error:
            if "Permission denied" not in error.said:
                raise
            assert ours.work_tree is not None
            raise _unreadable(ours.work_tree, error.said) from error


def _unreadable(folder: Path, why: str) -> UserError:
    return UserError(
        "The local kernel tree cannot be read.",
        where=f"{folder}: {why.strip()}",
        do="make its files readable for this user, and do not change them meanwhile",
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # it is told when it is read
        return 0


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _literal(name: str) -> str:
    return "".join(f"\\{char}" if char in "*?[\\ " else char for char in name)


def _deadline() -> Deadline:
    return Deadline.after(TIME_LIMIT_S)
