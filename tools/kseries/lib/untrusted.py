# SPDX-License-Identifier: GPL-2.0
"""The one reader of folders that code in the sandbox could write.

A series can leave anything there: links to files of the user, FIFOs that block whoever opens
them, devices, sparse files of a terabyte, a million files, folders in place of files. So nothing
is opened by a path that is resolved in one go: each part is opened below the one before, without
following links; what is opened must be a regular file; its size, and the number and depth of
files, are bound. Nothing is ever written, changed in its mode, or given away there.

What does not hold raises `NotPlain`, which is charged to the series.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed

MIB = 1 << 20
GIB = 1 << 30

TEXT_LIMIT = 64 * MIB
# A vmlinux with all debug information has about 1 GiB, a boot image 10 to 100 MiB.
FILE_LIMIT = 2 * GIB
TREE_BYTES = 4 * GIB
TREE_FILES = 200_000
DEPTH = 64

_CHUNK = 1 * MIB
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# O_NONBLOCK: opening a FIFO does not wait for who writes into it.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_OPEN_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


class NotPlain(CheckFailed):
    """What should be a plain file or folder, of a bound size, is not. why: it is not, in words."""

    why = ""


class NotThere(NotPlain):
    """There is no such file or folder, at least not any more."""


@dataclass(frozen=True)
class FileInfo:
    """A regular file below an untrusted folder."""

    name: str  # relative to that folder
    size: int  # apparent, bytes
    blocks: int  # on disk, of 512 bytes
    executable: bool


@dataclass(frozen=True)
class Untrusted:
    """A folder that code in the sandbox can write, or could.

    path: made by us, below folders that only we can write; what is in it is anybody's.
    """

    path: Path

    def has(self, name: str) -> bool:
        """Whether there is a regular file, reached through folders alone."""
        try:
            with self._file(name):
                return True
        except NotPlain:
            return False

    def has_folder(self, name: str) -> bool:
        """Whether there is a folder, reached through folders alone."""
        try:
            with self._folder(name):
                return True
        except NotPlain:
            return False

    def read_bytes(self, name: str, limit: int = TEXT_LIMIT) -> bytes:
        """Give the content of a file of at most `limit` bytes. Raises NotPlain."""
        return b"".join(self._chunks(name, limit))

    def read_text(self, name: str, limit: int = TEXT_LIMIT) -> str:
        """Give the text of a file of at most `limit` bytes. Raises NotPlain."""
        return self.read_bytes(name, limit).decode(errors="replace")

    def sha256(self, name: str, limit: int = FILE_LIMIT) -> str:
        """Give the hash of a file in hex digits. Raises NotPlain."""
        found = hashlib.sha256()
        for chunk in self._chunks(name, limit):
            found.update(chunk)
        return found.hexdigest()

    def copy(self, name: str, destination: Path, limit: int = FILE_LIMIT) -> None:
        """Copy a file's content to `destination`, whole or not at all. Raises NotPlain."""
        with atomicfile.new_file(destination) as partial, partial.open("xb") as out:
            for chunk in self._chunks(name, limit):
                out.write(chunk)

    def files(
        self, below: str = "", *, count: int = TREE_FILES, odd: bool = False
    ) -> Iterator[FileInfo]:
        """Give the regular files in the folder `below` and in all folders in it.

        odd: links and special files are an error, not passed over. What goes while it is looked
        for is passed over, but for `below` itself.
        Raises NotPlain for more than `count` entries or folders deeper than DEPTH.
        """
        left = count
        stack = [(below, 0)]
        while stack:
            name, depth = stack.pop()
            for entry, found in self._entries(name, may_go=depth > 0):
                left -= 1
                if left < 0:
                    raise self._odd(below, f"holds more than {count} files")
                inside = f"{name}/{entry}" if name else entry
                if stat.S_ISREG(found.st_mode):
                    is_executable = bool(found.st_mode & stat.S_IXUSR)
                    yield FileInfo(inside, found.st_size, found.st_blocks, is_executable)
                elif stat.S_ISDIR(found.st_mode):
                    if depth == DEPTH:
                        raise self._odd(inside, f"is nested deeper than {DEPTH} folders")
                    stack.append((inside, depth + 1))
                elif odd:
                    raise self._odd(inside, "is neither a file nor a folder")

    def _entries(self, name: str, *, may_go: bool) -> Iterator[tuple[str, os.stat_result]]:
        """Give what a folder holds, but not what goes meanwhile. may_go: nor the folder itself."""
        with ExitStack() as opened:
            try:
                handle = opened.enter_context(self._folder(name))
            except NotThere:
                if may_go:
                    return
                raise
            for entry in opened.enter_context(os.scandir(handle)):
                with suppress(FileNotFoundError):
                    yield (
                        entry.name,
                        os.stat(entry.name, dir_fd=handle, follow_symlinks=False),
                    )

    def copy_tree(
        self,
        below: str,
        destination: Path,
        *,
        count: int = TREE_FILES,
        size: int = TREE_BYTES,
    ) -> None:
        """Copy the files in the folder `below` into an empty folder of ours.

        Modes become 0755 or 0644. Raises NotPlain for links, special files, too many files, and
        more than `size` bytes, holes in sparse files counted.
        """
        left = size
        for file in self.files(below, count=count, odd=True):
            left -= file.size
            if left < 0:
                raise self._odd(file.name, f"is beyond the {size >> 20} MiB there may be in all")
            target = destination / Path(file.name).relative_to(below)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                for chunk in self._chunks(file.name, file.size):
                    out.write(chunk)
            target.chmod(0o755 if file.executable else 0o644)

    def _chunks(self, name: str, limit: int) -> Iterator[bytes]:
        with self._file(name) as handle:
            left = limit
            if os.fstat(handle).st_size > limit:
                raise self._odd(name, f"is larger than {_amount(limit)}")
            while chunk := os.read(handle, min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise self._odd(name, f"is larger than {_amount(limit)}")
                yield chunk

    @contextmanager
    def _file(self, name: str) -> Iterator[int]:
        folder, _, last = name.rpartition("/")
        with self._folder(folder) as above:
            try:
                handle = os.open(last, _OPEN, dir_fd=above)
            except OSError as error:
                raise self._refused(name, error, "file") from error
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise self._odd(name, "is not a plain file")
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _folder(self, name: str) -> Iterator[int]:
        parts = [part for part in name.split("/") if part]
        if ".." in parts or name.startswith("/"):
            raise ValueError(f"not below the folder: {name}")
        try:
            handle = os.open(self.path, _OPEN_FOLDER)
        except OSError as error:
            raise self._refused("", error, "folder") from error
        try:
            for part in parts:
                try:
                    lower = os.open(part, _OPEN_FOLDER, dir_fd=handle)
                except OSError as error:
                    raise self._refused(name, error, "folder") from error
                os.close(handle)
                handle = lower
            yield handle
        finally:
            os.close(handle)

    def _refused(self, name: str, error: OSError, wanted: str) -> NotPlain:
        if isinstance(error, FileNotFoundError):
            return self._odd(name, "is not there", NotThere)
        return self._odd(name, f"is not a plain {wanted} ({error.strerror})")

    def _odd(self, name: str, why: str, kind: type[NotPlain] = NotPlain) -> NotPlain:
        called = harmless(name.rpartition("/")[2]).replace("\n", "\\n") or "its folder"
        error = kind(
            f"The build left {called} in a form that is not accepted: it {why}.",
            where=harmless(str(self.path / name)),
            do="read the log of the build; a series that does this cannot be trusted",
        )
        error.why = why
        return error


def harmless(text: str) -> str:
    """Make control characters visible in what code in the sandbox says, before people see it.

    A terminal obeys them, and a series could choose them. Newlines and tabs stay.
    """
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def _amount(size: int) -> str:
    return f"{size >> 20} MiB" if size >= MIB else f"{size} bytes"
