# SPDX-License-Identifier: GPL-2.0
"""In the master: take orders of the bot, each key once however often it is told.

It is a force scheduler, since those are what the REST interface can start. A key is looked for and
added under a lock, so that two requests at once make one build, and a request that a dead bot left
behind on its way is known when it arrives.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from buildbot.data.resultspec import Filter
from buildbot.process.properties import Properties
from buildbot.schedulers.forcesched import CollectedValidationError, ForceScheduler
from twisted.internet import defer

from kseries.lib import atomicfile
from seriesbot.engine import wire
from seriesbot.farm.folders import ORDERS

Steps = Generator[Any, Any, Any]


def order_file(basedir: Path, key: str) -> Path:
    """Where an order lies as long as it may be asked for."""
    return basedir / ORDERS / f"{key}.json"


class OrderScheduler(ForceScheduler):  # type: ignore[misc] # Buildbot has no types
    """Makes one build request of each order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - of Buildbot
        super().__init__(*args, **kwargs)
        self._one_by_one = defer.DeferredLock()

    def force(
        self, key: object = None, order: object = None, **_told: object
    ) -> defer.Deferred[int]:
        """Take an order; give the number of its build set."""
        if not wire.is_key(key) or not isinstance(order, str):
            return defer.fail(CollectedValidationError({"order": "The bot gives orders."}))
        try:
            told = wire.order(order)
        except ValueError:
            told = None
        if told is None or told.key != key:
            return defer.fail(CollectedValidationError({"order": "This is no order."}))
        taken: defer.Deferred[int] = self._one_by_one.run(self._take, key, told.name, order)
        return taken

    @defer.inlineCallbacks
    def _take(self, key: str, name: str, order: str) -> Steps:
        found = yield self._find(key)
        if found:
            return found[0]["bsid"]
        yield self._tidy()
        # Before there is a build that wants it.
        atomicfile.write_text(order_file(Path(self.master.basedir), key), order)
        properties = Properties()
        for name_of, value in (("key", key), ("series", name)):
            properties.setProperty(name_of, value, "bot")
        bsid, _ = yield self.addBuildsetForSourceStampsWithDefaults(
            reason=f"{name} ({key})", properties=properties, external_idstring=key
        )
        return bsid

    def _find(self, key: str) -> Any:  # noqa: ANN401 - of Buildbot
        return self.master.data.get(
            ("buildsets",), filters=[Filter("external_idstring", "eq", [key])]
        )

    @defer.inlineCallbacks
    def _tidy(self) -> Steps:
        """Drop orders that are over, or whose build a kill has prevented: those are given again."""
        for file in sorted(Path(self.master.basedir, ORDERS).glob("*.json")):
            found = yield self._find(file.stem)
            if not found or found[0]["complete"]:
                file.unlink(missing_ok=True)
