# SPDX-License-Identifier: GPL-2.0
"""Read a file of which only the name is known: a fragment, a stack, the outcome of an old run.

A name can mean anything: a folder, a FIFO that never gives a byte, a device, a disk image. Each
of them is a UserError that names the file, not a hang or a MemoryError.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from kseries.lib.errors import UserError

LIMIT = 1 << 20
# Of what we wrote ourselves: 2,000 tests take less than 2 MiB.
OURS_LIMIT = 256 << 20


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read it. Raises OSError, for anything else at once."""
    # O_NONBLOCK: opening a FIFO does not wait for who writes into it.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return os.fdopen(handle, "rb")


def content(path: Path, limit: int = OURS_LIMIT) -> bytes:
    """Give the content of a regular file of at most `limit` bytes.

    Raises FileNotFoundError, and UserError for everything else.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            # It can grow meanwhile; and of one that is too large nothing is wanted.
            data = file.read(limit + 1) if size <= limit else b""
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    if max(len(data), size) > limit:
        raise _refused(path, f"is larger than {limit >> 20} MiB")
    return data


def read(path: Path, what: str, *, do: str) -> str:
    """Give the text (UTF-8) of a file that the user names, at most 1 MiB.

    what: its kind for messages ("Kconfig fragment"). do: what to do when it cannot be read.
    Raises UserError.
    """
    try:
        data = content(path, LIMIT)
    except FileNotFoundError:
        raise _refused(path, "is not there", what, do) from None
    except UserError as error:
        raise UserError(f"The {what} cannot be read.", where=error.where, do=do) from error
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(0)) + 1
        raise _refused(f"{path}:{line}", "holds a zero byte, so it is not text", what, do)
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(f"{path}:{line}", "is not UTF-8", what, do) from error


def _refused(
    place: Path | str, why: str, what: str = "file", do: str = "move it out of the way"
) -> UserError:
    return UserError(f"The {what} cannot be read.", where=f"{place}: {why}", do=do)
