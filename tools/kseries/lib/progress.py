# SPDX-License-Identifier: GPL-2.0
"""What long work tells those who wait. Stages speak to this; `report.live` shows it."""

from __future__ import annotations

import time
from typing import Protocol


class Progress(Protocol):
    """A listener to the work of one run. Implementations never raise."""

    def stage(self, name: str) -> None:
        """Say that a stage begins."""

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Give the current state of the stage in a few words; numbers where they are known."""

    def note(self, text: str) -> None:
        """Say something that should stay to be read."""

    def finish(self, text: str, *, good: bool = True) -> None:
        """Say how the stage ended, in one line; `good`: the next one may follow."""


class Silent:
    """Shows nothing: for tests and for callers that read results only."""

    def stage(self, name: str) -> None:
        """Ignore."""

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def finish(self, text: str, *, good: bool = True) -> None:
        """Ignore."""


class Unnoted:
    """Hands on what is going on, and no notes: they are told when the same is done again."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def stage(self, name: str) -> None:
        """Hand it on."""
        self._shown.stage(name)

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Hand it on."""
        self._shown.update(text, done=done, total=total)

    def note(self, text: str) -> None:
        """Ignore."""

    def finish(self, text: str, *, good: bool = True) -> None:
        """Hand it on."""
        self._shown.finish(text, good=good)


class Ticker:
    """Says when it is time to show progress again; `every_s` seconds lie between two times."""

    def __init__(self, every_s: float = 0.25) -> None:
        self._every_s = every_s
        self._next = 0.0

    def due(self) -> bool:
        """Whether the last time is long enough ago."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True
