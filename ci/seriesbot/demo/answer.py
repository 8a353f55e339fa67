# SPDX-License-Identifier: GPL-2.0
"""The last part of the demonstration: b4 reads the answer back, a page shows the series."""

from __future__ import annotations

import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.gitrepo import Repository
from kseries.report.printable import printable_lines
from seriesbot.answer.ownlist import BRANCH
from seriesbot.config import Config, Home
from seriesbot.web import app

LIMIT_S = 60.0


def read_back(home: Home) -> Iterator[str]:
    """Have b4 read the answer in the bot's own list; give what it printed, and the answer."""
    repository = Repository(home.path / "answers/git/0.git")
    mail = repository.file_at(BRANCH, "m")
    if mail is None:
        yield "there is no answer"
        return
    head = mail.partition(b"\n\n")[0].decode(errors="replace")
    name = next(line for line in head.splitlines() if line.startswith("Message-ID:"))
    message_id = name.partition(":")[2].strip(" <>")
    with tempfile.TemporaryDirectory(prefix="seriesbot-demo-") as scratch:
        box = Path(scratch, "answers.mbox")
        box.write_bytes(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + mail)
        words = ("-n", "--offline-mode", "mbox", "-m", box, "-o", "-", message_id)
        done = proc.run(
            [sys.executable, "-m", "b4.command", *words],
            cwd=Path(scratch),
            deadline=Deadline.after(LIMIT_S),
            env={"HOME": scratch},
        )
    yield f"\n$ b4 mbox -m answers.mbox -o - {message_id}"
    yield printable_lines(done.output)


def page(config: Config) -> str:
    """Serve the web page for a moment, and ask it for the series; give what was seen."""
    server = uvicorn.Server(
        uvicorn.Config(app.make(config), host="127.0.0.1", port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = Deadline.after(LIMIT_S)
        while not server.started and thread.is_alive() and not deadline.expired:
            threading.Event().wait(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}/versions/1"
        with urllib.request.urlopen(address, timeout=LIMIT_S) as answer:
            size = len(answer.read())
    finally:
        server.should_exit = True
        thread.join()
    again = f"python -m seriesbot --home {config.home.path} web"
    return f"the page of the series: {size} bytes from {address}; to see it: {again}"
