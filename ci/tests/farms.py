# SPDX-License-Identifier: GPL-2.0
"""A real Buildbot master with workers on loopback, each a process of its own that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kseries.lib.errors import InfraError
from seriesbot.engine.base import Found, Order, Outcome
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.engine.rest import Rest
from seriesbot.farm import logins, setting_up

CI = Path(__file__).parents[1]
TOY = (sys.executable, "-P", str(Path(__file__).parent / "toykseries.py"))
LIMIT_S = 120.0  # for what takes seconds, on a machine that does more than this


def wait_for(done: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    limit = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Farm:
    """Folders of a master and two workers, and the processes of those that run.

    more: fields of the master's settings beside those that are usual here. address: where workers
    look for it, "" for its port.
    """

    folder: Path
    www: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    names: tuple[str, ...] = ("one", "two")
    seconds: float = 0.05  # that a toy takes
    more: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        told = {"www": f"127.0.0.1:{self.www}", "listen": f"127.0.0.1:{self.port}"}
        list(setting_up.master(self.master, {**told, **self.more}, self.names))
        address = self.address or f"127.0.0.1:{self.port}"
        for name in self.names:
            login = self.master / "logins" / f"{name}.toml"
            list(setting_up.worker(self.folder / name, address, login, TOY))

    @property
    def master(self) -> Path:
        return self.folder / "master"

    @property
    def log(self) -> Path:
        """What each toy writes a line into."""
        return self.folder / "toy.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.www}"

    def calls(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []

    def rest(self, password: str | None = None) -> Rest:
        login = logins.read(self.master / "bot.toml", "the bot")
        return Rest(self.url, login.user, password or login.password)

    def engine(self) -> BuildbotEngine:
        return BuildbotEngine(self.rest())

    def start(self, *names: str) -> None:
        """Start what does not run: "master", or a worker by its name."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TOY_LOG": str(self.log),
            "TOY_SECONDS": str(self.seconds),
        }
        for name in names:
            # It must not outlive tests that are ended.
            argv = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-P", "-m"]
            argv += ["seriesbot", "buildbot", "start", str(self.folder / name)]
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    argv, env=environment, stdout=log, stderr=log, start_new_session=True
                )

    def start_all(self) -> None:
        self.start(*(name for name in ("master", *self.names) if name not in self.running))
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until all workers have come to the master."""
        wait_for(lambda: self.slots() == len(self.names))

    def slots(self) -> int:
        """Count the workers that are there, 0 while the master does not answer."""
        try:
            return self.engine().slots
        except InfraError:
            return 0

    def kill(self, name: str) -> None:
        """Kill a process, and wait until it is gone."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """End what runs; nothing is left."""
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


def order(key: str, words: str = "", *arguments: str) -> Order:
    patch = f"Subject: [PATCH] {words}\n".encode()
    return Order(key, "toy-v1", {"0001-x.patch": patch}, arguments, LIMIT_S)


def ended(engine: BuildbotEngine, key: str) -> Outcome | Found:
    wait_for(lambda: engine.look(key) is not Found.RUNNING)
    return engine.look(key)
