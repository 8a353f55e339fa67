# SPDX-License-Identifier: GPL-2.0
"""Read a small text file that the user names: a fragment, a stack, a source.

A name can mean anything: a folder, a FIFO that never gives a byte, a device, a disk image. Each
of them is a UserError that names the file, not a hang or a MemoryError.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kseries.errors import UserError

LIMIT = 1 << 20


def read(path: Path, what: str, *, do: str, limit: int = LIMIT) -> str:
    """Give the text (UTF-8) of a regular file of at most `limit` bytes.

    what: its kind for messages ("Kconfig fragment"). do: what to do when it cannot be read.
    Raises UserError.
    """

    def refused(why: str, line: int = 0) -> UserError:
        place = f"{path}:{line}" if line else str(path)
        return UserError(f"The {what} cannot be read.", where=f"{place}: {why}", do=do)

    try:
        # O_NONBLOCK: opening a FIFO does not wait for who writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise refused("is not there") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise refused(getattr(error, "strerror", None) or str(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise refused("is not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(data) > limit:
        raise refused(f"is larger than {limit >> 20} MiB")
    if b"\0" in data:
        raise refused(
            "holds a zero byte, so it is no text", data.count(b"\n", 0, data.index(0)) + 1
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused("is not UTF-8", data.count(b"\n", 0, error.start) + 1) from error
