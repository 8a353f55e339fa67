# SPDX-License-Identifier: GPL-2.0
"""One patch in one mail: taken out of whatever wrapped it, written again as plain UTF-8.

git itself takes it out (`git mailinfo`): transfer encodings, character sets, attachments,
flowed text and a From: in the body mean what they mean to `git am`. What is written can be
read by people, and taken by `git am`, `git apply` and `git patch-id`.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from email.utils import formataddr, parsedate_to_datetime
from pathlib import Path

from kseries import proc
from kseries.deadline import Deadline
from kseries.errors import UserError
from kseries.inputs.mails.mailbox import (
    GIT_ENV,
    Mail,
    has_headers,
    parse_subject,
    read_bytes,
)

MAILINFO = ("git", "mailinfo", "-k", "--encoding=UTF-8", "--no-scissors", "--quoted-cr=nowarn")
MAILINFO_LIMIT_S = 60.0

# For diffs that name no author and no date. A fixed date keeps commit ids the same each time.
NOBODY = ("unknown", "unknown@localhost")
NO_DATE = "Sat, 1 Jan 2000 00:00:00 +0000"

_DIFF = re.compile(rb"^(?:diff --git |--- [^\n]+\n\+\+\+ )", re.MULTILINE)
_STAT = re.compile(
    rb"^ (\d+) files? changed(?:, (\d+) insertions?\(\+\))?(?:, (\d+) deletions?\(-\))?$",
    re.MULTILINE,
)
# The mailer's or git's own; what a list puts below belongs to it. "-- " is a removed "- " too,
# but then lines of a diff follow.
_SIGNATURE = re.compile(rb"^-- ?\n(?:(?![-+@ ]|diff )[^\n]*\n?)*\Z", re.MULTILINE)
# git mailsplit would cut a mail at such a line.
_FROM_LINE = re.compile(rb"^(From [^\n]*\d:\d)", re.MULTILINE)


@dataclass(frozen=True)
class PatchMail:
    """The parts of a patch mail."""

    mail: Mail
    title: str
    subject: str  # with its brackets
    author: tuple[str, str]  # name, address
    date: str  # as the mail has it
    message: bytes  # the commit message below the title, UTF-8
    diff: bytes  # from "---" on, as it came

    @property
    def same(self) -> tuple[object, ...]:
        """What two copies of one patch have in common, whichever way they came."""
        diff = self.diff[: _signature_at(self.diff)]
        text = b"\n".join(line.rstrip() for line in (self.message + diff).splitlines())
        return self.title, self.author, text.strip()


def extract(mail: Mail, scratch: Path) -> PatchMail | None:
    """Take the patch out of a mail; None when it carries no diff.

    scratch: an existing folder for files that may go. Raises UserError for a mail that git
    cannot read.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        source = folder / "mail"
        source.write_bytes(_with_headers(mail))
        with source.open("rb") as stdin:
            done = proc.run(
                [*MAILINFO, "message", "diff"],
                cwd=folder,
                deadline=Deadline.after(MAILINFO_LIMIT_S),
                env=GIT_ENV,
                stdin=stdin,
                check=False,
            )
        if not done.ok:
            raise UserError(
                "git cannot read this mail.",
                where=f"{mail.named}\n{done.output.strip()}",
                do="get the mail again, unchanged",
            )
        message = (folder / "message").read_bytes().replace(b"\r\n", b"\n")
        diff = _without_cr((folder / "diff").read_bytes())
    if not _DIFF.search(diff):
        return None
    info = dict(line.split(": ", 1) for line in done.output.splitlines() if ": " in line)
    # mailinfo gives in-body headers their due; a title can be empty only for a diff without mail.
    subject = info.get("Subject") or mail.subject or title_from_name(mail.file)
    return PatchMail(
        mail=mail,
        title=parse_subject(subject).title or title_from_name(mail.file),
        subject=subject,
        author=(info.get("Author") or NOBODY[0], info.get("Email") or NOBODY[1]),
        date=_date(info.get("Date", "")),
        message=message,
        diff=diff,
    )


