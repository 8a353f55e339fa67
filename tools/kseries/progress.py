# SPDX-License-Identifier: GPL-2.0
"""What long work tells those who wait. Stages speak to this; `report.live` shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener to the work of one run. Implementations never raise."""

    def stage(self, name: str) -> None:
        """Say that a stage begins."""

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Give the current state of the stage in a few words; numbers where they are known."""

    def note(self, text: str) -> None:
        """Say something that should stay to be read."""

    def finish(self, text: str) -> None:
        """Say how the stage ended, in one line."""


class Silent:
    """Shows nothing: for tests and for callers that read results only."""

    def stage(self, name: str) -> None:
        """Ignore."""

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def finish(self, text: str) -> None:
        """Ignore."""
