# SPDX-License-Identifier: GPL-2.0
"""The text of a saved log, plain or gzip, of any size: one block at a time is in memory."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from kseries.lib.errors import UserError
from kseries.lib.textfile import open_regular

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
BLOCK = 1 << 20
MAX_BYTES = 4 << 20  # of a line that are held at once
# Of one log, unpacked. Holes of a sparse file and what gzip makes of a few bytes are text, too.
MAX_LOG = 2 << 30
CONTINUED = "\N{HORIZONTAL ELLIPSIS}"  # before each further part of a line longer than that

_LINE_END = re.compile(r"\r+\n")


@contextmanager
def open_blocks(name: str) -> Iterator[Iterator[str]]:
    """Give the text of a file, or of standard input for `-`, as `blocks_of` does.

    What is not UTF-8 becomes U+FFFD. Raises UserError when the file cannot be read, also in the
    middle, and when it has more than MAX_LOG bytes.
    """
    with ExitStack() as stack:
        try:
            raw: BinaryIO = sys.stdin.buffer
            if name != STDIN:
                raw = stack.enter_context(open_regular(Path(name)))
            yield blocks_of(_unpacked(raw))
        except (OSError, EOFError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) else None
            raise UserError(
                "The log cannot be read.",
                where=f"{name}: {why or error}",
                do="name a log file (plain or .gz), or `-` for standard input",
            ) from error
        except LogTooLong as error:
            raise UserError(
                f"The log has more than {MAX_LOG >> 20} MiB.",
                where=name,
                do="look what fills it, and cut out the part that you want to read",
            ) from error


class LogTooLong(Exception):
    """A log has more than MAX_LOG bytes."""


def _unpacked(raw: BinaryIO | io.BufferedReader) -> io.BufferedReader:
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw, BLOCK)  # type: ignore[type-var]
    if buffered.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC):
        unpacked = gzip.GzipFile(fileobj=buffered)
        return io.BufferedReader(cast(io.RawIOBase, unpacked), BLOCK)
    return buffered


def blocks_of(stream: BinaryIO | io.BufferedReader) -> Iterator[str]:
    """Give a stream in blocks of whole lines.

    A line longer than MAX_BYTES comes in parts, each further one marked as CONTINUED. A block
    without a newline at its end has lost the rest of its last line. Raises LogTooLong.
    """
    rest, whole, total = b"", True, 0
    while data := stream.read(BLOCK):
        total += len(data)
        if total > MAX_LOG:
            raise LogTooLong
        # A file that was open when its machine died has blocks of zeros.
        rest += data.replace(b"\0", b"")
        end = rest.rfind(b"\n") + 1 or len(rest) * (len(rest) >= MAX_BYTES)
        if end:
            yield _text(rest[:end], whole)
            whole, rest = rest.endswith(b"\n", 0, end), rest[end:]
    if rest:
        yield _text(rest, whole)


def _text(data: bytes, whole: bool) -> str:
    """Decode a block. whole: it begins with a line."""
    text = data.decode(errors="replace")
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    # What was copied from a web page or a mail has them for blanks.
    text = text.replace("\xa0", " ")
    return text if whole else CONTINUED + text
