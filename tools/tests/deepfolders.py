# SPDX-License-Identifier: GPL-2.0
"""Folders nested deeper than any path can say."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def swept() -> Iterator[Path]:
    """Give an empty folder, removed in the end.

    Not one of pytest's: its own removal does not get that deep, so that what a killed test leaves
    would break the next session.
    """
    top = Path(tempfile.mkdtemp(prefix="kseries-deep-"))
    try:
        yield top
    finally:
        subprocess.run(["rm", "-rf", "--", top], check=True)


def nest(top: Path, depth: int, mode: int = 0o755) -> None:
    """Nest folders in `top`; each holds a file, the lowest one a link."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        lower = os.open("d", os.O_RDONLY, dir_fd=here)
        os.fchmod(here, mode)
        os.close(here)
        here = lower
    os.symlink("/", "root", dir_fd=here)
    os.close(here)
