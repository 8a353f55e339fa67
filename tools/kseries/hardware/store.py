# SPDX-License-Identifier: GPL-2.0
"""Files that a lab machine gets: each sent once, known by its content, kept for next time."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from kseries.hardware.lock import FOLDER
from kseries.hardware.ssh import Link
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.machines import transfer

PLACE = f"{FOLDER}/store"
KEPT = 8  # of the newest
SPARE = 64 << 20  # bytes that a disk keeps free

# Arguments: the name, bytes needed. Prints "there", or the bytes that are free.
_LOOK = r"""
mkdir -p {place} && cd {place} || exit
rm -f ./*.partial
if [ -s {name}.sum ] && sha256sum -c --status {name}.sum 2>/dev/null; then
	touch {name} {name}.sum
	echo there
	exit
fi
ls -t | grep -v '\.sum$' | tail -n +{kept} | while read -r old; do rm -f "$old" "$old.sum"; done
df -P -k . | awk 'NR == 2 {{ print "free", $4 }}'
"""
_TAKE = r"""cd {place} && cat >{name}.partial && echo '{sum}  {name}' >{name}.sum.partial &&
sync {name}.partial && mv {name}.partial {name} && mv {name}.sum.partial {name}.sum ||
{{ rm -f {name}.partial {name}.sum.partial; exit 1; }}"""


def put(link: Link, source: Path, deadline: Deadline) -> str:
    """Have an archive of a file or folder in the store; give its path there.

    Raises InfraError where there is no room, and as `transfer.pack` does.
    """
    name = f"{content(source)}.tar"
    with tempfile.TemporaryFile() as spool:
        said = _look(link, name, deadline)
        if said == ["there"]:
            return f"{PLACE}/{name}"
        transfer.pack(source, source.name, spool)
        size = spool.tell()
        _require_room(link, said, size)
        command = _TAKE.format(place=PLACE, name=name, sum=_sum(spool))
        spool.seek(0)
        done = link.feed(command, spool, deadline)
        if not done.ok:
            raise no_room(link.host, size, done.output)
    return f"{PLACE}/{name}"


def unpack_words(archive: str, folder: str) -> str:
    """Give the command that unpacks an archive of the store into a folder."""
    place = shlex.quote(folder)
    return (
        f"mkdir -p {place} && tar -xp --no-same-owner --warning=no-timestamp"
        f" -C {place} -f {shlex.quote(archive)}"
    )


def no_room(host: str, size: int, said: str) -> InfraError:
    """Make the error for a disk that is full, or another reason not to write."""
    lines = "".join(f"\n| {line}" for line in said.splitlines()[-4:])
    return InfraError(
        f"{host} could not keep {size >> 20} MiB that it needs for this run.",
        where=f"{host}:{FOLDER}{lines}",
        do=f"make room there (`ssh {host} df {FOLDER}`); {PLACE} may be emptied at any time",
    )


def content(source: Path) -> str:
    """Name a file, or a folder with all that is in it, by a digest of names, modes and contents."""
    found = hashlib.sha256()
    for place, name in _members(source):
        mode = place.lstat().st_mode
        found.update(f"{name}\0{mode:o}\0".encode(errors="surrogateescape"))
        if place.is_symlink():
            found.update(os.fsencode(place.readlink()))
        elif place.is_file():
            with place.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:32]


def _members(source: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    yield source, PurePosixPath(source.name)
    if source.is_dir() and not source.is_symlink():
        for place in sorted(source.rglob("*")):
            yield place, PurePosixPath(source.name, place.relative_to(source))


def _look(link: Link, name: str, deadline: Deadline) -> list[str]:
    done = link.run(_LOOK.format(place=PLACE, name=name, kept=KEPT), deadline)
    lines = done.output.split("\n")
    if not done.ok:
        raise no_room(link.host, 0, done.output)
    return [line for line in lines if line]


def _require_room(link: Link, said: list[str], size: int) -> None:
    free = next((line.split()[1] for line in said if line.startswith("free ")), "")
    # Twice: it is unpacked there, too.
    if free.isdecimal() and int(free) << 10 < 2 * size + SPARE:
        raise no_room(link.host, 2 * size + SPARE, f"{int(free) >> 10} MiB are free")


def _sum(spool: IO[bytes]) -> str:
    found = hashlib.sha256()
    for data in transfer.chunks(spool):
        found.update(data)
    return found.hexdigest()
