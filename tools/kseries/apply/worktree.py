# SPDX-License-Identifier: GPL-2.0
"""Bring a worktree to a commit by touching as little as possible.

make compares times: a file whose content stays keeps its time. The worktree is ours: whatever a
killed checkout or a user left in it is put back, and nothing is built in it. What runs in the
sandbox can read it and never write it. The caller holds the lock of the worktree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.deadline import Deadline
from kseries.lib.gitrepo import Repository, of_worktree
from kseries.lib.locks import locked
from kseries.lib.naming import few
from kseries.lib.progress import Progress

TIME_LIMIT_S = 1800.0
SHOWN = 5

# In a worktree, while it is on its way from one commit to another.
MOVING = "kseries-moving"
# Python leaves these beside scripts of the tree; they change nothing.
_HARMLESS = ("__pycache__/", "*.pyc")


def move(repository: Repository, folder: Path, commit: str, log: Path, progress: Progress) -> None:
    """Make `folder` a worktree of the repository that holds exactly `commit`.

    Raises GitError, and InfraError for a full disk; the next call then fixes what is left.
    """
    folder = folder.resolve()  # as git writes it
    admin = _attached(repository, folder)
    if admin is None:
        # Another kseries may work on the repository for a tree of its own.
        with locked(repository.path, progress):
            admin = _attach(repository, folder, commit)
        # Another repository's worktree, or none: what there is cannot be a user's change.
        (admin / MOVING).touch()
    tree = Repository(admin, work_tree=folder)
    for lock in ("index.lock", "HEAD.lock"):
        (admin / lock).unlink(missing_ok=True)
    _load_index(tree, commit, log)
    differing, strange = _damage(tree)
    if differing or strange:
        _tell(folder, admin, differing + strange, progress)
    if strange:
        tree.work("clean", "-ffdxq", deadline=_deadline(), log=log)
    if differing or strange or tree.commit_of("HEAD") != commit or (admin / MOVING).exists():
        progress.update(f"bringing {folder} to {commit[:12]}")
        (admin / MOVING).touch()
        words = ["checkout", "--quiet", "--force", "--detach", commit]
        tree.work(*words, deadline=_deadline(), log=log)
        (admin / MOVING).unlink()


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside a worktree for as long as the block lasts.

    The caller holds the lock of the worktree.
    """
    place = folder.with_name(f".{folder.name}.scratch")
    atomicfile.sweep(place)  # whoever is killed while it is removed leaves it by another name
    atomicfile.remove_tree(place)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        atomicfile.remove_tree(place)


def _attached(repository: Repository, folder: Path) -> Path | None:
    """Give git's folder for the worktree; None unless it and the worktree name each other."""
    try:
        admin = of_worktree(folder).path
        back = (admin / "gitdir").read_text().strip()
    except OSError:
        return None
    ours = admin.parent.resolve() == (repository.path / "worktrees").resolve()
    return admin if ours and back == str(folder / ".git") else None


def _attach(repository: Repository, folder: Path, commit: str) -> Path:
    """Make `folder` a worktree; files that lie there stay, with their times."""
    repository.text("worktree", "prune")
    with scratch(folder) as place:
        # git makes worktrees in empty folders only: make one there, and move its link.
        empty = place / folder.name
        repository.text("worktree", "add", "--quiet", "--detach", "--no-checkout", empty, commit)
        folder.mkdir(parents=True, exist_ok=True)
        atomicfile.remove_tree(folder / ".git")
        (empty / ".git").rename(folder / ".git")
    # `git worktree repair` would look after all worktrees of the repository, and fail for those
    # of other clones that are out of reach.
    admin = of_worktree(folder).path
    atomicfile.write_text(admin / "gitdir", f"{folder / '.git'}\n")
    assert _attached(repository, folder) == admin
    return admin


def _load_index(tree: Repository, commit: str, log: Path) -> None:
    """Make sure that there is an index, and that it knows the files' times.

    Without this a file that was only touched, or a worktree that was attached again, would be
    written anew.
    """
    index = tree.path / "index"
    words = ["update-index", "-q", "--refresh"]
    done = tree.work(*words, deadline=_deadline(), log=log, check=False)
    if "fatal:" in done.output:
        index.unlink()
    if not index.is_file():
        tree.work("read-tree", commit, deadline=_deadline(), log=log)
        tree.work(*words, deadline=_deadline(), log=log, check=False)


def _damage(tree: Repository) -> tuple[list[str], list[str]]:
    """List files that differ from the index, and files that do not belong to the tree."""
    differing = tree.entries("diff-files", "--name-only", "-z")
    words = ["ls-files", "-z", "--others", "--directory", "--no-empty-directory"]
    return differing, tree.entries(*words, *(f"--exclude={rule}" for rule in _HARMLESS))


def _tell(folder: Path, admin: Path, files: list[str], progress: Progress) -> None:
    if (admin / MOVING).exists():
        return
    progress.note(
        f"{folder} is made by kseries; changes by hand are undone there: {few(files, SHOWN)}"
    )


def _deadline() -> Deadline:
    return Deadline.after(TIME_LIMIT_S)
