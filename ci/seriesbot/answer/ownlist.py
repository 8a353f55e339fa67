# SPDX-License-Identifier: GPL-2.0
"""A public-inbox of the bot's own: answers that bother no list. The one module that knows ezpi.

It is of public-inbox's second format: git repositories (epochs) in which each mail is a commit with
one file, "m". Others mirror it with git, or read it through public-inbox-httpd (docs/bot-answers.md
says how).
"""

from __future__ import annotations

import email
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.utils import parseaddr
from pathlib import Path

import ezpi

from kseries.lib import atomicfile, locks
from kseries.lib.errors import InfraError
from kseries.lib.gitrepo import Repository
from kseries.lib.progress import Silent
from seriesbot.answer.headers import is_message_id

# libgit2, which it takes where that is installed, knows nothing of core.fsync.
os.environ["EZPI_USE_GIT_SUBPROCESS"] = "1"

BRANCH = "refs/heads/master"  # of every public-inbox
LOCK = "inbox.lock"  # which public-inbox takes, too

# What is told as delivered is on the disk, the branch included.
_SETTINGS = (("core.fsync", "committed,loose-object,reference"),)
_MARK = "Message-ID: "
# Each mail is three files until they are packed, to a twentieth. As git does, one folder of 256 is
# counted for all.
MANY = 8


class OwnList:
    """The bot's list in a folder, made when the first mail comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, raw: bytes) -> bool:
        """Append a mail; tell whether it was not there before.

        Whoever is killed here has appended it or not; the same mail again changes nothing.
        Raises InfraError when it cannot be written, ValueError for what is no mail of ours.
        """
        headers = email.message_from_bytes(raw, policy=policy.default)
        message_id = str(headers["Message-ID"] or "").strip().strip("<>")
        if not is_message_id(message_id):
            raise ValueError("a mail without a message id")
        with _errors(self._folder), self._locked():
            if self._has(message_id):
                return False
            self._append(raw, message_id, headers)
        return True

    def has(self, message_id: str) -> bool:
        """Whether a mail is there. message_id: without <>."""
        if not (self._folder / LOCK).exists():
            return False
        with _errors(self._folder), self._locked():
            return self._has(message_id)

    def _append(self, raw: bytes, message_id: str, headers: email.message.Message) -> None:
        number, epoch = ezpi.get_latest_epoch(str(self._folder))
        if ezpi.should_rotate_epoch(epoch, "size"):
            epoch = _made(ezpi.init_epoch(str(self._folder), number + 1))
        name, address = parseaddr(str(headers["From"]))
        date = str(headers["Date"])
        author = {
            "GIT_AUTHOR_NAME": name or "seriesbot",
            "GIT_AUTHOR_EMAIL": address,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": "seriesbot",
            "GIT_COMMITTER_EMAIL": address,
        }
        subject = " ".join(str(headers["Subject"]).split())
        ezpi.git_write_commit(epoch, author, f"{subject}\n\n{_MARK}<{message_id}>", raw)
        if len(list(Path(epoch, "objects/17").glob("*"))) > MANY:
            Repository(Path(epoch)).ask("gc", "--quiet")

    def _has(self, message_id: str) -> bool:
        wanted = f"{_MARK}<{message_id}>"
        for _, epoch in reversed(ezpi.get_all_epochs(str(self._folder))):
            words = ("log", "-1", "--format=%H", "--fixed-strings", f"--grep={wanted}", BRANCH)
            # An epoch that was just begun has no branch.
            if Repository(Path(epoch)).ask(*words).text:
                return True
        return False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the list, which the kernel drops when its holder dies."""
        self._make()
        handle = os.open(self._folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _make(self) -> None:
        """Make the list where there is none, whole or not at all."""
        if (self._folder / LOCK).exists():
            return
        with locks.locked(self._folder, Silent()):
            if not (self._folder / LOCK).exists():
                self._fill()

    def _fill(self) -> None:
        with atomicfile.new_folder(self._folder) as partial:
            inside = partial / "list"
            _made(ezpi.init_v2_inbox(str(inside)))
            for part in inside.iterdir():
                part.rename(partial / part.name)
            inside.rmdir()


def _made(epoch: str) -> str:
    """Set up a repository that was just made, whatever the system's configuration says."""
    repository = Repository(Path(epoch))
    repository.text("symbolic-ref", "HEAD", BRANCH)
    for name, value in _SETTINGS:
        repository.text("config", name, value)
    return epoch


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    """Turn what ezpi raises into one error that says where."""
    with atomicfile.disk_errors(folder):
        try:
            yield
        except (RuntimeError, FileNotFoundError) as error:
            raise InfraError(
                f"The bot's list cannot be written: {error}.",
                where=str(folder),
                do="see that its disk is not full and that `git fsck` finds nothing in it",
            ) from error
