# SPDX-License-Identifier: GPL-2.0
"""A point in time by which something must be done, passed instead of a number of seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A deadline on the monotonic clock. `limit_s` is what was granted, in seconds."""

    limit_s: float
    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Give a deadline that many seconds from now."""
        return cls(limit_s=seconds, at=time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining() <= 0.0

    def sooner(self, seconds: float) -> Deadline:
        """Give the earlier of this deadline and one `seconds` from now."""
        other = Deadline.after(seconds)
        return other if other.at < self.at else self
