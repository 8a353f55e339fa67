# SPDX-License-Identifier: GPL-2.0
"""Keep a mirror of an archive that is far away, by git alone.

Of a history that was written anew the mirror has the new one; what it had before stays as objects
that nothing names, until git removes them.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from kseries.lib import gitrepo
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError
from kseries.lib.gitrepo import Repository
from kseries.lib.proc import Completed

FETCH_LIMIT_S = 3600.0  # of one repository; the first time it is the whole history
NEXT_EPOCH_S = 600.0  # between two looks for a new epoch
OLD_EPOCHS_S = 86_400.0  # between two looks for what was purged from full ones

ORIGIN = "remote.origin.url"


class Mirror:
    """A mirror of the public-inbox at `url`, in the folder `path`."""

    def __init__(self, url: str, path: Path) -> None:
        self._url = url.rstrip("/")
        self._path = path
        self._looked_for_next = -NEXT_EPOCH_S
        self._looked_at_old = -OLD_EPOCHS_S

    def update(self) -> None:
        """Fetch what is new. Raises InfraError when the archive does not answer."""
        numbers = self._numbers() or [0]
        now = time.monotonic()
        if now - self._looked_at_old >= OLD_EPOCHS_S:
            for number in numbers[:-1]:
                self._require(self._fetch(number))
            self._looked_at_old = now
        self._require(self._fetch(numbers[-1]))
        if now - self._looked_for_next >= NEXT_EPOCH_S:
            number = numbers[-1] + 1
            while self._fetch(number).ok:
                number += 1
            self._looked_for_next = now

    def _numbers(self) -> list[int]:
        places = (self._path / "git").glob("*.git")
        return sorted(int(place.stem) for place in places if place.stem.isdecimal())

    def _fetch(self, number: int) -> Completed:
        """Fetch an epoch; its repository is there only once something was fetched into it."""
        place = self._path / "git" / f"{number}.git"
        if (place / "HEAD").is_file():
            repository = Repository(place)
            return _into(repository, repository.text("config", ORIGIN))
        with tempfile.TemporaryDirectory(dir=self._parent(), prefix=".new-") as name:
            repository = gitrepo.create(Path(name) / place.name)
            # An archive of version 1 has no epochs: it is one repository.
            for url in (f"{self._url}/{number}", *([self._url] if number == 0 else [])):
                done = _into(repository, url)
                if done.ok:
                    repository.text("config", ORIGIN, url)
                    repository.path.rename(place)
                    break
        return done

    def _parent(self) -> Path:
        parent = self._path / "git"
        parent.mkdir(parents=True, exist_ok=True)
        return parent

    def _require(self, done: Completed) -> None:
        if not done.ok:
            raise InfraError(
                "An archive cannot be fetched.",
                where=f"{self._url}\n{done.output.strip()[-1000:]}",
                do="check its address and the network; it is tried again",
            )


def _into(repository: Repository, url: str) -> Completed:
    options = ("--quiet", "--force", "--no-tags", "--no-write-fetch-head")
    words = ("fetch", *options, "--", url, "+HEAD:refs/heads/source")
    return repository.remote_work(*words, deadline=Deadline.after(FETCH_LIMIT_S))
