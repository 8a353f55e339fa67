# SPDX-License-Identifier: GPL-2.0
"""Import a tarball of sources into git as it streams by, without unpacking it."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kseries.fetch import fastimport
from kseries.fetch.fastimport import CHUNK, FastImport, fast_import
from kseries.lib import proc
from kseries.lib.errors import UserError
from kseries.lib.gitrepo import Repository
from kseries.lib.progress import Progress, Ticker

RAW_REF = "refs/kseries/raw"

# First bytes of a format, and the program that unpacks it from stdin to stdout, silently.
_UNPACKERS: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (b"\xfd7zXZ\x00", ("xz", "-T0", "-qqdc")),
    (b"\x1f\x8b", ("gzip", "-qdc")),
    (b"\x28\xb5\x2f\xfd", ("zstd", "-qqdc")),
    (b"BZh", ("bzip2", "-qdc")),
)


def import_tar(repository: Repository, tarball: Path, progress: Progress) -> str:
    """Write the members of a tarball into the repository; give the id of their tree.

    A single folder that holds all the rest is taken off. Raises UserError when the file is no
    tarball, is cut off or corrupt, or holds a member that has no place in a source tree.
    """
    with _unpacked(tarball) as (stream, compressed), fast_import(repository, RAW_REF) as sink:
        try:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK) as tar:
                _add_members(tar, sink, tarball, compressed, progress)
        except (tarfile.TarError, EOFError) as error:
            raise _bad(tarball, str(error)) from error
    tree = _without_top_folder(repository)
    # The commit that fast-import made has served; kept alive, its ref would only confuse.
    repository.text("update-ref", "-d", RAW_REF)
    return tree


def _add_members(
    tar: tarfile.TarFile,
    sink: FastImport,
    tarball: Path,
    compressed: IO[bytes],
    progress: Progress,
) -> None:
    ticker = Ticker()
    total = tarball.stat().st_size
    for member in tar:
        _add(tar, member, sink, tarball)
        if ticker.due():
            # The unpacker reads through our file: its position is ours.
            done = os.lseek(compressed.fileno(), 0, os.SEEK_CUR)
            progress.update(f"importing, {sink.files} files", done=done, total=total)
    if not sink.files:
        raise _bad(tarball, "it holds no files")


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, sink: FastImport, tarball: Path) -> None:
    path = _safe(member.name, tarball)
    if path is None or member.isdir():
        return
    if member.isreg():
        content = tar.extractfile(member)
        assert content is not None
        mode = fastimport.EXECUTABLE if member.mode & 0o100 else fastimport.REGULAR
        sink.file(path, mode, member.size, content)
    elif member.issym():
        target = os.fsencode(member.linkname)
        sink.file(path, fastimport.SYMLINK, len(target), io.BytesIO(target))
    elif member.islnk():
        source = _safe(member.linkname, tarball)
        if source is not None:
            sink.copy(source, path)
    else:
        raise UserError(
            "The tarball holds a device, a pipe or the like.",
            where=f"{tarball}: {member.name}",
            do="take a tarball of sources",
        )


def _safe(name: str, tarball: Path) -> bytes | None:
    """Give the path of a member; None for a repository's own files, which are left out."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise UserError(
            "The tarball has a member that would lie outside of its folder.",
            where=f"{tarball}: {name}",
            do="do not use this tarball; take one from a source that you trust",
        )
    if any(part.lower() == ".git" for part in parts):
        return None
    return os.fsencode("/".join(parts))


def _without_top_folder(repository: Repository) -> str:
    entries = repository.text("ls-tree", "-z", RAW_REF).rstrip("\0").split("\0")
    kind, _, rest = entries[0].partition(" ")[2].partition(" ")
    if len(entries) == 1 and kind == "tree":
        return rest.partition("\t")[0]
    return repository.tree_of(RAW_REF)


@contextmanager
def _unpacked(tarball: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Give the bytes of the tar, and the file they come from.

    Raises UserError on the way out when the unpacker says that the file is corrupt: that
    explains whatever was wrong with what it had put out until then.
    """
    # Unbuffered: the unpacker shares the position of this file.
    with tarball.open("rb", buffering=0) as file:
        start = file.read(8)
        file.seek(0)
        argv = next((argv for magic, argv in _UNPACKERS if start.startswith(magic)), None)
        if argv is None:
            yield file, file
            return
        with proc.start(argv, cwd=tarball.parent, stdin=file) as child:
            assert child.stdout is not None
            broken: UserError | None = None
            try:
                yield child.stdout, file
            except UserError as error:
                broken = error
            while child.stdout.read(CHUNK):
                pass
            if child.wait() != 0:
                raise _bad(tarball, f"{argv[0]} finds it cut off or corrupt") from broken
            if broken is not None:
                raise broken


def _bad(tarball: Path, why: str) -> UserError:
    return UserError(
        f"This is not a usable tarball: {why}.",
        where=f"{tarball} ({tarball.stat().st_size:,} bytes)",
        do="get the file again; if it stays like this, name another one",
    )
