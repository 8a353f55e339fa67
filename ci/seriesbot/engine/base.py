# SPDX-License-Identifier: GPL-2.0
"""What the bot wants of an engine, which is not much: it may lose what it was given at any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


@dataclass(frozen=True)
class Order:
    """Work on one series. key: names it for ever, and is safe in a path.

    name: of the series, in reports; safe in a path, too. files: of its folder, by name. arguments:
    for `kseries run`, beside --series.
    """

    key: str
    name: str
    files: Mapping[str, bytes]
    arguments: tuple[str, ...]
    limit_s: float


@dataclass(frozen=True)
class Outcome:
    """What became of an order.

    document: results.json, None where there is none. said: the end of what was printed.
    """

    exit_code: int
    document: bytes | None
    said: str


class Found(Enum):
    """What an engine knows of a key."""

    RUNNING = "running"  # or waiting for its turn there
    GONE = "gone"  # never came, or was lost


class Engine(Protocol):
    """Carries out orders. Raises InfraError where it cannot be asked; then it is asked again."""

    @property
    def slots(self) -> int:
        """How many orders it carries out at a time."""

    def submit(self, order: Order) -> None:
        """Take an order; once more does nothing while it runs, and when it is over."""

    def look(self, key: str) -> Outcome | Found:
        """Tell what became of an order."""

    def base(self, key: str) -> bytes:
        """Give what `kseries base --json` says of the series, b"" as long as that is not known."""

    def page(self, key: str) -> str:
        """Give where an order is shown, behind the address of the engine's pages; "" for nowhere.

        It is asked once the engine was asked what became of the order.
        """

    def forget(self, key: str) -> bool:
        """End an order that runs, drop what is kept of it; False where that takes longer."""
