# SPDX-License-Identifier: GPL-2.0
"""Get one commit of a git remote, with as little history as the server lets us."""

from __future__ import annotations

from pathlib import Path

from kseries.lib import gitrepo
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.proc import Completed
from kseries.lib.progress import Progress

SHALLOW_LIMIT_S = 3600.0
FULL_LIMIT_S = 6 * 3600.0

# The server knows the protocol in which any commit may be asked for, and has not this one.
_ABSENT = ("not our ref", "no such remote ref", "couldn't find remote ref")
# The server gives out only what a branch or tag points to, or no part of a history.
_UNWILLING = ("unadvertised object", "does not support", "not supported")


def fetch_commit(
    repository: Repository, remote: str, commit: str, log: Path, progress: Progress
) -> None:
    """Fetch `commit` without history; where the server refuses that, fetch all its branches.

    Raises UserError when the remote has no such commit, InfraError when it cannot be reached.
    """
    progress.update(f"fetching {commit[:12]} from {remote}")
    shallow = _fetch(repository, ["--depth=1"], [remote, commit], SHALLOW_LIMIT_S, log, progress)
    if shallow.ok:
        return
    said = shallow.output.lower()
    if any(sign in said for sign in _ABSENT):
        raise _no_such_commit(remote, commit)
    if not any(sign in said for sign in _UNWILLING):
        raise _unreachable(remote, shallow)
    progress.note(f"{remote} gives out no single commits: fetching all its branches and tags")
    everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
    full = _fetch(repository, [], [remote, *everything], FULL_LIMIT_S, log, progress)
    if not full.ok:
        raise _unreachable(remote, full)
    if not repository.commit_of(commit):
        raise _no_such_commit(remote, commit)


def _fetch(
    repository: Repository,
    options: list[str],
    words: list[str],
    limit_s: float,
    log: Path,
    progress: Progress,
) -> Completed:
    return repository.remote_work(
        *("fetch", "--progress", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head"),
        *options,
        "--end-of-options",
        *words,
        deadline=Deadline.after(limit_s),
        log=log,
        on_line=lambda line: progress.update(line.rsplit("\r", 1)[-1].strip()),
    )


def _no_such_commit(remote: str, commit: str) -> UserError:
    return UserError(
        f"The remote has no commit {commit}.",
        where=remote,
        do="fix remote or commit in the source's pin; a commit must be pushed to be fetched",
    )


def _unreachable(remote: str, completed: Completed) -> InfraError:
    error = gitrepo.failure(list(completed.argv), completed.returncode, completed.output)
    if error.do:
        return error
    return InfraError(
        "The git remote cannot be fetched from.",
        where=error.where,
        do=f"check the address, the network and your access: git ls-remote {remote}",
    )
