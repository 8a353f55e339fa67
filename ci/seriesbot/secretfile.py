# SPDX-License-Identifier: GPL-2.0
"""Files with secrets: read where nobody but their owner may read them, and never quoted."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from kseries.lib import atomicfile, privatefile
from kseries.lib.errors import UserError

T = TypeVar("T")


def read(file: Path, adapter: TypeAdapter[T], *, what: str, do: str) -> T:
    """Decode a TOML file. what: its secret, for messages. do: what is to be written into it.

    Raises UserError when it is no such file, is a link or not ours, or others may read it.
    """
    data = privatefile.read(file, what)
    try:
        return adapter.validate_python(tomllib.loads(data.decode()))
    except ValueError:
        # Its mistakes are not shown: they would quote the secret.
        raise UserError(f"This is no file with {what}.", where=str(file), do=do) from None


def write(file: Path, text: str) -> None:
    """Replace a file, whole or not at all, by one that only its owner may read."""
    with atomicfile.new_file(file) as partial:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(partial, flags, 0o600), "w") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
