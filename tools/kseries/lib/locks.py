# SPDX-License-Identifier: GPL-2.0
"""One user at a time for what is shared: cache items, trees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kseries.lib import atomicfile
from kseries.lib.errors import InfraError
from kseries.lib.progress import Progress


@contextmanager
def locked(place: Path, progress: Progress, wait_s: float = 3600.0) -> Iterator[None]:
    """Hold the lock beside `place` (a file or folder that need not exist yet).

    The kernel drops the lock when its holder dies. Raises InfraError after `wait_s` seconds.
    """
    with atomicfile.disk_errors(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file(place))
    try:
        with atomicfile.disk_errors(place):
            lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"waiting for another kseries that uses {place}")
        try:
            lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise InfraError(
                f"Another kseries has used this for {wait_s:.0f} s.",
                where=str(place),
                do="wait for it or end it, then try again",
            ) from error
    try:
        yield
    finally:
        lock.release()


def lock_file(place: Path) -> Path:
    """Give the file whose lock `locked` holds."""
    return place.parent / f".{atomicfile.short_name(place.name)}.lock"
