# SPDX-License-Identifier: GPL-2.0
"""Files that a lab machine gets: each sent once, known by its content, kept for next time."""

from __future__ import annotations

import hashlib
import os
import secrets
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

# What was sent already of an archive is gone on with, in a file of its own: who sent it may still
# write there, as a machine learns late that a connection is lost. Prints "there", or what is there.
_LOOK = r"""
mkdir -p {place} && cd {place} || exit
rm -f ./*.kept ./*.new
if [ -s {name}.sum ] && sha256sum -c --status {name}.sum 2>/dev/null; then
	touch {name} {name}.sum
	rm -f ./*.partial
	echo there
	exit
fi
most=$(ls -S {name}.*.partial 2>/dev/null | head -n 1)
[ -z "$most" ] || cp "$most" {name}.kept || rm -f {name}.kept
rm -f ./*.partial
[ ! -e {name}.kept ] || mv {name}.kept {name}.{try_}.partial
ls -t | grep -v -e '\.sum$' -e '\.partial$' | tail -n +{kept} |
	while read -r old; do rm -f "$old" "$old.sum"; done
touch {name}.{try_}.partial && echo "have $(wc -c <{name}.{try_}.partial)"
df -P -k . | awk 'NR == 2 {{ print "free", $4 }}'
"""
# A file that is not what it should be is no use: begun again.
_TAKE = r"""cd {place} && part={name}.{try_}.partial && truncate -s {offset} $part && cat >>$part ||
exit 1
if [ "$(wc -c <$part)" -lt {size} ]; then
	echo 'cut off'
	exit 1
fi
if ! echo '{sum}  '$part | sha256sum -c --status; then
	rm -f $part
	exit {spoilt}
fi
echo '{sum}  {name}' >{name}.sum.new && sync $part && mv $part {name} &&
mv {name}.sum.new {name}.sum || {{ rm -f $part {name}.sum.new; exit 1; }}"""
_SPOILT = 9


def put(link: Link, source: Path, deadline: Deadline) -> str:
    """Have an archive of a file or folder in the store; give its path there.

    What an earlier call has sent of it before the connection was lost is not sent again.

    Raises InfraError where there is no room, and as `transfer.pack` does.
    """
    name = f"{content(source)}.tar"
    with tempfile.TemporaryFile() as spool:
        for _ in range(2):
            try_ = secrets.token_hex(4)
            said = _look(link, name, try_, deadline)
            if "there" in said:
                break
            if not spool.seek(0, os.SEEK_END):
                transfer.pack(source, source.name, spool)
            if _sent(link, name, try_, said, spool, deadline):
                break
    return f"{PLACE}/{name}"


def _sent(
    link: Link, name: str, try_: str, said: list[str], spool: IO[bytes], deadline: Deadline
) -> bool:
    """Send what is not there yet; False where what came together is not the archive."""
    size = spool.seek(0, os.SEEK_END)
    have = _number(said, "have")
    offset = have if 0 < have <= size else 0
    _require_room(link, said, size - offset, size)
    command = _TAKE.format(
        place=PLACE, name=name, try_=try_, offset=offset, size=size, sum=_sum(spool), spoilt=_SPOILT
    )
    os.lseek(spool.fileno(), offset, os.SEEK_SET)  # who reads it knows nothing of our buffer
    done = link.feed(command, spool, deadline)
    if done.returncode == _SPOILT and offset:
        return False
    if not done.ok:
        raise no_room(link.host, size, done.output)
    return True


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


def _look(link: Link, name: str, try_: str, deadline: Deadline) -> list[str]:
    done = link.run(_LOOK.format(place=PLACE, name=name, try_=try_, kept=KEPT), deadline)
    lines = done.output.split("\n")
    if not done.ok:
        raise no_room(link.host, 0, done.output)
    return [line for line in lines if line]


def _require_room(link: Link, said: list[str], rest: int, size: int) -> None:
    # It is unpacked there, too.
    needed = rest + size + SPARE
    free = _number(said, "free")  # KiB
    if 0 <= free << 10 < needed:
        raise no_room(link.host, needed, f"{free >> 10} MiB are free")


def _number(said: list[str], key: str) -> int:
    """Give a number that was told; -1 where none was."""
    words = next((line.split() for line in said if line.startswith(f"{key} ")), [])
    return int(words[1]) if len(words) == 2 and words[1].isdecimal() else -1


def _sum(spool: IO[bytes]) -> str:
    found = hashlib.sha256()
    for data in transfer.chunks(spool):
        found.update(data)
    return found.hexdigest()
