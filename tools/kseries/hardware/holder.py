# SPDX-License-Identifier: GPL-2.0
"""Who has a target: the place of labgrid where that manages it, else a lock on the DUT.

Both are had by one user at a time, stay when the user is killed, and are given back by whoever
comes next of us.
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from kseries.hardware import labgrid, lock
from kseries.hardware.lock import Held, Seen
from kseries.hardware.ssh import Link, Unreachable, connected
from kseries.hardware.target import Lab, Labgrid
from kseries.lib import atomicfile, workspace
from kseries.lib.errors import InfraError, KseriesError
from kseries.lib.locks import locked
from kseries.lib.progress import Progress, Silent

WAIT_S = 5.0


@dataclass(frozen=True)
class Holding:
    """Who has a target. what: is held; told: by whom, since when; details: for programs."""

    what: str
    told: str
    is_free: bool
    is_ours: bool
    is_stale: bool
    details: dict[str, object] | None


class Stranded(Unreachable):
    """The machine does not come back by itself, and we cannot switch it off and on.

    Who raises this within `holding` keeps what he has: the machine is not fit for others.
    """


class Holder(Protocol):
    """What keeps two users of a target apart. What somebody else has is Held, an error."""

    @property
    def needs_machine(self) -> bool:
        """Whether the machine itself keeps it, so that it has to be reached first."""

    def vouches(self) -> bool:
        """Whether a machine that does not answer may be switched off: it is ours."""

    def look(self) -> Holding:
        """See who has it."""

    def take(self, why: str, *, take_over: bool = False) -> Holding:
        """Take it, to keep it; take_over: from whoever has it."""

    def release(self) -> Holding:
        """Give it back; what is free stays so."""

    def holding(self, why: str, progress: Progress | None = None) -> AbstractContextManager[None]:
        """Have it for as long as the block; what we had before we keep."""


@dataclass(frozen=True)
class OnDut:
    """A lock on the DUT (`kseries.hardware.lock`)."""

    link: Link

    @property
    def needs_machine(self) -> bool:
        """The machine keeps it."""
        return True

    def vouches(self) -> bool:
        """Whether we had it when we heard of it last."""
        return bool(lock.token(self.link.host))

    def look(self) -> Holding:
        """See who has it."""
        return self._told(lock.look(self.link))

    def take(self, why: str, *, take_over: bool = False) -> Holding:
        """Take it, to keep it."""
        return self._told(lock.take(self.link, why, take_over=take_over))

    def release(self) -> Holding:
        """Give it back."""
        return self._told(lock.release(self.link))

    def holding(self, why: str, progress: Progress | None = None) -> AbstractContextManager[None]:
        """Have it for as long as the block."""
        return lock.holding(self.link, why, progress)

    def _told(self, seen: Seen) -> Holding:
        host = self.link.host
        found = asdict(seen.lock) if seen.lock is not None else None
        details = {key: value for key, value in (found or {}).items() if key != "token"}
        is_ours = seen.is_of(lock.token(host))
        return Holding(
            host, seen.told(), not seen.mark, is_ours, seen.stale, details if found else None
        )


@dataclass(frozen=True)
class OfLabgrid:
    """A place of labgrid, acquired.

    A file tells that a command of ours has acquired it: what is there when nobody of us runs was
    left by one that was killed. Without it, it was acquired by hand, and stays so.
    """

    place: Labgrid

    @property
    def needs_machine(self) -> bool:
        """Its coordinator keeps it."""
        return False

    def vouches(self) -> bool:
        """Nobody asks who does not have it."""
        return True

    @property
    def file(self) -> Path:
        """The file that is there while a command of ours has the place."""
        name = urllib.parse.quote(f"{self.place.coordinator} {self.place.place}", safe=":")
        return workspace.state() / "locks" / f"labgrid {name}"

    def look(self) -> Holding:
        """See who has it."""
        seen = labgrid.look(self.place)
        owner, since, verb = seen.owner, seen.since, "held"
        if not owner and seen.is_reserved:
            found = labgrid.reservation(self.place)
            if found is not None and found.owner != labgrid.us():
                owner, since, verb = found.owner, found.since, "reserved"
        told = f"{verb} by {owner} for {lock.age(time.time() - since)}" if owner else "free"
        details = {"owner": owner, "since": int(since), "state": verb} if owner else None
        is_ours = owner == labgrid.us() and verb == "held"
        return Holding(f"the place {self.place.place}", told, not owner, is_ours, False, details)

    def take(self, why: str, *, take_over: bool = False) -> Holding:
        """Take it, to keep it."""
        del why  # labgrid keeps none
        self._acquire(self.look(), take_over=take_over)
        self.file.unlink(missing_ok=True)
        return self.look()

    def release(self) -> Holding:
        """Give it back."""
        found = self.look()
        self._give_back(found)
        return self.look() if found.is_ours else found

    @contextmanager
    def holding(self, why: str, progress: Progress | None = None) -> Iterator[None]:
        """Have it for as long as the block."""
        with locked(self.file, progress or Silent(), wait_s=WAIT_S):
            found = self.look()
            had = found.is_ours and not self.file.exists()
            if not had:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                atomicfile.write_text(self.file, f"{why}\n")
                try:
                    self._acquire(found)
                except KseriesError:
                    with suppress(KseriesError):
                        if not self.look().is_ours:
                            self.file.unlink(missing_ok=True)
                    raise
            try:
                yield
            except Stranded:
                had = True
                raise
            finally:
                if not had:
                    self._give_back(self.look())

    def _give_back(self, found: Holding) -> None:
        if found.is_ours:
            labgrid.release(self.place, labgrid.us())
        self.file.unlink(missing_ok=True)
        if not found.is_ours and not found.is_free:
            raise _held(found)

    def _acquire(self, found: Holding, *, take_over: bool = False) -> None:
        if found.is_ours:
            return
        if not found.is_free:
            details = found.details or {}
            if not take_over or details.get("state") != "held":
                raise _held(found)
            labgrid.release(self.place, str(details["owner"]))
        if not labgrid.acquire(self.place):  # somebody was faster
            raise _held(self.look())


def of(lab: Lab, link: Link) -> Holder:
    """Give what keeps two users of a target apart. link: to the DUT."""
    return OfLabgrid(lab.labgrid) if lab.labgrid is not None else OnDut(link)


@contextmanager
def having(holder: Holder, why: str, progress: Progress) -> Iterator[None]:
    """Have a target for a block. That it could not be given back hides no other error."""
    first: BaseException | None = None
    try:
        with holder.holding(why, progress):
            try:
                yield
            except BaseException as error:
                first = error
                raise
    except InfraError:
        if first is not None:
            raise first from None
        raise


@contextmanager
def reached(lab: Lab) -> Iterator[Holder]:
    """Give the same for a block, connected with the DUT where that keeps it."""
    if lab.labgrid is not None:
        yield OfLabgrid(lab.labgrid)
        return
    host = lab.dut.host
    with connected((host,)) as links:
        yield OnDut(links.by_host[host])


def _held(found: Holding) -> Held:
    is_reserved = found.details is not None and found.details.get("state") == "reserved"
    return Held(
        f"{found.what.capitalize()} is {found.told}.",
        where=f"`{labgrid.CLIENT} show`",
        do="ask them, or wait: a reservation that nobody uses ends by itself"
        if is_reserved
        else "ask them; else `kseries hw lock TARGET --take-over`",
    )
