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
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from pathlib import Path

from kseries import proc, textfile
from kseries.deadline import Deadline
from kseries.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
SPLIT_LIMIT_S = 300.0
# A busy list has some 200 MiB a month.
MAX_MAILBOX = 512 << 20

# Nobody's configuration may change how a mail is read.
GIT_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}

_BRACKETS = re.compile(r"\s*\[([^\]]*)\]\s*")
_REPLY = re.compile(r"\s*(re|aw|fwd?|antw|sv)\s*:", re.IGNORECASE)
_COUNTER = re.compile(r"(?<![\w.])(\d{1,4})\s*(?:/|of)\s*(\d{1,4})(?![\w.])")
_VERSION = re.compile(r"(?:\b|(?<=patch)|(?<=rfc))v(\d{1,3})\b", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_HEADER_LINE = re.compile(rb"[A-Za-z][\w-]*:[ \t\r\n]")
_MAIL_HEADER = re.compile(rb"^(?:From|Subject):", re.IGNORECASE | re.MULTILINE)
_FORMAT_PATCH = re.compile(rb"From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\n")
_FROM_LINE = re.compile(rb"From [^\n]*\d\d?:\d\d[^\n]*\n")


@dataclass(frozen=True)
class Label:
    """What a subject says. "[PATCH net-next v7 03/15] net: x" is v7, 3 of 15, "net: x"."""

    title: str  # without the leading brackets, as git am makes it
    version: int = 1
    number: int | None = None  # None: not numbered; 0: a cover letter
    total: int = 0  # 0: not numbered
    tagged: bool = False  # has brackets that make it a patch
    reply: bool = False


@dataclass(frozen=True)
class Mail:
    """A mail in a file of its own, with the headers that place it."""

    file: Path
    origin: str  # for messages: "thread.mbox, mail 3", or a file's name
    subject: str  # decoded, on one line
    label: Label
    message_id: str  # without <>; "" where there is none
    references: tuple[str, ...]  # what it answers, oldest first

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
    quoted = _enveloped(data) and not _FORMAT_PATCH.match(data)
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
            "This file is no mailbox.",
            where=f"{mailbox}\n{done.output.strip()}",
            do="give an mbox, a single mail, or a folder of *.patch files",
        )
    return read_all(sorted(parts.iterdir()), mailbox.name)


def read_maildir(folder: Path) -> tuple[Mail, ...]:
    """Read the mails of a maildir, in the order of their file names."""
    files = [file for part in ("new", "cur") for file in sorted((folder / part).glob("*"))]
    return read_all(files, folder.name)


def read_all(files: Iterable[Path], origin: str) -> tuple[Mail, ...]:
    """Read the headers of mails, one a file."""
    return tuple(read(file, f"{origin}, mail {place}") for place, file in enumerate(files, start=1))


def read(file: Path, origin: str) -> Mail:
    """Read the headers of the mail in a file. A diff without headers gives an empty subject."""
    data = read_bytes(file)
    if _enveloped(data):
        data = data.partition(b"\n")[2]
    # The parser takes text without headers for a body, but not every such text.
    header = BytesHeaderParser().parsebytes(data if has_headers(data) else b"\n")
    subject = _decoded(header, "Subject")
    replied = _MESSAGE_ID.findall(str(header.get("In-Reply-To", "")))
    references = _MESSAGE_ID.findall(str(header.get("References", "")))
    own = _MESSAGE_ID.findall(str(header.get("Message-ID", "")))
    return Mail(
        file=file,
        origin=origin,
        subject=subject,
        label=parse_subject(subject),
        message_id=own[0] if own else "",
        references=tuple(dict.fromkeys([*references, *replied])),
    )


def read_bytes(file: Path) -> bytes:
    """Read a file that the user named, of at most MAX_MAILBOX bytes. Raises UserError."""
    return textfile.content(file, MAX_MAILBOX)


def body_of(file: Path) -> bytes:
    """Give the text of a mail without its transfer encoding, lines ended by LF."""
    data = read_bytes(file)
    mail = BytesParser().parsebytes(data.partition(b"\n")[2] if _enveloped(data) else data)
    texts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    payloads = [part.get_payload(decode=True) for part in texts]
    return b"\n".join(part for part in payloads if isinstance(part, bytes)).replace(b"\r\n", b"\n")


def has_headers(data: bytes) -> bool:
    """Whether a file begins like a mail (a leading "From " line aside)."""
    block = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    # "Index: file" leads a plain diff, "Description:" a Debian one: neither is a mail.
    return _HEADER_LINE.match(block) is not None and _MAIL_HEADER.search(block) is not None


def count_mails(data: bytes) -> int:
    """How many mails a file holds that begins with a "From " line; 1 for any other."""
    if not _enveloped(data):
        return 1
    return 1 + sum(
        _FROM_LINE.match(part) is not None and has_headers(part.partition(b"\n")[2])
        for part in _after_blank_lines(data)
    )


def parse_subject(subject: str) -> Label:
    """Read version, number and total out of the brackets that lead a subject."""
    reply = _REPLY.match(subject) is not None
    rest, tags = subject, []
    while found := _BRACKETS.match(rest):
        tags.append(found[1])
        rest = rest[found.end() :]
    text = " ".join(tags)
    counter, version = _COUNTER.search(text), _VERSION.search(text)
    return Label(
        title=" ".join(rest.split()),
        version=int(version[1]) if version else 1,
        number=int(counter[1]) if counter else None,
        total=int(counter[2]) if counter else 0,
        tagged=bool(counter) or re.search(r"patch|rfc|rft", text, re.IGNORECASE) is not None,
        reply=reply,
    )


def _enveloped(data: bytes) -> bool:
    """Whether the line that begins a mail in an mbox comes first."""
    return data.startswith(b"From ")


def _decoded(header: Message, name: str) -> str:
    value = header.get(name, "")
    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
        text = str(value)
    # Raw bytes in a header come as surrogates.
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    return " ".join(text.split())


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
    return re.split(rb"\n\n(?=From )", data)[1:]
