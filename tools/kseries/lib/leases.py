# SPDX-License-Identifier: GPL-2.0
"""Who uses what is kept from run to run, so that nobody removes it meanwhile.

Any number of processes hold a lease on the same thing: a shared lock on a file beside it,
`.NAME.lease`, which the kernel drops when they die. Its time of change is when the thing was used
last. Who removes the thing must have the lock alone, and that of `locks.locked`, too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from kseries.lib import atomicfile
from kseries.lib.locks import lock_file

_OPEN = os.O_RDWR | os.O_NOFOLLOW


@dataclass
class Lease:
    """A thing in use. Ends with `release`, as a context manager, or with the process."""

    place: Path
    _handle: int | None

    def release(self) -> None:
        """Say that it is used no longer; once more does nothing."""
        if self._handle is not None:
            os.utime(self._handle)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Lease:
        """Give the lease itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release it."""
        self.release()


def use(place: Path) -> Lease:
    """Keep a file or folder, which need not exist yet, from being removed.

    Take it before you look whether the thing is there. Waits while somebody removes it. The lease
    lasts as long as the process unless it is released, whoever drops the value.
    Raises InfraError where nothing can be written.
    """
    with atomicfile.disk_errors(lease_file(place)):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = _lock(lease_file(place), fcntl.LOCK_SH)
        os.utime(handle)
    return Lease(place, handle)


def used(place: Path) -> float:
    """Tell when a thing was used last, or changed where nobody ever said; Unix seconds."""
    for file in (lease_file(place), place):
        with suppress(OSError):
            return file.lstat().st_mtime
    return 0.0


def remember(place: Path, size: int) -> None:
    """Write down the bytes that a thing takes until it is used again, where it ever was."""
    with suppress(OSError):
        handle = os.open(lease_file(place), _OPEN)
        try:
            times = os.fstat(handle)
            text = f"{size} {times.st_mtime_ns}\n".encode()
            os.ftruncate(handle, os.write(handle, text))
            os.utime(handle, ns=(times.st_atime_ns, times.st_mtime_ns))
        finally:
            os.close(handle)


def size(place: Path) -> int | None:
    """Give the bytes that a thing took when it was used last; None where that is not known."""
    with suppress(OSError, ValueError):
        text = lease_file(place).read_text()
        found, used_ns = map(int, text.split())
        if lease_file(place).lstat().st_mtime_ns == used_ns:
            return found
    return None


def in_use(place: Path) -> bool:
    """Whether anybody uses or makes a thing now."""
    return any(_held(file) for file in (lease_file(place), lock_file(place)))


@contextmanager
def taken(place: Path) -> Iterator[bool]:
    """Have a thing for oneself while the block lasts, to remove it; False when it is in use.

    Its lock files go with it. Raises InfraError where nothing can be written.
    """
    files = (lease_file(place), lock_file(place))
    handles: list[int] = []
    try:
        with atomicfile.disk_errors(place.parent), suppress(BlockingIOError):
            for file in files:
                handle = _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                handles.append(handle)
        free = len(handles) == len(files)
        yield free
        if free and not os.path.lexists(place):
            for file in files:
                file.unlink(missing_ok=True)
    finally:
        for handle in handles:
            os.close(handle)


def lease_file(place: Path) -> Path:
    """Give the file whose lock says that a thing is in use."""
    return place.parent / f".{atomicfile.short_name(place.name)}.lease"


def _lock(file: Path, how: int) -> int:
    """Lock a file, made where it is missing; give its handle. Raises OSError."""
    while True:
        handle = os.open(file, _OPEN | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, how)
            # Else who removed the thing took this file away, too.
            if os.fstat(handle).st_nlink:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _held(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    return atomicfile.is_locked(handle)
