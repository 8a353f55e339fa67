# SPDX-License-Identifier: GPL-2.0
"""A bot as a process of its own, with a toy in place of `kseries`, killed at random moments."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from seriesbot.store import Store
from seriesbot.submit.settings import PATCHWORK_TOKEN
from tests.archives import Archive, thread
from tests.desk import make_home
from tests.patchworkserver import TOKEN
from tests.signing import Signer
from tests.test_ownlist import mails

CI = Path(__file__).parents[1]
TOOLS = CI.parent / "tools"
TOY = (sys.executable, "-P", str(Path(__file__).parent / "toykseries.py"))

SETTINGS = f"""
poll_seconds = 0.05
[[inbox]]
name = "list"
path = "inbox"
history_days = -1
[[inbox]]
name = "other"
path = "other"
history_days = -1
[limits]
a_day = 1000
[engine]
command = {json.dumps(TOY)}
slots = 2
[answer]
a_day = 1000
"""
RULES = '[[rule]]\nname = "all"\n'


@dataclass
class Victim:
    """A bot's folder with two archives; series come by both.

    patches: message ids of all that were posted.
    """

    folder: Path
    seed: int
    settings: str = SETTINGS
    posted: int = 0
    patches: list[str] = field(default_factory=list)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.config = make_home(self.folder, self.settings)
        self.config.home.rules.write_text(RULES)
        self.archives = [Archive(self.folder / "inbox"), Archive(self.folder / "other")]
        self.signer = Signer(1)
        self.signer.join(self.config.keyring)
        with Store.opened(self.config.home.store, create=True):
            pass

    @property
    def log(self) -> Path:
        return self.folder / "toy.log"

    def post(self, series: int) -> None:
        """Post series; their mails in any order, some of them by both archives."""
        for _ in range(series):
            count = self.chance.randint(1, 3)
            raws = [*map(self.signer.sign, thread(f"s{self.posted}", count))]
            self.patches += [f"s{self.posted}-{number}@x" for number in range(1, count + 1)]
            self.posted += 1
            self.chance.shuffle(raws)
            here, there = self.chance.sample(self.archives, 2)
            here.add(raws)
            there.add(self.chance.sample(raws, self.chance.randint(0, len(raws) - 1)))

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{TOOLS}:{CI}",
            "TOY_LOG": str(self.log),
            "TOY_SECONDS": "0.05",
            PATCHWORK_TOKEN: TOKEN,
        }
        # It must not outlive tests that are ended.
        argv = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-P", "-m", "seriesbot"]
        argv += ["--home", str(self.folder), "run", *words]
        with (self.folder / "bot.log").open("ab") as log:
            return subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def kill_at_random(self, times: int, *, runners: bool = False) -> None:
        """Start the bot and kill it, again and again. runners: kill what it started, too."""
        for _ in range(times):
            self.post(self.chance.randint(0, 1))
            bot = self.start()
            time.sleep(self.chance.uniform(0.0, 1.2))
            if runners and self.chance.random() < 0.5:
                self._kill_a_runner()
                time.sleep(self.chance.uniform(0.0, 0.2))
            bot.send_signal(signal.SIGKILL)
            bot.wait()

    def drain(self, more_s: float = 0) -> None:
        """Let the bot come to the end of its work. more_s: that this may take."""
        bot = self.start("--once")
        try:
            assert bot.wait(timeout=60 + 5 * self.posted + more_s) == 0, (
                self.folder / "bot.log"
            ).read_text()[-3000:]
        finally:
            bot.kill()
            bot.wait()

    def check(self) -> None:
        """See that each series was taken in, judged and answered, once."""
        with Store.opened(self.config.home.store) as store:
            versions = store.rows("SELECT state, number, total FROM version")
            assert Counter(row["state"] for row in versions) == {"judged": self.posted}
            assert store.value("SELECT count(DISTINCT series) FROM version") == self.posted
            judged = store.rows("SELECT version, count(*) AS results FROM result GROUP BY version")
            assert [row["results"] for row in judged] == [1] * self.posted
            assert not store.value("SELECT count(*) FROM job WHERE tidied = 0")
            assert store.value("PRAGMA integrity_check") == "ok"
            doubled = store.value(
                "SELECT count(*) FROM (SELECT message, version FROM part GROUP BY message"
                " HAVING count(*) > 1)"
            )
            assert doubled == 0
            answers = store.rows("SELECT message_id, state FROM answer")
            assert [row["state"] for row in answers] == ["delivered"] * self.posted
        written = [mail.partition(b"\n\n")[0].decode() for mail in mails(self.folder / "answers")]
        ids = [re.findall(r"^Message-ID: <(.*)>$", head, re.MULTILINE)[0] for head in written]
        assert sorted(ids) == sorted(row["message_id"] for row in answers)

    def _kill_a_runner(self) -> None:
        pids = sorted((self.folder / "work/jobs").glob("*/pid"))
        if pids:
            try:
                os.kill(int(self.chance.choice(pids).read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                return
