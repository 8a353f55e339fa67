# SPDX-License-Identifier: GPL-2.0
"""Folders nested deeper than any path can say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def swept(top: Path) -> Iterator[Path]:
    """Remove all of `top` in the end: pytest's own removal does not get that deep."""
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
