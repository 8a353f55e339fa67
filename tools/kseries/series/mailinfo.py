# SPDX-License-Identifier: GPL-2.0
"""A mail, taken apart by git (`git mailinfo`), in UTF-8 whatever charset it is in.

Transfer encodings, attachments, flowed text and a From: in the body mean what they mean to
`git am`. Charsets are ours: git refuses a mail with one that iconv does not know or that does not
fit, and leaves 8-bit text as it is where none is named.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import UserError
from kseries.series import charsets, headers
from kseries.series.mailbox import GIT_ENV

MAILINFO = ("git", "mailinfo", "-k", "--no-scissors", "--quoted-cr=nowarn", "message", "diff")
MAILINFO_LIMIT_S = 60.0

# What git reads encoded words in, and prints.
_NAMES = ("From", "Subject")


@dataclass(frozen=True)
class Parts:
    """What git makes of a mail."""

    fields: dict[str, str]  # Author, Email, Subject, Date
    message: bytes  # UTF-8
    diff: bytes  # as it came, from "---" on
    notes: tuple[str, ...]  # what was wrong with its charset


def take_apart(data: bytes, scratch: Path, named: str) -> Parts:
    """Take a mail apart. named: what messages call it. Raises UserError when git cannot."""
    data, notes = headers.with_plain_headers(data, _NAMES)
    charset = headers.charset_of(data)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        done = _run(data, folder, named)
        untouched = not done.ok and "cannot convert from" in done.output
        if untouched:
            done = _run(headers.without_charsets(data), folder, named)
        if not done.ok:
            raise UserError(
                "git cannot read this mail.",
                where=f"{named}\n{done.output.strip()[-2000:]}",
                do="get the mail again, unchanged",
            )
        message = (folder / "message").read_bytes()
        diff = (folder / "diff").read_bytes()
        # Below the line with the command; decoded output would have lost what is not UTF-8.
        said = (folder / "said").read_bytes().partition(b"\n")[2]
    if untouched:
        message, lack = charsets.recoded(message, charset, mixed=False)
    else:
        # git has read what it could. What is left is in no charset that the mail names.
        charset, (message, lack) = "", charsets.recoded(message, "")
    notes += [f"its text {lack}"] if lack else []
    text = charsets.recoded(said, charset)[0].decode()
    return Parts(
        fields_of(text), message.replace(b"\r\n", b"\n"), diff, tuple(dict.fromkeys(notes))
    )


def fields_of(answer: str) -> dict[str, str]:
    """Read what git prints of a mail: Author, Email, Subject and Date, each on a line."""
    lines = (line.partition(": ") for line in answer.split("\n"))
    return {name: value.strip() for name, colon, value in lines if colon}


def _run(data: bytes, folder: Path, named: str) -> proc.Completed:
    source = folder / "mail"
    source.write_bytes(data)
    said = folder / "said"
    said.unlink(missing_ok=True)
    with source.open("rb") as stdin:
        try:
            return proc.run(
                MAILINFO,
                cwd=folder,
                deadline=Deadline.after(MAILINFO_LIMIT_S),
                env=GIT_ENV,
                stdin=stdin,
                log=said,
                check=False,
            )
        except proc.CommandTimeout as error:
            raise UserError(
                f"git needs more than {MAILINFO_LIMIT_S:.0f} s to read this mail.",
                where=named,
                do="get the mail again, unchanged; if it is as its author sent it, leave it out",
            ) from error
