# SPDX-License-Identifier: GPL-2.0
"""Results counted as a Totals line counts them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kseries.model import Status
from kseries.parse.ktaptoken import Totals

# What the Totals line calls an outcome; every other one is a failure there.
_TOTALS_KEYS = {Status.PASS: "pass", Status.XFAIL: "xfail", Status.SKIP: "skip"}
_COUNTED = ("pass", "fail", "xfail", "skip")


def said_by(totals: Totals) -> dict[str, int]:
    """Count as a Totals line does, errors among the failures."""
    said = dict.fromkeys(_COUNTED, 0)
    for key, count in totals.counts:
        key = {"error": "fail", "xpass": "pass"}.get(key, key)
        said[key] = said.get(key, 0) + count
    return said


def seen_in(statuses: Iterable[Status]) -> dict[str, int]:
    """Count results by the same words."""
    seen = dict.fromkeys(_COUNTED, 0)
    for status in statuses:
        seen[_TOTALS_KEYS.get(status, "fail")] += 1
    return seen


def shown(counts: dict[str, int]) -> str:
    """Give counts as a Totals line has them."""
    return " ".join(f"{key}:{count}" for key, count in counts.items())
