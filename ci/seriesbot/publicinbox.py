# SPDX-License-Identifier: GPL-2.0
"""Read public-inbox archives: which commits there are, and the mails that these added.

v2 is a folder of git repositories (`git/0.git`, `git/1.git`, …, its epochs), in which each commit
has its mail as the file "m"; v1 is one repository, in which each mail has a file of its own. Most
history is only added to, but a purge writes it anew. Everything goes through the toolkit's door to
git; nothing of public-inbox is needed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import InfraError, UserError
from kseries.lib.gitrepo import Repository

MAX_BLOB = 64 << 20  # bytes of a mail that is looked at at all
MAX_BATCH = 32 << 20  # bytes of mails that are held at a time, but for a larger one

# "A" and "M": of v2 each commit after the first changes "m". A mail that was removed leaves "d".
_ENTRY = re.compile(rb":\d{6} 100\d{3} [0-9a-f]+ (?P<blob>[0-9a-f]+) [AM]\t(?P<path>.*)")
_COMMIT = re.compile(rb"[0-9a-f]{40,64}")
_PATH = re.compile(rb"m|[0-9a-f]{2}/[0-9a-f]{38,62}")


@dataclass(frozen=True)
class Added:
    """A mail that a commit added. data: None for one that is too large to be read."""

    commit: str
    blob: str
    size: int
    data: bytes | None


@dataclass(frozen=True)
class Epoch:
    """One repository of an archive."""

    number: int  # 0 for v1
    repository: Repository

    def head(self) -> str:
        """Give the last commit, "" where there is none."""
        return self.repository.commit_of("HEAD")

    def follows(self, before: str, head: str) -> bool:
        """Whether `head` is `before` or came of it by commits that were added."""
        if not self.repository.commit_of(before):
            return False
        return self.repository.ask("merge-base", "--is-ancestor", before, head).ok

    def commits(self, head: str, after: str = "") -> list[str]:
        """List the commits up to `head`, oldest first; those behind `after` where it is given."""
        end = [f"^{after}"] if after else []
        words = ("rev-list", "--reverse", "--first-parent", head, *end, "--")
        return self.repository.text(*words).split()

    def commits_since(self, head: str, seconds: int) -> list[str]:
        """List the commits from the first on that is not older than a time (Unix seconds)."""
        words = ("rev-list", "--reverse", "--first-parent", "--format=%ct", "--no-commit-header")
        times = self.repository.text(*words, head, "--").split()
        start = next((at for at, told in enumerate(times) if int(told) >= seconds), len(times))
        return self.commits(head)[start:]

    def added(self, commits: Sequence[str]) -> Iterator[Added]:
        """Give the mails that commits added, in their order."""
        batch: list[tuple[str, str, int]] = []
        held = 0
        for commit, blob, size in self._sizes(self._blobs(commits)):
            if size > MAX_BLOB:
                yield from self._read(batch)
                batch, held = [], 0
                yield Added(commit, blob, size, None)
                continue
            if batch and held + size > MAX_BATCH:
                yield from self._read(batch)
                batch, held = [], 0
            batch.append((commit, blob, size))
            held += size
        yield from self._read(batch)

    def _blobs(self, commits: Sequence[str]) -> list[tuple[str, str]]:
        options = ("-r", "--root", "--no-renames", "--diff-filter=AM", "--stdin")
        found = []
        commit = ""
        for line in self._ask(("diff-tree", *options), commits).splitlines():
            entry = _ENTRY.fullmatch(line)
            if entry and _PATH.fullmatch(entry["path"]):
                found.append((commit, entry["blob"].decode()))
            elif _COMMIT.fullmatch(line):
                commit = line.decode()
        return found

    def _sizes(self, blobs: Sequence[tuple[str, str]]) -> list[tuple[str, str, int]]:
        check = ("cat-file", "--batch-check=%(objectsize)")
        told = self._ask(check, [blob for _, blob in blobs]).split(b"\n")
        found = []
        for (commit, blob), size in zip(blobs, told, strict=False):
            if not size.isdigit():
                raise self._unreadable(size.decode(errors="replace"))
            found.append((commit, blob, int(size)))
        return found

    def _read(self, batch: Sequence[tuple[str, str, int]]) -> Iterator[Added]:
        if not batch:
            return
        answer = self._ask(("cat-file", "--batch=%(objectsize)"), [blob for _, blob, _ in batch])
        at = 0
        for commit, blob, size in batch:
            start = answer.index(b"\n", at) + 1
            yield Added(commit, blob, size, answer[start : start + size])
            at = start + size + 1

    def _ask(self, words: Sequence[str], lines: Sequence[str]) -> bytes:
        """Run a command of git that reads names, one a line."""
        if not lines:
            return b""
        with tempfile.NamedTemporaryFile() as stdin:
            stdin.write("".join(f"{line}\n" for line in lines).encode())
            stdin.flush()
            answer = self.repository.ask(*words, stdin=Path(stdin.name))
        if not answer.ok:
            raise self._unreadable(answer.stderr.strip()[-1000:])
        return answer.stdout

    def _unreadable(self, why: str) -> InfraError:
        return InfraError(
            "An archive cannot be read.",
            where=f"{self.repository.path}: {why}",
            do="see that it is whole (`git fsck`), and readable for this user",
        )


def epochs(path: Path) -> list[Epoch]:
    """Find the repositories of an archive, oldest first; none where none is made yet.

    Raises UserError for what is no archive.
    """
    if (path / "git").is_dir():
        found = [place for place in (path / "git").glob("*.git") if place.stem.isdecimal()]
        return [
            Epoch(int(place.stem), Repository(place))
            for place in sorted(found, key=lambda place: int(place.stem))
        ]
    if (path / "objects").is_dir() and (path / "HEAD").is_file():
        return [Epoch(0, Repository(path))]
    if path.is_dir() and not any(path.iterdir()):
        return []
    raise UserError(
        "There is no public-inbox.",
        where=str(path),
        do="name a folder that has git/0.git (v2), or a bare git repository (v1)",
    )
