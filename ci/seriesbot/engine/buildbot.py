# SPDX-License-Identifier: GPL-2.0
"""The engine `buildbot`: each order is a build request of a master, carried out by its workers.

The master takes a key once (`farm.scheduling`), so asking twice is harmless. What it knows of a key
outlives it, in its database. A request that is over and has no outcome was lost: its builds were
cancelled, or their workers died too often.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kseries.lib.errors import InfraError
from seriesbot.engine import wire
from seriesbot.engine.base import Found, Order, Outcome
from seriesbot.engine.rest import Rest

LOOK_S = 1.0  # until an order that runs is asked about again
COUNT_S = 5.0  # and one about the workers
CANCEL_S = 10.0  # until a request that should end is told so again


@dataclass
class _Kept:
    """What was found about an order. request: its number, that stays."""

    request: int = 0
    until: float = 0.0  # it counts as running
    base: bytes = b""
    base_until: float = 0.0
    forget_until: float = 0.0
    cancelled: float = -CANCEL_S
    page: str = ""
    # Builds that ended without an outcome: what they have does not change.
    barren: set[int] = field(default_factory=set)


@dataclass
class BuildbotEngine:
    """Has orders carried out by a master. a_worker: how many are given to it for each worker."""

    rest: Rest
    a_worker: int = 1
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _builder: int = 0
    _workers: int = 0
    _counted: float = -COUNT_S

    @property
    def slots(self) -> int:
        """How many orders are carried out at a time: as many as workers are there to do it."""
        if time.monotonic() - self._counted >= COUNT_S:
            able = [one for one in self._able() if one.get("connected_to")]
            self._workers = sum(not one.get("paused") for one in able)
            self._counted = time.monotonic()
        return self._workers * self.a_worker

    def submit(self, order: Order) -> None:
        """Give an order to the master, which takes a key once."""
        self._kept.pop(order.key, None)
        params = {"key": order.key, "name": order.name, "order": wire.order_text(order)}
        taken = self.rest.call(f"forceschedulers/{wire.SCHEDULER}", "force", params)
        if not isinstance(taken, int):
            raise InfraError(
                "The Buildbot master did not take an order.",
                where=self.rest.url,
                do="wait until it is up; see that `seriesbot buildbot master` made it",
            )

    def look(self, key: str) -> Outcome | Found:
        """Tell what became of an order."""
        kept = self._of(key)
        if time.monotonic() < kept.until:
            return Found.RUNNING
        found = self._look(key, kept)
        if found is Found.RUNNING:
            kept.until = time.monotonic() + LOOK_S
        return found

    def base(self, key: str) -> bytes:
        """Give what was found about the base, b"" as long as nothing was."""
        kept = self._of(key)
        if not kept.base and time.monotonic() >= kept.base_until:
            request = self._request(key, kept)
            for number in self._builds(request, kept) if request else {}:
                told = self.rest.raw(_data(number, wire.BASE), wire.LIMITS[wire.BASE])
                kept.base = wire.base(told or b"") or kept.base
            kept.base_until = time.monotonic() + LOOK_S
        return kept.base

    def page(self, key: str) -> str:
        """Give the page of the last build: the master begins one anew whose worker died."""
        return self._of(key).page

    def forget(self, key: str) -> bool:
        """End an order; False while it still runs. The master keeps what it knows for a while."""
        kept = self._of(key)
        if time.monotonic() < kept.forget_until:
            return False
        kept.forget_until = time.monotonic() + LOOK_S
        request = self._request(key, kept)
        if request is None or request["complete"]:
            self._kept.pop(key, None)
            return True
        if time.monotonic() - kept.cancelled >= CANCEL_S:
            told = {"reason": "not wanted any more"}
            self.rest.call(f"buildrequests/{kept.request}", "cancel", told)
            kept.cancelled = time.monotonic()
        return False

    def _able(self) -> list[dict[str, object]]:
        """Give the workers that may carry out orders, there or not."""
        if not self._builder:
            found = self.rest.get("builders", name=wire.BUILDER)
            if not found:
                return []
            self._builder = _number(found[0], "builderid")
        return self.rest.get(f"builders/{self._builder}/workers")

    def _of(self, key: str) -> _Kept:
        assert wire.is_key(key)
        return self._kept.setdefault(key, _Kept())

    def _look(self, key: str, kept: _Kept) -> Outcome | Found:
        # Asked first: what ends in between has its outcome by then.
        request = self._request(key, kept)
        if request is None:
            return Found.GONE
        for number, over in self._builds(request, kept).items():
            if number not in kept.barren and (found := self._outcome(number)) is not None:
                return found
            if over:
                kept.barren.add(number)
        return Found.GONE if request["complete"] else Found.RUNNING

    def _outcome(self, build: int) -> Outcome | None:
        told = self.rest.raw(_data(build, wire.OUTCOME), wire.LIMITS[wire.OUTCOME])
        if told is None:
            return None
        document = self.rest.raw(_data(build, wire.DOCUMENT), wire.LIMITS[wire.DOCUMENT])
        return wire.outcome(told, document)

    def _request(self, key: str, kept: _Kept) -> dict[str, object] | None:
        """Find the build request of an order; None where there is none."""
        if kept.request:
            found = self.rest.get(f"buildrequests/{kept.request}")
        else:
            sets = self.rest.get("buildsets", external_idstring=key)
            if not sets:
                return None
            # An operator can have had it built anew; that one is his.
            first = min(_number(one, "bsid") for one in sets)
            found = self.rest.get("buildrequests", buildsetid=first)
        if not found:
            return None
        kept.request = _number(found[0], "buildrequestid")
        return {"number": kept.request, "complete": bool(found[0].get("complete"))}

    def _builds(self, request: dict[str, object], kept: _Kept) -> dict[int, bool]:
        """Give the builds of a request, the first one first, and whether they are over."""
        told = self.rest.get(f"buildrequests/{request['number']}/builds")
        kept.page = f"#/buildrequests/{request['number']}"  # that waits for a worker
        if told:
            last = max(told, key=lambda one: _number(one, "buildid"))
            builder, number = _number(last, "builderid"), _number(last, "number")
            kept.page = f"#/builders/{builder}/builds/{number}"
        found = {_number(one, "buildid"): bool(one.get("complete")) for one in told}
        return dict(sorted(found.items()))


def _data(build: int, name: str) -> str:
    return f"builds/{build}/data/{name}/value"


def _number(told: dict[str, object], name: str) -> int:
    number = told.get(name)
    if not isinstance(number, int):
        raise InfraError(f"The Buildbot master gives a {name} that is none.", do="ask it again")
    return number
