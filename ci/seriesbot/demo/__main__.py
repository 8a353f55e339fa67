# SPDX-License-Identifier: GPL-2.0
"""Make an archive with a few mails, let the bot work on it, show what became of them.

`python -m seriesbot.demo --home DIR [ARGUMENT OF kseries run …]`
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import patatt
from nacl.signing import SigningKey

from kseries.lib import atomicfile, gitrepo
from kseries.lib.deadline import Deadline
from kseries.lib.errors import KseriesError, UserError
from kseries.report.printable import printable_lines
from seriesbot import config, operating
from seriesbot.bot import Bot
from seriesbot.config import Home
from seriesbot.demo import answer
from seriesbot.store import Store

AUTHOR = "demo@example.org"
MESSAGE_ID = "demonstration-1@seriesbot.example"
MARK = "made-by-the-demonstration"

SETTINGS = """\
# SPDX-License-Identifier: GPL-2.0
poll_seconds = 1
[[inbox]]
name = "demo-list"
path = "inbox"
history_days = -1
[engine]
arguments = {arguments}
[answer]
name = "demonstration"
address = "bot@seriesbot.example"
"""
RULES = """\
# SPDX-License-Identifier: GPL-2.0
[[rule]]
name = "net"
paths = ["net/*", "drivers/net/*"]
"""
STRANGER = b"""\
From: Somebody <somebody@example.com>
To: demo-list@example.org
Date: Mon, 30 Nov 2026 06:01:00 +0000
Subject: [PATCH] drivers/net: say hello
Message-ID: <demonstration-2@seriesbot.example>

Nobody knows me.
---
diff --git a/drivers/net/hello b/drivers/net/hello
new file mode 100644
--- /dev/null
+++ b/drivers/net/hello
@@ -0,0 +1 @@
+hello
"""
TEXT = b"""\
From: Somebody <somebody@example.com>
To: demo-list@example.org
Date: Mon, 30 Nov 2026 06:02:00 +0000
Subject: Re: [PATCH net-next] netdevsim: choose the receive queue in one step
Message-ID: <demonstration-3@seriesbot.example>
In-Reply-To: <demonstration-1@seriesbot.example>

Nice.
"""

FEW_TESTS = ("--suite", "netdevsim")
"""Where nobody says what to run: of all that would be chosen, one takes 10 minutes by itself."""


def main(words: Sequence[str]) -> int:
    """Show it; give an exit code as kseries does: 1 where the series does not pass."""
    parser = argparse.ArgumentParser(prog="seriesbot.demo", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="made anew")
    arguments, more = parser.parse_known_args(words)
    try:
        return _show(Home(arguments.home.absolute()), more or FEW_TESTS)
    except KseriesError as error:
        _say(str(error))
        return error.exit_code


def _show(home: Home, arguments: Sequence[str]) -> int:
    _prepare(home, arguments)
    _say(f"an archive with 3 mails, and a bot that reads it: {home.path}")
    settings = config.read(home)
    with Store.opened(home.store, create=True) as store, store.owned():
        _say(f"the bot works; what kseries prints: {home.work}/jobs/*/output.log")
        Bot(store, settings, _say).drain()
        for title, lines in (
            ("seriesbot queue", operating.queue(store, int(time.time()))),
            (f"seriesbot why {MESSAGE_ID}", operating.why(store, MESSAGE_ID)),
            (
                f"seriesbot show {MESSAGE_ID}",
                operating.show(store, settings.told.engine, MESSAGE_ID),
            ),
        ):
            _say(f"\n$ {title}")
            for line in lines:
                _say(line)
        row = store.row("SELECT exit_code FROM result ORDER BY id DESC")
    for line in answer.read_back(home):
        _say(line)
    _say("\n" + answer.page(settings))
    return int(row["exit_code"]) if row is not None else 3


def _prepare(home: Home, arguments: Sequence[str]) -> None:
    """Make the bot's folder: settings, rules, a key that it trusts, an archive."""
    if home.path.exists() and not (home.path / MARK).exists():
        raise UserError(
            "This folder was not made by an earlier demonstration.",
            where=str(home.path),
            do="name another one: --home DIR",
        )
    kept = home.work if home.work.is_dir() else None
    for entry in home.path.glob("*") if home.path.is_dir() else ():
        # Builds of an earlier demonstration spare minutes.
        if entry != kept:
            atomicfile.remove_tree(entry)
    atomicfile.remove_tree(home.work / "jobs")
    home.path.mkdir(parents=True, exist_ok=True)
    (home.path / MARK).touch()
    atomicfile.write_text(home.settings, SETTINGS.format(arguments=json.dumps(list(arguments))))
    atomicfile.write_text(home.rules, RULES)
    key = SigningKey.generate()
    local, _, domain = AUTHOR.partition("@")
    public = home.path / "keyring/ed25519" / domain / local / "default"
    atomicfile.write_bytes(public, base64.b64encode(bytes(key.verify_key)))
    patch = (Path(__file__).parent / "patch.eml").read_bytes()
    private = base64.b64encode(bytes(key))
    signed = patatt.sign_message(patch, "ed25519", private, AUTHOR, "default")
    _archive(home.path / "inbox", [signed, STRANGER, TEXT])


def _archive(place: Path, mails: Sequence[bytes]) -> None:
    """Make a public-inbox (v2) with these mails: each is a commit that has it as the file "m"."""
    repository = gitrepo.create(place / "git" / "0.git")
    stream = b""
    for mail in mails:
        stream += (
            b"commit refs/heads/source\ncommitter demo <demo@example.org> %d +0000\ndata 1\nm\n"
            b"M 100644 inline m\ndata %d\n%b\n" % (int(time.time()), len(mail), mail)
        )
    with tempfile.NamedTemporaryFile() as stdin:
        stdin.write(stream)
        stdin.flush()
        repository.work(
            "fast-import", "--quiet", deadline=Deadline.after(60), stdin=Path(stdin.name)
        )


def _say(text: str) -> None:
    print(printable_lines(text), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
