# SPDX-License-Identifier: GPL-2.0
"""Make files and folders appear whole or not at all.

Everything is made beside its final place and renamed; what a killed process left behind carries
the prefix `.part-` and is swept away the next time the same place is made.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import itertools
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kseries.lib.errors import InfraError

PARTIAL_PREFIX = ".part-"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A file where a folder should be or the other way round, a link to nowhere, too long a name, …
_ODD_PLACE = frozenset(
    {
        errno.EBUSY,
        errno.EEXIST,
        errno.EIO,
        errno.EISDIR,
        errno.ELOOP,
        errno.EMFILE,
        errno.ENAMETOOLONG,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        errno.ENXIO,
        errno.ESTALE,
        errno.EXDEV,
    }
)
# Bytes of a name, of the 255 that there may be.
_LONG = 200
# Names that are held in memory at a time.
_BATCH = 10_000


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn what is wrong with a place on the disk into an `InfraError` that says what to do."""
    try:
        yield
    except OSError as error:
        told = disk_error(error, where)
        if told is None:
            raise
        raise told from error


def disk_error(error: OSError, where: Path) -> InfraError | None:
    """Say what is wrong with a place on the disk; None for what is no fault of a place."""
    place = where
    if isinstance(error.filename, str | bytes) and error.filename:
        place = Path(os.fsdecode(error.filename))
        if not place.is_absolute():  # relative to an open folder
            place = where
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InfraError(
            "The disk is full.",
            where=str(where),
            do=f"free some space on the disk of {where} (`kseries cache clear` drops what can be"
            " made again), then try again",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return InfraError(
            f"Cannot write: {os.strerror(error.errno)}.",
            where=str(where),
            do="make the folder writable for this user",
        )
    if error.errno in _ODD_PLACE:
        return InfraError(
            f"This place cannot be used: {os.strerror(error.errno or 0)}.",
            where=str(place),
            do="look what stands there, and move it out of the way",
        )
    return None


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
        handle = os.open(partial, _FOLDER)
        try:
            # Dropped when we die: see `abandoned`.
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield partial
            if final.exists():
                remove_tree(final)
            partial.rename(final)
        except BaseException:
            remove_tree(partial)
            raise
        finally:
            os.close(handle)


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


def abandoned(partial: Path) -> bool:
    """Whether nobody is at work any more on what something is made as, or removed as."""
    pid = partial.name.rpartition("~")[2]
    try:
        handle = os.open(partial, _FOLDER)
    except NotADirectoryError:
        return not pid.isdigit() or not Path("/proc", pid).exists()
    except OSError:
        return False
    return not is_locked(handle)


def is_locked(handle: int) -> bool:
    """Whether somebody has a lock on what was opened; closes it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def sweep(final: Path) -> None:
    """Remove what earlier, killed attempts to make `final` left beside it."""
    for stale in final.parent.glob(f"{glob.escape(partial_name(final))}*"):
        remove_tree(stale)


def remove_tree(path: Path) -> None:
    """Remove a file or a whole folder; nothing there is fine.

    What is in it may be a stranger's work: links are not followed, folders that nobody may read
    are opened first, and they may be nested deeper than any path can say. It vanishes at once under
    its name, so that what is half removed is never taken for whole. Raises InfraError.
    """
    with disk_errors(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            path.unlink(missing_ok=True)
            return
        gone = path
        if not path.name.startswith(PARTIAL_PREFIX):
            gone = Path(tempfile.mkdtemp(prefix=partial_name(path), dir=path.parent))
            try:
                path.rename(gone)
            except FileNotFoundError:
                gone.rmdir()  # somebody else was faster
                return
        above = os.open(gone.parent, _FOLDER)
        try:
            _remove_folder(gone.name, above)
        finally:
            os.close(above)


def _remove_folder(name: str, above: int) -> None:
    """Remove a folder in the folder `above` with all in it.

    Folders found in it are moved up into it, one after the other, so that neither the depth of our
    calls nor the number of open files grows with theirs.
    """
    top = _open_folder(name, above)
    try:
        for each in _batches(top):
            if not each.is_dir(follow_symlinks=False):
                os.unlink(each.name, dir_fd=top)
                continue
            folder = _open_folder(each.name, top)
            try:
                for inner in _batches(folder):
                    if not inner.is_dir(follow_symlinks=False):
                        os.unlink(inner.name, dir_fd=folder)
                        continue
                    # To move a folder is to write its "..".
                    os.close(_open_folder(inner.name, folder))
                    # A name that nobody can have taken before.
                    flat = secrets.token_hex(16)
                    os.rename(inner.name, flat, src_dir_fd=folder, dst_dir_fd=top)
            finally:
                os.close(folder)
            os.rmdir(each.name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=above)


def _batches(folder: int) -> Iterator[os.DirEntry[str]]:
    """Give the entries of a folder until there are none: whoever takes one removes it."""
    while True:
        with os.scandir(folder) as entries:
            batch = list(itertools.islice(entries, _BATCH))
        if not batch:
            return
        yield from batch


def _open_folder(name: str, above: int) -> int:
    """Open a folder in the folder `above` to change what is in it, whatever its mode says."""
    try:
        handle = os.open(name, _FOLDER, dir_fd=above)
        if os.fstat(handle).st_mode & stat.S_IRWXU == stat.S_IRWXU or os.geteuid() == 0:
            return handle
        os.close(handle)
    except PermissionError:
        pass
    # What is opened as a place only needs no right to read it.
    place = os.open(name, _FOLDER | os.O_PATH, dir_fd=above)
    try:
        os.chmod(f"/proc/self/fd/{place}", stat.S_IRWXU)  # noqa: PTH101
    finally:
        os.close(place)
    return os.open(name, _FOLDER, dir_fd=above)


def _sweep_dead(final: Path) -> None:
    """Remove what processes that were killed left of this file; others may be writing it."""
    prefix = partial_name(final)
    for stale in final.parent.glob(f"{glob.escape(prefix)}*"):
        if not Path("/proc", stale.name.removeprefix(prefix)).exists():
            stale.unlink(missing_ok=True)


def partial_name(final: Path) -> str:
    """Give the first part of the names that what becomes `final` has while it is made."""
    # "~" ends it: `.part-a~` is not where the making of `a-b` begins.
    return f"{PARTIAL_PREFIX}{short_name(final.name)}~"


def short_name(name: str) -> str:
    """Give a name that has room for something before and behind it; most are short enough."""
    raw = os.fsencode(name)
    if len(raw) <= _LONG:
        return name
    return f"{os.fsdecode(raw[: _LONG - 33])}-{hashlib.sha256(raw).hexdigest()[:32]}"
