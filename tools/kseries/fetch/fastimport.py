# SPDX-License-Identifier: GPL-2.0
"""Write many files as one commit straight into a pack (`git fast-import`).

Nothing is unpacked on the way, and 87,000 files become one pack instead of 87,000 loose objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from kseries.lib import gitrepo, proc
from kseries.lib.gitrepo import Repository

REGULAR = b"100644"
EXECUTABLE = b"100755"
SYMLINK = b"120000"
CHUNK = 1 << 20


class FastImport:
    """The commit being written. Paths are relative bytes; a later file replaces an earlier one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.files = 0

    def file(self, path: bytes, mode: bytes, size: int, content: IO[bytes]) -> None:
        """Add a file, or a symbolic link whose target is the content. Raises EOFError if short."""
        self._stream.write(b"M %s inline %s\ndata %d\n" % (mode, _quoted(path), size))
        left = size
        while left:
            data = content.read(min(left, CHUNK))
            if not data:
                raise EOFError(os.fsdecode(path))
            self._stream.write(data)
            left -= len(data)
        self._stream.write(b"\n")
        self.files += 1

    def copy(self, source: bytes, path: bytes) -> None:
        """Add a file with mode and content of one added before."""
        self._stream.write(b"C %s %s\n" % (_quoted(source), _quoted(path)))
        self.files += 1


@contextmanager
def fast_import(repository: Repository, ref: str) -> Iterator[FastImport]:
    """Take files until the block ends, then make the commit and point `ref` to it.

    Raises GitError when git refuses or dies (a full disk is named). A block that is left by an
    exception makes no commit.
    """
    words = ["-c", "pack.depth=0", "fast-import", "--quiet", "--done", "--depth=0"]
    argv = repository.sealed_argv(*words)
    read_end, write_end = os.pipe()
    with (
        os.fdopen(read_end, "rb") as stdin,
        os.fdopen(write_end, "wb", CHUNK) as stream,
        proc.start(argv, cwd=repository.path, env=repository.environment(), stdin=stdin) as child,
    ):
        stdin.close()
        try:
            stream.write(_header(ref))
            yield FastImport(stream)
            stream.write(b"done\n")
            stream.close()
        except BrokenPipeError:
            # git is gone; what it said is raised below.
            _discard(stream)
        except BaseException:
            # Without "done" git makes no commit of what it got so far.
            _discard(stream)
            raise
        assert child.stdout is not None
        said = child.stdout.read().decode(errors="replace")
        if child.wait() != 0:
            raise gitrepo.failure(repository.argv(*words), child.returncode, said)


def _header(ref: str) -> bytes:
    name, address = gitrepo.IDENTITY
    date = gitrepo.FIXED_DATE.lstrip("@")
    return f"commit {ref}\ncommitter {name} <{address}> {date}\ndata 0\n".encode()


def _discard(stream: IO[bytes]) -> None:
    # Closing flushes, into a pipe that may have no reader any more.
    with suppress(BrokenPipeError):
        stream.close()


def _quoted(path: bytes) -> bytes:
    """Quote as fast-import wants it: C style, bytes that would end or open a string escaped."""
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped
