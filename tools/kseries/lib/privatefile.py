# SPDX-License-Identifier: GPL-2.0
"""Files with secrets: read where nobody but their owner may read them, and never quoted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kseries.lib.errors import UserError

MAX_BYTES = 1 << 16


def read(file: Path, what: str) -> bytes:
    """Give what is in a file. what: its secret, for messages.

    Raises UserError when it is no such file, is a link or not ours, or others may read it.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UserError(
            f"The file with {what} cannot be read: {error.strerror}.",
            where=str(file),
            do="make it a plain file of your own, mode 0600",
        ) from error
    # What is checked is what is read, whatever happens to the name meanwhile.
    with os.fdopen(handle, "rb") as opened:
        told = os.fstat(handle)
        shared = told.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if not stat.S_ISREG(told.st_mode) or shared or told.st_uid not in (os.geteuid(), 0):
            raise UserError(
                f"Others may read {what}, or it is not yours.",
                where=f"{file} (mode {stat.S_IMODE(told.st_mode):04o})",
                do=f"chmod 0600 {file}",
            )
        return opened.read(MAX_BYTES)