def check_complete(patch: PatchMail, scratch: Path) -> None:
    """Raise UserError when the diff is cut off or mangled, as mailers and downloads do it."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        (folder / "diff").write_bytes(patch.diff)
        done = proc.run(
            ["git", "apply", "--numstat", "diff"],
            cwd=folder,
            deadline=Deadline.after(MAILINFO_LIMIT_S),
            env={**GIT_ENV, "GIT_CEILING_DIRECTORIES": str(scratch.resolve())},
            check=False,
        )
    signed = _signature_at(patch.diff) < len(patch.diff)
    shrunk = _shrunk(patch, done.output) if done.ok and not signed else ""
    if done.ok and not shrunk:
        return
    raise UserError(
        f"The patch '{patch.title}' is damaged: its diff is cut off or mangled.",
        where=f"{patch.mail.named}\n{shrunk if done.ok else done.output.strip()}",
        do="get the mail again, unchanged, from an archive",
    )


def _shrunk(patch: PatchMail, numstat: str) -> str:
    """Tell what a diff lacks of what the statistics above it promise; "" when it is all there."""
    promised = _STAT.search(_DIFF.split(patch.diff)[0])
    if promised is None:
        return ""
    rows = [line.split("\t") for line in numstat.splitlines()]
    # A binary file counts as "-".
    lines = [sum(int(row[at]) for row in rows if row[at].isdigit()) for at in (0, 1)]
    there = [len(rows), *lines]
    told = [int(number or 0) for number in promised.groups()]
    names = ("files", "insertions", "deletions")
    short = [
        f"{have} of {want} {name}"
        for have, want, name in zip(there, told, names, strict=True)
        if have < want
    ]
    return ", ".join(short)


def render(patch: PatchMail) -> bytes:
    """Write the patch as a mail of its own, in plain UTF-8."""
    headers = [
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001",
        f"From: {format_author(patch.author)}",
        f"Date: {patch.date}",
        f"Subject: {patch.subject}",
        *([f"Message-ID: <{patch.mail.message_id}>"] if patch.mail.message_id else []),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    diff = patch.diff
    if _signature_at(diff) < len(diff):
        # Mailboxes add blank lines between mails. Without a signature one could be context.
        diff = diff.rstrip(b"\n") + b"\n"
    body = patch.message + (b"" if patch.message.endswith(b"\n") else b"\n") + diff
    return "\n".join([*headers, "", ""]).encode() + _FROM_LINE.sub(rb">\1", body)


def format_author(author: tuple[str, str], *, plain: bool = False) -> str:
    """Give "Name <address>" as a header holds it, or plain, as people read it."""
    name, address = author
    return formataddr(author) if address.isascii() and not plain else f"{name} <{address}>"


def title_from_name(file: Path) -> str:
    """Give a diff without a mail the title that its file name suggests."""
    return re.sub(r"^(?:v\d+-)?\d+[-_. ]+", "", file.stem) or file.stem


def _with_headers(mail: Mail) -> bytes:
    data = read_bytes(mail.file)
    bare = data.partition(b"\n")[2] if data.startswith(b"From ") else data
    if has_headers(bare):
        return data
    title = title_from_name(mail.file)
    return f"From: {formataddr(NOBODY)}\nSubject: {title}\n\n".encode() + data


def _signature_at(diff: bytes) -> int:
    """Where the signature below a diff begins; the end where there is none."""
    found = _SIGNATURE.search(diff)
    return found.start() if found else len(diff)


def _date(given: str) -> str:
    """Keep a date that git can read."""
    try:
        parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return NO_DATE
    return given


def _without_cr(diff: bytes) -> bytes:
    """Undo a mailer that ended every line with CR LF; a patch to a CR LF file stays."""
    lines = diff.splitlines(keepends=True)
    if lines and all(line.endswith(b"\r\n") for line in lines if line.strip()):
        return diff.replace(b"\r\n", b"\n")
    return diff
