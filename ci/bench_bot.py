# SPDX-License-Identifier: GPL-2.0
"""Measure the bot against its goals; print a table.

Series of many senders, all of them signed, wait in an archive. What the bot does with them is
measured with an engine that ends at once, so that nothing but the bot is; then with the engine
`local`, whose job is a toy. How soon work begins is measured from the commit that adds a mail to
the archive, with a bot that has nothing else to do.

    nox -s bench_bot [-- --series N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools")]

from benchtable import Figure, exit_status  # noqa: E402 - it stands beside the toolkit
from seriesbot import config  # noqa: E402
from seriesbot.bot import Bot  # noqa: E402
from seriesbot.config import Config  # noqa: E402
from seriesbot.engine.base import Found, Order, Outcome  # noqa: E402
from seriesbot.engine.local import LocalEngine  # noqa: E402
from seriesbot.store import Store  # noqa: E402
from tests import toykseries  # noqa: E402
from tests.archives import Archive, thread  # noqa: E402
from tests.killing import TOY  # noqa: E402
from tests.signing import Signer  # noqa: E402

SENDERS = 50
SERIES_S = 1.0  # that the bot adds, at most
BEGIN_S = 30.0  # from a mail's arrival to the beginning of work, at most
LOCAL_S = 2.0  # that a toy job takes, at most
LOCAL = 40  # series that the engine `local` is measured with
ARRIVALS = 3

SETTINGS = """
poll_seconds = {poll}
[[inbox]]
name = "list"
path = "inbox"
history_days = -1
[limits]
a_day = 100000
"""


class AtOnce:
    """An engine whose orders are over as soon as they are given."""

    slots = 2

    def __init__(self) -> None:
        self._document = toykseries.results("run", 0).encode()
        self.begun: list[float] = []

    def submit(self, _order: Order) -> None:
        """Take an order."""
        self.begun.append(time.monotonic())

    def look(self, _key: str) -> Outcome | Found:
        """Tell that it is over."""
        return Outcome(0, self._document, "")

    def page(self, _key: str) -> str:
        """Give nothing."""
        return ""

    def base(self, _key: str) -> bytes:
        """Know nothing."""
        return b""

    def forget(self, _key: str) -> bool:
        """Keep nothing."""
        return True


def main() -> int:
    """Measure; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=500, metavar="N", help="that are queued")
    count = parser.parse_args().series
    return exit_status([*_queued(count), *_local(), *_begins()])


def _queued(count: int) -> Iterator[Figure]:
    with _bot(poll=1) as settings:
        _post(settings, count)
        wall, processor = _drain(settings, AtOnce())
    yield Figure(
        f"{count} series queued: wall time that the bot adds to each", wall / count, SERIES_S
    )
    yield Figure("  its processor time, with all that it starts", processor / count, SERIES_S)


def _local() -> Iterator[Figure]:
    with _bot(poll=1) as settings:
        _post(settings, LOCAL)
        engine = LocalEngine(settings.home.work, TOY, slots=2)
        wall, _ = _drain(settings, engine)
    # Each job is two processes, and the start of Python is most of what they do.
    yield Figure(f"engine local, {LOCAL} toy jobs: wall time of each", wall / LOCAL, LOCAL_S)


def _begins() -> Iterator[Figure]:
    slowest = 0.0
    with _bot(poll=15) as settings, Store.opened(settings.home.store) as store:
        engine = AtOnce()
        bot = Bot(store, settings, _ignore, engine)
        for number in range(ARRIVALS):
            _work_for(bot, 2 + 4.7 * number)
            before = len(engine.begun)
            _post(settings, 1, first=number)
            posted = time.monotonic()
            while len(engine.begun) == before:
                _work_for(bot, 0.1)
            slowest = max(slowest, engine.begun[-1] - posted)
    yield Figure(f"from a mail's arrival to work, idle, slowest of {ARRIVALS}", slowest, BEGIN_S)


def _work_for(bot: Bot, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not bot.step():
            time.sleep(0.1)


def _drain(settings: Config, engine: AtOnce | LocalEngine) -> tuple[float, float]:
    """Let the bot come to the end of its work; give wall and processor seconds."""
    began, used = time.monotonic(), _processor_s()
    with Store.opened(settings.home.store) as store:
        Bot(store, settings, _ignore, engine).drain()
        open_ones = store.value("SELECT count(*) FROM version WHERE state != 'judged'")
        assert open_ones == 0, f"{open_ones} series are not judged"
    return time.monotonic() - began, _processor_s() - used


def _processor_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def _bot(*, poll: float) -> Iterator[Config]:
    """Make a bot's folder with an empty archive, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="bench-bot-"))
    try:
        home = config.Home(folder)
        home.settings.write_text(SETTINGS.format(poll=poll))
        home.rules.write_text('[[rule]]\nname = "all"\n')
        with Store.opened(home.store, create=True):
            pass
        for number in range(SENDERS):
            _signer(number).join(folder / "keyring")
        Archive(folder / "inbox")
        yield config.read(home)
    finally:
        shutil.rmtree(folder)


def _signer(number: int) -> Signer:
    return Signer(number + 1, f"dev{number}@example.org")


def _post(settings: Config, count: int, first: int = 0) -> None:
    """Post series of one to three patches, each with a cover letter."""
    raws = []
    for number in range(first, first + count):
        signer = _signer(number % SENDERS)
        mails = thread(f"s{number}", 1 + number % 3, sender=f"Dev <{signer.identity}>")
        raws += [signer.sign(raw) for raw in mails]
    Archive(settings.home.path / "inbox").add(raws)


def _ignore(_line: str) -> None:
    return None


if __name__ == "__main__":
    sys.exit(main())
