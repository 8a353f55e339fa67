# SPDX-License-Identifier: GPL-2.0
"""Mails in files: cut a mailbox into mails, read what their headers say of a series.

git itself cuts (`git mailsplit`), so a mailbox falls into the same mails as under `git am`.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import proc, textfile
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.series.headers import Headers, envelope_end, enveloped, has_headers, read_headers

GZIP_MAGIC = b"\x1f\x8b"
SPLIT_LIMIT_S = 300.0
# A busy list has some 200 MiB a month.
MAX_MAILBOX = 512 << 20

# Nobody's configuration may change how a mail is read.
GIT_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}

# Characters of a subject; titles of commits have some 70. Names of charsets make it longer.
MAX_SUBJECT = 2000
# A series of a year's stable releases has some 10,000 patches.
MAX_MAILS = 200_000

_BRACKETS = re.compile(r"\s*+\[([^\]]*+)\]\s*+")
_REPLY = re.compile(r"\s*+(re|aw|fwd?|antw|sv)\s*+:", re.IGNORECASE)
_COUNTER = re.compile(r"(?<![\w.])(\d{1,4})\s*+(?:/|of)\s*+(\d{1,4})(?![\w.])")
_VERSION = re.compile(r"(?:\b|(?<=patch)|(?<=rfc))v(\d{1,3})\b", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_FORMAT_PATCH = re.compile(rb"From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\n")
_NEXT_MAIL = re.compile(rb"\n\n(?=From )")
_RESENT = re.compile(r"\bre-?(?:send|sent|post)\b", re.IGNORECASE)
_TAG = re.compile(r"patch|rfc|rft", re.IGNORECASE)
_FROM_LINE = re.compile(rb"From (?=[^\n]*\d:\d\d)[^\n]*+\n")


@dataclass(frozen=True)
class Label:
    """What a subject says. "[PATCH net-next v7 03/15] net: x" is v7, 3 of 15, "net: x"."""

    title: str  # without the leading brackets, as git am makes it
    version: int = 1
    number: int | None = None  # None: not numbered; 0: a cover letter
    total: int = 0  # 0: not numbered
    tagged: bool = False  # has brackets that make it a patch
    reply: bool = False
    resent: bool = False  # says that it was sent before


@dataclass(frozen=True)
class Mail:
    """A mail in a file of its own, with the headers that place it."""

    file: Path
    origin: str  # for messages: "thread.mbox, mail 3", or a file's name
    subject: str  # decoded, on one line
    label: Label
    message_id: str  # without <>; "" where there is none
    references: tuple[str, ...]  # what it answers, oldest first
    too_long: bool = False  # its headers are, so that some were not looked at
    file_name: str = ""  # what the user calls the file it came in, where there is no other mail

    @property
    def named(self) -> str:
        """How messages call it: by its message id where it has one."""
        return f"<{self.message_id}> ({self.origin})" if self.message_id else self.origin


def split(mailbox: Path, into: Path) -> tuple[Mail, ...]:
    """Cut a mailbox (mbox in any dialect, a single mail, either gzipped) into files in `into`.

    Raises UserError when it holds no mail.
    """
    data = _unpacked(mailbox)
    if not data.strip():
        raise UserError("The mailbox is empty.", where=str(mailbox), do="save it again")
    plain = into / "mailbox"
    plain.write_bytes(data)
    # Mailboxes quote "From "; single mails and what git format-patch prints do not.
    quoted = enveloped(data) and not _FORMAT_PATCH.match(data)
    dialect = ["--mboxrd"] if quoted else []
    parts = into / "parts"
    parts.mkdir()
    done = proc.run(
        ["git", "mailsplit", "-b", "-d6", *dialect, f"-o{parts}", "--", plain],
        cwd=into,
        deadline=Deadline.after(SPLIT_LIMIT_S),
        env=GIT_ENV,
        check=False,
    )
    if not done.ok:
        raise UserError(
            "This file is not a mailbox.",
            where=f"{mailbox}\n{done.output.strip()}",
            do="give an mbox, a single mail, or a folder of *.patch files",
        )
    files = sorted(parts.iterdir())
    if len(files) > MAX_MAILS:
        raise UserError(
            f"The mailbox holds {len(files)} mails; at most {MAX_MAILS} are read.",
            where=str(mailbox),
            do="save the mails of the series in a mailbox of their own",
        )
    if len(files) == 1:
        return (read(files[0], f"{mailbox.name}, mail 1", mailbox.name.removesuffix(".gz")),)
    return read_all(files, mailbox.name)


def read_maildir(folder: Path) -> tuple[Mail, ...]:
    """Read the mails of a maildir, in the order of their file names."""
    files = [file for part in ("new", "cur") for file in sorted((folder / part).glob("*"))]
    return read_all(files, folder.name)


def read_all(files: Iterable[Path], origin: str) -> tuple[Mail, ...]:
    """Read the headers of mails, one a file."""
    return tuple(read(file, f"{origin}, mail {place}") for place, file in enumerate(files, start=1))


def read(file: Path, origin: str, file_name: str = "") -> Mail:
    """Read the headers of the mail in a file. A diff without headers gives an empty subject.

    file_name: the name of the file that the user gave, where `file` is not that one.
    """
    return parse(read_headers(read_bytes(file)), file, origin, file_name)


def parse(headers: Headers, file: Path, origin: str, file_name: str = "") -> Mail:
    """Give the mail with these headers, which is or will be in `file`; otherwise as `read`."""
    subject = headers.text("Subject")
    too_long = headers.too_long or len(subject) > MAX_SUBJECT
    subject = subject[:MAX_SUBJECT]
    replied = _MESSAGE_ID.findall(headers.raw("In-Reply-To"))
    references = _MESSAGE_ID.findall(headers.raw("References"))
    own = _MESSAGE_ID.findall(headers.raw("Message-ID"))
    return Mail(
        file=file,
        origin=origin,
        subject=subject,
        label=parse_subject(subject),
        message_id=own[0] if own else "",
        references=tuple(dict.fromkeys([*references, *replied])),
        too_long=too_long,
        file_name=file_name,
    )


def read_bytes(file: Path) -> bytes:
    """Read a file that the user named, of at most MAX_MAILBOX bytes. Raises UserError."""
    return textfile.content(file, MAX_MAILBOX)


def count_mails(data: bytes) -> int:
    """How many mails a file holds that begins with a "From " line; 1 for any other."""
    if not enveloped(data):
        return 1
    return 1 + sum(
        _FROM_LINE.match(part) is not None and has_headers(part[envelope_end(part) :])
        for part in _after_blank_lines(data)
    )


def parse_subject(subject: str) -> Label:
    """Read version, number and total out of the brackets that lead a subject."""
    reply = _REPLY.match(subject) is not None
    at, tags = 0, []
    while found := _BRACKETS.match(subject, at):
        tags.append(found[1])
        at = found.end()
    text = " ".join(tags)
    counter, version = _COUNTER.search(text), _VERSION.search(text)
    return Label(
        title=" ".join(subject[at:].split()),
        version=int(version[1]) if version else 1,
        number=int(counter[1]) if counter else None,
        total=int(counter[2]) if counter else 0,
        tagged=bool(counter) or _TAG.search(text) is not None,
        reply=reply,
        resent=_RESENT.search(text) is not None,
    )


def _unpacked(mailbox: Path) -> bytes:
    data = read_bytes(mailbox)
    if not data.startswith(GZIP_MAGIC):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(MAX_MAILBOX + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"The mailbox is a damaged gzip file: {error}.",
            where=str(mailbox),
            do="download it again",
        ) from error
    if len(unpacked) > MAX_MAILBOX:
        raise UserError(
            f"The mailbox has more than {MAX_MAILBOX >> 20} MiB when it is unpacked.",
            where=str(mailbox),
            do="save the mails of the series in a mailbox of their own",
        )
    return unpacked


def _after_blank_lines(data: bytes) -> list[bytes]:
    return _NEXT_MAIL.split(data)[1:]
