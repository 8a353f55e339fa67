# SPDX-License-Identifier: GPL-2.0
"""Find out that a patch which does not apply is in the tree already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kseries.lib.deadline import Deadline
from kseries.lib.gitrepo import Repository
from kseries.lib.proc import CommandTimeout
from kseries.series.mailpatch import Mail

REVERSE_APPLY = "reverse apply"
MOST_COMMITS = 500
HISTORY_LIMIT_S = 60.0


def find(
    repository: Repository,
    base: str,
    mail: Mail,
    patch_id: str,
    stacked: Mapping[str, str],
    log: Path,
) -> str:
    """Tell how the patch is found: a commit, "reverse apply", or "" when it is not there.

    repository: with the index to look in. stacked: commits made so far, by patch id. In the
    base's history only commits count that touch the patch's files, are not older than the patch,
    and were not reverted since: at most 500, for at most a minute.
    """
    if patch_id and patch_id in stacked:
        return stacked[patch_id]
    if patch_id:
        commit = _in_history(repository, base, mail, patch_id, log)
        if commit:
            return commit
    reverse = repository.ask("apply", "--cached", "--check", "--reverse", mail.diff)
    return REVERSE_APPLY if reverse.ok else ""


def _in_history(repository: Repository, base: str, mail: Mail, patch_id: str, log: Path) -> str:
    # The boundary of a shallow history has no parent: its diff would be the whole tree.
    words = [
        "--literal-pathspecs",
        "rev-list",
        "--no-merges",
        "--min-parents=1",
        f"--max-count={MOST_COMMITS}",
    ]
    since = f"--since={mail.date.lstrip('@').split()[0]}"
    files = [entry.partition("\t")[2].partition("\t")[2] for entry in _numstat(repository, mail)]
    try:
        found = repository.work(
            *(*words, since, base, "--", *(file for file in files if file)),
            deadline=Deadline.after(HISTORY_LIMIT_S),
            log=log,
            check=False,  # a patch may name what is not a path
        )
    except CommandTimeout:
        return ""
    if not found.ok:
        return ""
    commits = mail.diff.with_suffix(".commits")
    commits.write_text(found.output)
    diffs = mail.diff.with_suffix(".history")
    diffs.write_bytes(repository.ask("diff-tree", "--stdin", "-p", "-M", stdin=commits).stdout)
    for line in repository.text("patch-id", "--stable", stdin=diffs).splitlines():
        candidate, _, commit = line.partition(" ")
        if candidate == patch_id and not _reverted(repository, commit, base):
            return commit
    return ""


def _numstat(repository: Repository, mail: Mail) -> list[str]:
    return repository.ask("apply", "--numstat", "-z", mail.diff).entries


def _reverted(repository: Repository, commit: str, base: str) -> bool:
    words = ["rev-list", "--max-count=1", f"--grep=This reverts commit {commit[:12]}"]
    return bool(repository.text(*words, f"{commit}..{base}"))
