# SPDX-License-Identifier: GPL-2.0
"""Files and folders as tar streams, to and from a machine that is not trusted."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed

CHUNK = 1 << 18

# What one copy may hold, there and back: the guest's disk is little larger. Holes count, as they
# are read as zeros on one side and written as such on the other.
MAX_BYTES = 1 << 30
MAX_FILES = 100_000
TOO_MUCH = f"{MAX_BYTES >> 20} MiB or {MAX_FILES} files"


def pack(source: Path, name: str, spool: IO[bytes]) -> None:
    """Write `source` as `name` (a folder with all it holds) into `spool`, owned by root.

    Raises CheckFailed for more than MAX_BYTES or MAX_FILES, as a series may have built it.
    """
    measure(source)
    with tarfile.open(fileobj=spool, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        archive.add(source, arcname=name, filter=_as_root)


def chunks(spool: IO[bytes]) -> Iterator[bytes]:
    """Give the spooled bytes from the start."""
    spool.seek(0)
    while data := spool.read(CHUNK):
        yield data


def unpack(spool: IO[bytes], name: str, destination: Path) -> list[str]:
    """Make `destination` of what the archive holds as `name`; give the members left out.

    A patched kernel made the archive: nothing in it may lead outside of the destination. Left
    out are devices, sockets and links that point outside. Raises tarfile.TarError for an archive
    that is none, does not hold `name`, or holds more than MAX_BYTES or MAX_FILES.
    """
    spool.seek(0)
    with atomicfile.disk_errors(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        atomicfile.sweep(destination)
        prefix = atomicfile.partial_name(destination)
        work = Path(tempfile.mkdtemp(prefix=prefix, dir=destination.parent))
        try:
            left_out = _extract(spool, work)
            if not os.path.lexists(work / name):
                raise tarfile.ReadError(f"{name} is not in the archive")
            atomicfile.remove_tree(destination)
            (work / name).rename(destination)
        finally:
            atomicfile.remove_tree(work)
    return left_out


def points_inside(link: str, target: str) -> bool:
    """Tell whether a symbolic link stays below the first part of its own path.

    `..` may only lead: behind a name it would be followed from wherever a link of that name
    points to.
    """
    depth = len(PurePosixPath(link).parts) - 1
    up, named = 0, False
    for part in target.split("/"):
        if part == "..":
            if named:
                return False
            up += 1
        elif part not in ("", "."):
            named = True
    return not target.startswith("/") and up < depth


def _extract(spool: IO[bytes], work: Path) -> list[str]:
    left_out: list[str] = []
    modes: list[tuple[Path, int]] = []
    links: list[tuple[Path, str]] = []
    room = MAX_BYTES
    with tarfile.open(fileobj=spool, mode="r|") as archive:
        for number, member in enumerate(archive):
            # Of a sparse file all of it counts: it is written in full.
            room -= member.size
            if room < 0 or number >= MAX_FILES:
                raise tarfile.ReadError(f"it holds more than {TOO_MUCH}")
            # Or a stream keeps all that it has given.
            archive.members = []  # type: ignore[attr-defined]
            place = _place(work, member.name)
            if place is None or os.path.lexists(place):
                left_out.append(member.name)
            elif member.isdir():
                place.mkdir(parents=True)
                modes.append((place, member.mode & 0o777))
            elif member.issym() and points_inside(member.name, member.linkname):
                links.append((place, member.linkname))
            elif not _extract_file(archive, member, place, work):
                left_out.append(member.name)
    # Links come last: so no member was written through one. Folders are closed after that.
    for place, target in links:
        place.symlink_to(target)
    for place, mode in reversed(modes):
        place.chmod(mode)
    return left_out


def _extract_file(
    archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path, work: Path
) -> bool:
    if member.islnk():
        first = _place(work, member.linkname)
        if first is None or not first.is_file():
            return False
        shutil.copy(first, place)
        return True
    data = archive.extractfile(member) if member.isreg() else None
    if data is None:
        return False
    with place.open("xb") as file:
        shutil.copyfileobj(data, file)
    place.chmod(member.mode & 0o777)
    return True


def measure(source: Path) -> None:
    """Raise CheckFailed when there is too much to copy; nothing is opened."""
    room, left = MAX_BYTES, MAX_FILES
    for place in [source, *(source.rglob("*") if source.is_dir() else ())]:
        room -= place.lstat().st_size
        left -= 1
        if room < 0 or left < 0:
            raise CheckFailed(
                f"The tests are too large for the guest: more than {TOO_MUCH}.",
                where=str(place),
                do="choose fewer suites, or see what the series builds there",
            )


def _place(work: Path, name: str) -> Path | None:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        return None
    place = work.joinpath(*parts)
    return place if place == work or place.parent.is_dir() else None


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
