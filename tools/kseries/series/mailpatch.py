# SPDX-License-Identifier: GPL-2.0
"""Take a patch mail apart as `git am` does: author, date, message, diff."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import FIXED_DATE, Repository
from kseries.model import Patch
from kseries.series.mailinfo import fields_of

MAX_DATE = 200  # characters of a date that are looked at

# What git does not take in a name; a name of nothing else is none.
_CRUD = " .,:;<>\"\\'"


@dataclass(frozen=True)
class Mail:
    """A patch mail.

    author: name and address. date: as git reads it, "@<seconds> <zone>". message, diff: files.
    """

    author: tuple[str, str]
    date: str
    message: Path
    diff: Path


def read_mail(repository: Repository, patch: Patch, scratch: Path) -> Mail:
    """Take a patch apart into files below `scratch`. It is a mail that `patchmail` wrote.

    Raises UserError when the file is not the mail that was read before, or not one mail.
    """
    _require_unchanged(patch)
    folder = scratch / patch.sha256[:16]
    atomicfile.remove_tree(folder)  # of the same patch, earlier in the stack
    folder.mkdir()
    count = repository.text("mailsplit", "-d4", f"-o{folder}", "-b", "--", patch.file.absolute())
    if count != "1":
        raise UserError(
            f"The patch file holds {count} mails instead of one.",
            where=str(patch.file),
            do="split it: one mail a file, or name the whole file as an mbox",
        )
    message, diff = folder / "message", folder / "diff"
    answer = repository.ask(*("mailinfo", "--no-scissors", message, diff), stdin=folder / "0001")
    if not answer.ok:
        raise UserError(
            f"The patch is not a mail that git can read: {answer.stderr.strip()}.",
            where=str(patch.file),
            do="get it again, as its author sent it",
        )
    fields = fields_of(answer.text)
    _complete_message(repository, fields.get("Subject", ""), message)
    return Mail(
        author=_author(fields.get("Author", ""), fields.get("Email", "")),
        date=_date(fields.get("Date", "")),
        message=message,
        diff=diff,
    )


def _require_unchanged(patch: Patch) -> None:
    try:
        raw = patch.file.read_bytes()
    except FileNotFoundError as error:
        raise _changed(patch, "it is gone") from error
    if hashlib.sha256(raw).hexdigest() != patch.sha256:
        raise _changed(patch, "its content is another")


def _changed(patch: Patch, how: str) -> UserError:
    return UserError(
        f"A patch changed after the series was read: {how}.",
        where=f"{patch.file} ({patch.title})",
        do="try again, and leave the series alone meanwhile",
    )


def _complete_message(repository: Repository, subject: str, file: Path) -> None:
    """Put the subject before the body, white space cleaned as `git am` does it."""
    draft = file.with_suffix(".draft")
    start = f"{subject or '(no subject)'}\n\n".encode(errors="surrogateescape")
    draft.write_bytes(start + file.read_bytes())
    file.write_bytes(repository.ask("stripspace", stdin=draft).stdout)


def _author(name: str, address: str) -> tuple[str, str]:
    good = next((word for word in (name, address) if word.strip(_CRUD)), "unknown")
    return good, address or "unknown"


def _date(text: str) -> str:
    return git_date(text) or FIXED_DATE


def git_date(text: str) -> str | None:
    """Give a mail's date as git reads it, "@<seconds> <zone>"; None for one that makes no sense."""
    try:
        when = parsedate_to_datetime(text[:MAX_DATE])
        # "-0000" says that the zone is not known: the same everywhere, not ours.
        when = when if when.tzinfo is not None else when.replace(tzinfo=datetime.UTC)
        seconds = int(when.timestamp())
        zone = when.strftime("%z")[:5]
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return f"@{seconds} {zone}" if 0 < seconds < 1 << 32 else None
