# SPDX-License-Identifier: GPL-2.0
"""The bot: step by step, each of which leaves the store as it may be found after a kill.

A part that fails (an archive that does not answer, an engine that is down) is told, and keeps no
other from its work; it is tried again at the next step.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kseries.lib.errors import KseriesError, UserError
from seriesbot import admission, gather, intake, orders, publicinbox, rules, tls
from seriesbot.answer.outbox import Outbox
from seriesbot.answer.writing import Writer
from seriesbot.commands import Commands
from seriesbot.config import Config, InboxFile
from seriesbot.engine.base import Engine
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.engine.local import LocalEngine
from seriesbot.engine.rest import Rest
from seriesbot.farm import logins
from seriesbot.intake import Limits
from seriesbot.mirror import Mirror
from seriesbot.retention import Retention
from seriesbot.rules import Rule
from seriesbot.store import Store
from seriesbot.submit import outbox as submissions
from seriesbot.submit import writing
from seriesbot.worker import Worker

Log = Callable[[str], None]

BUSY_S = 0.2  # between two steps while the engine works


def engine_of(config: Config) -> Engine:
    """Give the engine of the settings."""
    told = config.told.engine
    home = config.home.work
    if told.kind == "buildbot":
        login = logins.read(config.home.resolve(told.credentials), "the Buildbot master")
        tunnel = "use https, or a tunnel that ends on this machine (`ssh -L`)"
        place = "bot.toml: engine"
        tls.require_private(told.master, "password", where=place, do=tunnel)
        try:
            context = tls.context(told.ca, config.home.path)
        except OSError as error:
            why = f"The certificates to trust cannot be read: {error}."
            raise UserError(why, where=place, do="name a file in PEM as engine.ca") from error
        return BuildbotEngine(Rest(told.master, login.user, login.password, context), told.slots)
    if told.command:
        return LocalEngine(home, tuple(told.command), told.slots)
    return LocalEngine(home, slots=told.slots)


@dataclass
class _Told:
    """What is wrong with a part of the bot, so that it is told once and not each second."""

    text: str = ""


class Bot:
    """All that the bot does, on a store that is open.

    log: takes a line for people. engine: another than that of the settings.
    """

    def __init__(
        self, store: Store, config: Config, log: Log, engine: Engine | None = None
    ) -> None:
        self._store, self._config, self._log = store, config, log
        self._rules: tuple[Rule, ...] = rules.read(config.home.rules)
        self._told: dict[str, _Told] = {}
        self._mirrors = {
            inbox.name: Mirror(inbox.url, config.place_of(inbox))
            for inbox in config.told.inbox
            if inbox.url is not None
        }
        self._fetched: dict[str, float] = {}
        made = orders.maker(store, config, lambda: self._rules)
        worker = Worker(store, config, engine or engine_of(config), made)
        outbox = Outbox(store, config.told.answer, config.home.path)
        answers = Writer(store, config.told.answer, config.told.engine.shown_to_others)
        told, submitted = writing.Writer(store, config), submissions.Outbox(store, config)
        # In this order at each step. Each takes the time, and tells whether it may go on at once.
        self._parts: Mapping[str, Callable[[int], bool]] = {
            "sinks": lambda _now: told.begin(),
            "gathering": self._gather,
            "rules": self._read_rules,
            "admission": self._admit,
            "commands": Commands(store, config).step,
            "engine": worker.work,
            "answers": answers.step,
            "outbox": lambda now: outbox.step(now) > 0,
            "submissions": told.step,
            "servers": lambda now: submitted.step(now) > 0,
            "retention": Retention(store, config.told.keep).step,
        }
        self._looked = -config.told.poll_seconds

    def run(self) -> None:
        """Work until somebody ends it."""
        while True:
            busy = self.step()
            waits = self._store.value("SELECT count(*) FROM job WHERE state = 'submitted'")
            if not busy:
                time.sleep(BUSY_S if waits else min(1.0, self._config.told.poll_seconds))

    def drain(self) -> None:
        """Take in what is there, and work until nothing is left to be done."""
        while self.step() or self._is_open():
            time.sleep(0.02)

    def step(self) -> bool:
        """Do a bit of everything; tell whether there may be more to do at once."""
        if time.monotonic() - self._looked >= self._config.told.poll_seconds:
            for inbox in self._config.told.inbox:
                with self._part(f"mirror {inbox.name}"):
                    self._update(inbox)
                with self._part(f"inbox {inbox.name}"):
                    self._look_into(inbox)
            self._looked = time.monotonic()
        busy = False
        for name, work_a_bit in self._parts.items():
            with self._part(name):
                busy |= work_a_bit(int(time.time()))
        return busy

    def _gather(self, now: int) -> bool:
        done = gather.gather(self._store, self._config.told.limits, now)
        return done + gather.settle(self._store, now) > 0

    def _read_rules(self, _now: int) -> bool:
        self._rules = rules.read(self._config.home.rules)
        return False

    def _admit(self, now: int) -> bool:
        return admission.admit(self._store, self._config, self._rules, now) > 0

    def _update(self, inbox: InboxFile) -> None:
        """Fetch what is new in an archive that is far away, not as often as one here is read."""
        mirror = self._mirrors.get(inbox.name)
        since = time.monotonic() - self._fetched.get(inbox.name, -self._config.told.fetch_seconds)
        if mirror is not None and since >= self._config.told.fetch_seconds:
            self._fetched[inbox.name] = time.monotonic()
            mirror.update()

    def _look_into(self, inbox: InboxFile) -> None:
        kept = self._config.told.limits.mail_kib << 10
        taken = intake.take_in(
            self._store,
            inbox.name,
            publicinbox.epochs(self._config.place_of(inbox)),
            Limits(inbox.history_days, kept),
            int(time.time()),
        )
        if taken.new:
            self._log(f"{inbox.name}: {taken.new} new mails")
        if taken.skipped:
            self._log(f"{inbox.name}: {taken.skipped} entries that are no mail, or too large")

    def _tell(self, name: str, told: _Told, text: str) -> None:
        if told.text != text:
            self._log(f"{name}: {text}")
        told.text = text

    def _is_open(self) -> bool:
        """Whether the engine works, or has something to forget."""
        return bool(
            self._store.value(
                "SELECT count(*) FROM job WHERE state IN ('submitting', 'submitted')"
                " OR (state != 'waiting' AND key != '' AND tidied = 0)"
            )
        )

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        """Let a part of a step fail; its error is told once."""
        told = self._told.setdefault(name, _Told())
        try:
            yield
        except KseriesError as error:
            self._tell(name, told, str(error))
        except Exception:  # a fault of ours: the other parts go on
            self._tell(name, told, traceback.format_exc())
        else:
            if told.text:
                self._log(f"{name}: works again")
            told.text = ""
