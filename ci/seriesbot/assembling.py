# SPDX-License-Identifier: GPL-2.0
"""Make a series of a version's mails: by the toolkit, in a folder that `kseries run` takes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.lib.errors import CheckFailed, UserError
from kseries.lib.proc import CommandFailed
from kseries.series import diffpaths, diffs, headers
from kseries.series.assemble import Assembled, Choice, put_in_order
from kseries.series.mailbox import Mail, parse
from kseries.series.mailinfo import Parts, take_apart
from kseries.series.patchmail import PatchMail, carries_diff, check_complete, extract, render
from kseries.series.read import write
from kseries.series.trailers import read_trailers
from seriesbot import asking
from seriesbot.answer import thread
from seriesbot.postings import Posting
from seriesbot.store import Row, Store, unpack

# A program that a mail sends astray fails, or does not end in time.
_OF_MAILS = (UserError, CheckFailed, CommandFailed)

MAX_PATHS = 5_000  # of a series that are kept


@dataclass(frozen=True)
class Part:
    """A mail of a version. raw: b"" for one that is not kept."""

    number: int  # 0: the cover letter
    message_id: str
    subject: str
    raw: bytes
    inbox: str  # that it came by
    size: int

    @property
    def named(self) -> str:
        """How people call it."""
        return f"patch {self.number}" if self.number else "the cover letter"


@dataclass(frozen=True)
class Made:
    """A series that was put together. digest: the same for the same patches on the same base."""

    series: Assembled
    paths: tuple[str, ...]
    texts: tuple[str, ...]  # titles and messages
    digest: str


class NoSeriesError(Exception):
    """Mails make no series; why: in a sentence. empty: there is no patch in any of them."""

    def __init__(self, why: str, *, empty: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.empty = empty


def parts_of(store: Store, version: int) -> list[Part]:
    """Read the mails of a version, in the order in which they came."""
    rows = store.rows(
        "SELECT number, message_id, subject, raw, size, inbox.name AS inbox FROM part"
        " JOIN message ON message.id = part.message JOIN inbox ON inbox.id = message.inbox"
        " WHERE version = ? ORDER BY message.id",
        version,
    )
    return [
        Part(
            *(row["number"], row["message_id"], row["subject"], unpack(row["raw"])),
            *(row["inbox"], row["size"]),
        )
        for row in rows
    ]


def make(row: Row, parts: Sequence[Part], scratch: Path) -> Made:
    """Put a version together. row: of the store. scratch: an empty folder for files that may go.

    Raises NoSeriesError when its mails make no series, InfraError for what is the machine's fault.
    """
    mails = [_mail(part, place, scratch) for place, part in enumerate(parts)]
    carriers = [mail for mail in mails if carries_diff(mail, scratch)]
    if not carriers:
        raise NoSeriesError("there is no patch in it", empty=True)
    covers = [mail for mail in mails if mail.label.number == 0]
    posting = Posting(0, row["number"], row["total"], (*covers, *carriers))
    take = functools.partial(extract, scratch=scratch)
    try:
        found = put_in_order(posting.candidate(), mails, take, Choice(), row["message_id"])
        for patch in found.patches:
            check_complete(patch, scratch)
        cover = _cover(found, scratch)
    except _OF_MAILS as error:
        raise NoSeriesError(f"{error.what} {' '.join(error.where.split())}"[:1000]) from error
    trailers = read_trailers(found, cover.message + cover.diff if cover else b"")
    texts = [found.cover.subject] if found.cover else []
    texts += [cover.message.decode(errors="replace")] if cover else []
    for patch in found.patches:
        texts += [patch.title, patch.message.decode(errors="replace")]
    paths = {path for patch in found.patches for path in diffpaths.paths(diffs.scan(patch.diff))}
    base = (trailers.base_commit, *map(str, trailers.prerequisites))
    return Made(found, tuple(sorted(paths)[:MAX_PATHS]), tuple(texts), _digest(found.patches, base))


def write_out(made: Made, folder: Path) -> None:
    """Write a series into an empty folder."""
    write(made.series, folder)


def fix_of(row: Row, scratch: Path) -> bytes:
    """Give the patch that a reply asks to test, as a mail of its own. row: of the store.

    Raises NoSeriesError.
    """
    raw = unpack(row["raw"])
    asked, read = asking.parse(raw), thread.read(raw)
    if asked is None or not asked.patch or read is None:
        raise NoSeriesError("there is no patch in the reply", empty=True)
    letter = asking.fix_mail(asked, read)
    part = Part(0, row["message_id"], row["subject"], letter, "", len(letter))
    try:
        patch = extract(_mail(part, 0, scratch), scratch)
        if patch is None:
            raise NoSeriesError("there is no patch in the reply", empty=True)
        check_complete(patch, scratch)
    except _OF_MAILS as error:
        raise NoSeriesError(f"{error.what} {' '.join(error.where.split())}"[:1000]) from error
    title = f"Fix from <{row['message_id']}>"
    return render(replace(patch, title=title, subject=f"[PATCH] {title}"))


def _mail(part: Part, place: int, scratch: Path) -> Mail:
    file = scratch / f"{place:06d}.eml"
    file.write_bytes(part.raw)
    return parse(headers.read_headers(part.raw), file, f"{part.named} of the series")


def _cover(found: Assembled, scratch: Path) -> Parts | None:
    if found.cover is None or found.cover.too_long:
        return None
    return take_apart(found.cover.file.read_bytes(), scratch, found.cover.named)


def _digest(patches: Sequence[PatchMail], base: Sequence[str]) -> str:
    found = hashlib.sha256()
    for patch in patches:
        found.update(repr(patch.same).encode(errors="replace"))
    found.update(repr(base).encode())
    return found.hexdigest()
