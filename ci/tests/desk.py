# SPDX-License-Identifier: GPL-2.0
"""A bot in small: its store, one archive, a clock that tests set, and what it does step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from seriesbot import config, intake
from seriesbot.admission import admit
from seriesbot.config import Config, Home, LimitsFile
from seriesbot.gather import gather, settle
from seriesbot.intake import ALL, Limits
from seriesbot.publicinbox import epochs
from seriesbot.rules import Rule
from seriesbot.store import Store
from tests.archives import Archive

LIMITS = LimitsFile(settle_minutes=10, quiet_minutes=1)
START = 1_730_000_000

SETTINGS = """
[[inbox]]
name = "list"
path = "inbox"
history_days = -1
authserv = "mx.example.net"

[limits]
settle_minutes = 10
quiet_minutes = 1
"""


@dataclass
class Desk:
    """A store with an archive, and the time there."""

    store: Store
    archive: Archive
    config: Config
    now: int = START
    rules: list[Rule] = field(default_factory=lambda: [Rule("all")])

    def post(self, *mails: bytes) -> None:
        """Have mails come, and sort them in."""
        self.archive.add(mails)
        self.take_in()

    def take_in(self) -> None:
        """Read the archive."""
        found = epochs(self.archive.path)
        intake.take_in(self.store, "list", found, Limits(ALL, 1 << 20), self.now)
        while gather(self.store, LIMITS, self.now):
            pass
        self.settle()

    def admit(self) -> None:
        """Decide about what is due."""
        while admit(self.store, self.config, self.rules, self.now):
            pass

    def wait(self, minutes: float) -> None:
        """Let time go by."""
        self.now += int(60 * minutes)
        self.settle()

    def settle(self) -> None:
        """Say what those lack that waited long enough."""
        while settle(self.store, self.now):
            pass

    def seen(self) -> list[tuple[object, ...]]:
        """Give (series, version, state) of all versions."""
        rows = self.store.rows("SELECT series, number, state FROM version ORDER BY id")
        return [tuple(row) for row in rows]

    def states(self) -> list[str]:
        """Give the states of all versions."""
        return [row["state"] for row in self.store.rows("SELECT state FROM version ORDER BY id")]

    def reasons(self) -> list[str]:
        """Give why each version is in its state."""
        return [row["reason"] for row in self.store.rows("SELECT reason FROM version ORDER BY id")]

    def jobs(self) -> list[tuple[int, str]]:
        """Give (version, state) of all jobs."""
        return [tuple(row) for row in self.store.rows("SELECT version, state FROM job ORDER BY id")]

    def due(self) -> list[int]:
        """Give how long from now each version waits, in seconds; what is due waits 0."""
        rows = self.store.rows("SELECT due FROM version ORDER BY id")
        return [max(0, row["due"] - self.now) for row in rows]

    def end(self, version: int, state: str = "judged") -> None:
        """Put a version into a state."""
        with self.store.transaction() as write:
            write.execute("UPDATE version SET state = ?, due = 0 WHERE id = ?", [state, version])

    def parts(self, version: int) -> list[tuple[int, str]]:
        """Give (number, message id) of the mails of a version."""
        query = (
            "SELECT number, message_id FROM part JOIN message ON message.id = part.message"
            " WHERE version = ? ORDER BY number, message.id"
        )
        return [(row["number"], row["message_id"]) for row in self.store.rows(query, version)]

    def paths(self, version: int) -> list[str]:
        """Give the files that a version changes."""
        found: list[str] = json.loads(
            self.store.value("SELECT paths FROM version WHERE id = ?", version)
        )
        return found


def make_home(folder: Path, settings: str = SETTINGS) -> Config:
    """Make the bot's folder, with settings."""
    folder.mkdir(parents=True, exist_ok=True)
    home = Home(folder)
    home.settings.write_text(settings)
    return config.read(home)
