# SPDX-License-Identifier: GPL-2.0
"""Make files and folders appear whole or not at all.

Everything is made beside its final place and renamed; what a killed process left behind carries
the prefix `.part-` and is swept away the next time the same place is made.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kseries.errors import InfraError

PARTIAL_PREFIX = ".part-"


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn a full or read-only disk into an `InfraError` that says which and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InfraError(
                "The disk is full.",
                where=str(where),
                do=f"free some space on the disk of {where} (`kseries cache clear` drops what can"
                " be made again), then start again",
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise InfraError(
                f"Cannot write: {os.strerror(error.errno)}.",
                where=str(where),
                do="make the folder writable for this user",
            ) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` (UTF-8) atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data` atomically and durably."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_dead(path)
        name = str(path.parent / f"{partial_name(path)}{os.getpid()}")
        try:
            # A new file: what lies there under that name may be a link to anything.
            Path(name).unlink(missing_ok=True)
            with Path(name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)  # noqa: PTH101
            os.replace(name, path)  # noqa: PTH105
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_if_changed(path: Path, text: str) -> bool:
    """Write `text` unless the file says so already; tell whether it was written.

    make compares times: an unchanged `.config` must keep its own.
    """
    if path.is_file() and path.read_text(errors="surrogateescape") == text:
        return False
    write_text(path, text)
    return True


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `final` when the block ends well, and vanishes otherwise.

    The caller holds the lock of `final`. An existing `final` is replaced.
    """
    with disk_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        sweep(final)
        partial = Path(tempfile.mkdtemp(prefix=partial_name(final), dir=final.parent))
        partial.chmod(0o755)
        try:
            yield partial
            if final.exists():
                remove_tree(final)
            partial.rename(final)
        except BaseException:
            remove_tree(partial)
            raise


@contextmanager
def new_file(final: Path) -> Iterator[Path]:
    """Give a path beside `final`, renamed to it when the block ends well, removed otherwise."""
    with disk_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        sweep(final)
        partial = final.parent / f"{partial_name(final)}{os.getpid()}"
        try:
            yield partial
            partial.replace(final)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def sweep(final: Path) -> None:
    """Remove what earlier, killed attempts to make `final` left beside it."""
    for stale in final.parent.glob(f"{glob.escape(partial_name(final))}*"):
        remove_tree(stale)


def remove_tree(path: Path) -> None:
    """Remove a file or a whole folder, read-only parts included; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            for folder, _, _ in os.walk(path):
                os.chmod(folder, 0o700)  # noqa: PTH101
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sweep_dead(final: Path) -> None:
    """Remove what processes that were killed left of this file; others may be writing it."""
    prefix = partial_name(final)
    for stale in final.parent.glob(f"{glob.escape(prefix)}*"):
        if not Path("/proc", stale.name.removeprefix(prefix)).exists():
            stale.unlink(missing_ok=True)


def partial_name(final: Path) -> str:
    """Give the first part of the names that what becomes `final` has while it is made."""
    # "~" ends it: `.part-a~` is not where the making of `a-b` begins.
    return f"{PARTIAL_PREFIX}{final.name}~"
