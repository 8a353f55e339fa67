# SPDX-License-Identifier: GPL-2.0
"""The lines of a saved log, plain or gzip, of any size: one line at a time is in memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from kseries.errors import UserError

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
BUFFER = 1 << 20
MAX_BYTES = 4 << 20  # of a line that are held at once
CONTINUED = "\N{HORIZONTAL ELLIPSIS}"  # before each further part of a line longer than that


@contextmanager
def open_lines(name: str) -> Iterator[Iterator[str]]:
    """Give the lines of a file, or of standard input for `-`; too long ones come in parts.

    What is no UTF-8 becomes U+FFFD. Raises UserError when the file cannot be read, also in the
    middle.
    """
    with ExitStack() as stack:
        try:
            raw = sys.stdin.buffer if name == STDIN else stack.enter_context(Path(name).open("rb"))
            yield lines_of(_unpacked(raw))
        except (OSError, EOFError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) else None
            raise UserError(
                "The log cannot be read.",
                where=f"{name}: {why or error}",
                do="name a log file (plain or .gz), or `-` for standard input",
            ) from error


def _unpacked(raw: BinaryIO | io.BufferedReader) -> io.BufferedReader:
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw, BUFFER)  # type: ignore[type-var]
    if buffered.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC):
        unpacked = gzip.GzipFile(fileobj=buffered)
        return io.BufferedReader(cast(io.RawIOBase, unpacked), BUFFER)
    return buffered


def lines_of(stream: BinaryIO | io.BufferedReader) -> Iterator[str]:
    """Give the lines of a stream; a line longer than MAX_BYTES comes in parts."""
    begun = False  # the line has a part that was given
    while part := stream.readline(MAX_BYTES):
        # A file that was open when its machine died has blocks of zeros.
        text = part.replace(b"\0", b"").decode(errors="replace")
        if text:
            yield CONTINUED + text if begun else text
        begun = not part.endswith(b"\n") and (begun or bool(text))
