# SPDX-License-Identifier: GPL-2.0
"""Headers and libraries of a Debian package: got through apt and unpacked, not installed."""

from __future__ import annotations

from pathlib import Path

from kseries.fetch.debsource import Apt
from kseries.lib import atomicfile, leases, proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.locks import locked
from kseries.lib.paths import Cache
from kseries.lib.progress import Progress

UNPACK_LIMIT_S = 60.0


def unpacked(package: str, suite: str, cache: Cache, log: Path, progress: Progress) -> Path:
    """Give the folder that holds a package's files, below their places ("usr/include/…").

    The folder's name tells the version. What is in the cache stays: `kseries cache clear
    libraries` makes room for a newer one.

    Raises UserError when this host has no apt or the suite no such package, InfraError when it
    cannot be had now.
    """
    with locked(cache.libraries / package, progress):
        for kept in sorted(cache.libraries.glob(f"{package}_*"), reverse=True):
            lease = leases.use(kept)
            if kept.is_dir():
                return kept
            lease.release()
        return _unpack(package, suite, cache, log, progress)


def _unpack(package: str, suite: str, cache: Cache, log: Path, progress: Progress) -> Path:
    home = cache.downloads / f"apt-{suite}"
    with locked(home, progress):
        apt = Apt(package, suite, home, log, progress)
        deb = apt.newest(apt.candidate(), lambda version: apt.download(version, cache.downloads))
    final = cache.libraries / deb.stem
    leases.use(final)
    with atomicfile.new_folder(final) as folder:
        argv: list[str | Path] = ["dpkg-deb", "--extract", deb, folder]
        limit = Deadline.after(UNPACK_LIMIT_S)
        if not proc.run(argv, cwd=folder, deadline=limit, log=log, check=False).ok:
            raise InfraError(
                "The Debian package cannot be unpacked.",
                where=f"{deb}\nlog: {log}",
                do=f"remove {deb} and try again",
            )
    return final
