# SPDX-License-Identifier: GPL-2.0
"""One patch in one mail: taken out of whatever wrapped it, written again as plain UTF-8.

git itself takes it out (`git mailinfo`). What is written can be read by people, and taken by `git
am`, `git apply` and `git patch-id`.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from email.utils import formataddr
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.series import diffpaths, diffs
from kseries.series.headers import envelope_end, has_headers
from kseries.series.mailbox import GIT_ENV, MAX_SUBJECT, Mail, parse_subject, read_bytes
from kseries.series.mailinfo import take_apart
from kseries.series.mailpatch import git_date

APPLY_LIMIT_S = 120.0

# For diffs that name no author and no date. A fixed date keeps commit ids the same each time.
NOBODY = ("unknown", "unknown@localhost")
NO_DATE = "Sat, 1 Jan 2000 00:00:00 +0000"

DIFF = re.compile(rb"^(?:diff --git |--- [^\n]++\n\+\+\+ )", re.MULTILINE)
_ONE_NAME = re.compile(rb"^diff --git (?:\"[^\"\n]*+\"|[^\s\"]++)[ \t]*+$", re.MULTILINE)
_STAT = re.compile(
    rb"^ (\d{1,9}) files? changed(?:, (\d{1,9}) insertions?\(\+\))?"
    rb"(?:, (\d{1,9}) deletions?\(-\))?$",
    re.MULTILINE,
)
# "v2-0003-net-add-one", in the name of a file.
_LEADING_NUMBER = re.compile(r"^(?:v\d+-)?\d+[-_. ]+")
_BETWEEN_WORDS = re.compile(r"[-_\s]+")
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
    diff: bytes  # from "---" on
    notes: tuple[str, ...] = ()  # what was wrong with it, and what was done

    @property
    def same(self) -> tuple[object, ...]:
        """What two copies of one patch have in common, whichever way they came."""
        diff = self.diff[: diffs.scan(self.diff).end]
        text = b"\n".join(line.rstrip() for line in (self.message + diff).splitlines())
        return self.title, self.author, text.strip()


def carries_diff(mail: Mail, scratch: Path) -> bool:
    """Whether a mail carries a patch, as far as that can be told without git."""
    if mail.label.reply or mail.label.number == 0:
        return False
    data = read_bytes(mail.file)
    if DIFF.search(data):
        return True
    lowered = data.lower()
    if not mail.label.tagged or not (b"base64" in lowered or b"quoted-printable" in lowered):
        return False
    try:
        return extract(mail, scratch) is not None
    except UserError:
        return True  # who takes it is told


def extract(mail: Mail, scratch: Path, strip: int | None = None) -> PatchMail | None:
    """Take the patch out of a mail; None when it carries no diff.

    scratch: an existing folder for files that may go. strip: how many leading folders the paths
    have too many (`-p`); None: tell by the paths. Raises UserError for a mail that git cannot
    read.
    """
    if mail.too_long:
        raise UserError(
            "The headers of this mail are too long.",
            where=mail.named[:MAX_SUBJECT],
            do=f"leave the mail out, or shorten it: a subject has {MAX_SUBJECT} characters at most",
        )
    parts = take_apart(_with_headers(mail), scratch, mail.named)
    diff = _without_cr(parts.diff)
    if not DIFF.search(diff):
        return None
    found = diffs.scan(diff)
    diff, bare = diffpaths.rooted(diff, found, strip)
    # mailinfo gives in-body headers their due; a title can be empty only for a diff without mail.
    title = title_from_name(mail)
    subject = (parts.fields.get("Subject") or mail.subject or title)[:MAX_SUBJECT]
    date = parts.fields.get("Date", "")
    notes = [
        *parts.notes,
        f"has a date that git does not take ({date[:80]}): left out" if not _dated(date) else "",
        diffpaths.WITHOUT_PREFIX if bare else "",
        _stale(diff, found),
    ]
    return PatchMail(
        mail=mail,
        title=parse_subject(subject).title or title,
        subject=subject,
        author=(parts.fields.get("Author") or NOBODY[0], parts.fields.get("Email") or NOBODY[1]),
        date=date if date and _dated(date) else NO_DATE,
        message=parts.message,
        diff=diff,
        notes=tuple(note for note in notes if note),
    )


def check_complete(patch: PatchMail, scratch: Path) -> None:
    """Raise UserError when the diff is cut off or mangled, as mailers and downloads do it.

    git decides, by the line counts of the hunks. People change patches and leave the diffstat.
    """
    if diffpaths.too_long(diffs.scan(patch.diff)):
        raise UserError(
            f"The patch '{patch.title}' names a file with a path that is too long for any.",
            where=patch.mail.named,
            do="get the mail again, unchanged, from an archive",
        )
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        (folder / "diff").write_bytes(patch.diff)
        done = proc.run(
            ["git", "apply", "--numstat", "diff"],
            cwd=folder,
            deadline=Deadline.after(APPLY_LIMIT_S),
            env={**GIT_ENV, "GIT_CEILING_DIRECTORIES": str(scratch.resolve())},
            check=False,
        )
    if done.ok:
        return
    # A mailer that wraps lines leaves one of both names.
    wrapped = _ONE_NAME.search(patch.diff)
    if "lacks filename information when removing" in done.output and not wrapped:
        raise UserError(
            f"The patch '{patch.title}' was made without a/ and b/ before its paths.",
            where=f"{patch.mail.named}\n{done.output.strip()}",
            do="make it again with `git format-patch`, without --no-prefix",
        )
    lacking = diffs.scan(patch.diff).lacking
    short = f"\nits last hunk lacks {lacking} {'line' if lacking == 1 else 'lines'}"
    why = "\nits lines were wrapped" if wrapped else ""
    raise UserError(
        f"The patch '{patch.title}' is damaged: its diff is cut off or mangled.",
        where=f"{patch.mail.named}\n{done.output.strip()}{short if lacking else ''}{why}",
        do="get the mail again, unchanged, from an archive",
    )


def _stale(diff: bytes, found: diffs.Scan) -> str:
    """Tell how a diff differs from the statistics above it; "" where it does not."""
    starts = [line[0] for file in found.files[:1] for line in (file.git, file.old) if line]
    promised = _STAT.search(diff, 0, min(starts, default=len(diff)))
    # Of binary files a diffstat counts no lines, and combined diffs are none.
    if promised is None or b"\nGIT binary patch" in diff:
        return ""
    told = [int(number or 0) for number in promised.groups()]
    there = [len(found.files), found.added, found.removed]
    names = ("files", "insertions", "deletions")
    differing = [
        f"{name}: {have}, not {want}"
        for have, want, name in zip(there, told, names, strict=True)
        if have != want
    ]
    if not differing:
        return ""
    missing = any(have < want for have, want in zip(there, told, strict=True))
    either = ", or its end is missing" if missing else ""
    return f"is not as its diffstat says ({'; '.join(differing)}): it was changed by hand{either}"


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
    # Mailboxes add blank lines between mails, which could be context; a signature is none.
    end = diffs.scan(patch.diff).end
    diff = patch.diff[:end] + patch.diff[end:].strip(b"\r\n")
    diff += b"" if diff.endswith(b"\n") else b"\n"
    body = patch.message + (b"" if patch.message.endswith(b"\n") else b"\n") + diff
    return "\n".join([*headers, "", ""]).encode() + _FROM_LINE.sub(rb">\1", body)


def format_author(author: tuple[str, str], *, plain: bool = False) -> str:
    """Give "Name <address>" as a header holds it, or plain, as people read it."""
    name, address = author
    return formataddr(author) if address.isascii() and not plain else f"{name} <{address}>"


def title_from_name(mail: Mail) -> str:
    """Give a diff without a mail the title that its file name suggests."""
    name = Path(mail.file_name or mail.file.name)
    stem = name.stem if name.suffix in (".patch", ".diff", ".eml", ".mbox", ".txt") else name.name
    return " ".join(_BETWEEN_WORDS.split(_LEADING_NUMBER.sub("", stem))).strip() or stem


def _with_headers(mail: Mail) -> bytes:
    data = read_bytes(mail.file)
    if has_headers(data[envelope_end(data) :]):
        return data
    title = title_from_name(mail)
    return f"From: {formataddr(NOBODY)}\nSubject: {title}\n\n".encode(errors="replace") + data


def _dated(given: str) -> bool:
    """Whether a date is one that git can read, or none is given."""
    return not given or git_date(given) is not None


def _without_cr(diff: bytes) -> bytes:
    """Undo a mailer that ended every line with CR LF; a patch to a CR LF file stays."""
    lines = diff.splitlines(keepends=True)
    if lines and all(line.endswith(b"\r\n") for line in lines if line.strip()):
        return diff.replace(b"\r\n", b"\n")
    return diff
