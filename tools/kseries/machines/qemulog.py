# SPDX-License-Identifier: GPL-2.0
"""What QEMU itself prints, in a file that does not grow without bound: guests can make it print."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from kseries.lib.bounded import MIB, HeadTail

HEAD, TAIL = 4 * MIB, 1 * MIB
READ_SIZE = 1 << 16


@contextmanager
def appended(file: Path, first: str) -> Iterator[IO[bytes]]:
    """Give what QEMU is to write to; what comes is appended to `file` behind the line `first`.

    It ends when all copies of it are closed, at the latest with the block.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb", buffering=0) as source, file.open("ab", buffering=0) as sink:
        sink.write(first.encode(errors="replace") + b"\n")
        thread = threading.Thread(target=_copy, args=(source, sink), name="qemu.log", daemon=True)
        thread.start()
        try:
            with os.fdopen(write_end, "wb", buffering=0) as given:
                yield given
        finally:
            thread.join()


def _copy(source: IO[bytes], sink: IO[bytes]) -> None:
    kept = HeadTail(HEAD, TAIL)
    while data := source.read(READ_SIZE):
        # A disk that is full must not hold QEMU up; the console says that it is.
        with suppress(OSError):
            sink.write(kept.feed(data))
    with suppress(OSError):
        sink.write(kept.end())
