# SPDX-License-Identifier: GPL-2.0
"""Take a patch mail apart as `git am` does: author, date, message, diff."""

from __future__ import annotations

import datetime
import hashlib
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import FIXED_DATE, Repository
from kseries.model import Patch
from kseries.series.mailinfo import fields_of

_DIFF = re.compile(rb"^(diff --git |--- \S|Index: \S|@@ -\d)", re.MULTILINE)
_DIFFSTAT = re.compile(rb"^ \d+ files? changed", re.MULTILINE)
MAX_DATE = 200  # characters of a date that are looked at

_COVER = re.compile(r"\[[^\[\]]*?\b0++/\d++\s*+\]")

# What git does not take in a name; a name of nothing else is none.
_CRUD = " .,:;<>\"\\'"


@dataclass(frozen=True)
class Mail:
    """A patch mail.

    author: name and address. date: as git reads it, "@<seconds> <zone>". message, diff: files.
    quoted_cr: its encoded body has CRLF line ends. announces: it has a diffstat.
    """

    author: tuple[str, str]
    date: str
    message: Path
    diff: Path
    has_diff: bool
    is_cover: bool
    announces: bool
    quoted_cr: bool


def read_mail(
    repository: Repository, patch: Patch, scratch: Path, *, strip_cr: bool = False
) -> Mail:
    """Take a patch apart into files below `scratch`.

    strip_cr: take the CR from the line ends of an encoded body (`git am --quoted-cr=strip`).
    Raises UserError when the file is not the mail that was read before, or not one mail.
    """
    raw = _raw(patch)
    folder = scratch / f"{patch.sha256[:16]}{'-strip' if strip_cr else ''}"
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
    answer = repository.ask(
        *("mailinfo", "--no-scissors", f"--quoted-cr={'strip' if strip_cr else 'warn'}"),
        *(message, diff),
        stdin=folder / "0001",
    )
    if not answer.ok:
        raise UserError(
            f"The patch is not a mail that git can read: {answer.stderr.strip()}.",
            where=str(patch.file),
            do="get it again, as its author sent it",
        )
    fields = fields_of(answer.text)
    _complete_message(repository, fields.get("Subject", ""), message)
    content = diff.read_bytes()
    return Mail(
        author=_author(fields.get("Author", ""), fields.get("Email", "")),
        date=_date(fields.get("Date", "")),
        message=message,
        diff=diff,
        has_diff=_DIFF.search(content) is not None,
        is_cover=_COVER.search(_subject(raw)) is not None,
        announces=_DIFFSTAT.search(content) is not None,
        quoted_cr="quoted CRLF" in answer.stderr,
    )


def _raw(patch: Patch) -> bytes:
    try:
        raw = patch.file.read_bytes()
    except FileNotFoundError as error:
        raise _changed(patch, "it is gone") from error
    if hashlib.sha256(raw).hexdigest() != patch.sha256:
        raise _changed(patch, "its content is another")
    return raw


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


def _subject(raw: bytes) -> str:
    found = re.search(rb"^subject:(.*(?:\r?\n[ \t].*)*)", raw, re.MULTILINE | re.IGNORECASE)
    return found[1].decode(errors="replace") if found else ""


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
