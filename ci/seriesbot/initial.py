# SPDX-License-Identifier: GPL-2.0
"""Make the bot's folder: settings to be filled in, a keyring, an empty store."""

from __future__ import annotations

from collections.abc import Iterator

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from seriesbot.config import Home
from seriesbot.store import Store

SETTINGS = """\
# SPDX-License-Identifier: GPL-2.0
# What the bot reads, whom it trusts, where it works. docs/bot.md tells what each line means.

# [[inbox]]
# name = "netdev"
# url = "https://lore.kernel.org/netdev"   # mirrored here; or `path`, kept up to date by others
# history_days = 1                         # at first sight, take in what came since yesterday

[trust]
keyring = "keyring"        # public keys, as patatt keeps them: ed25519/example.org/zoe/default
allowed = []               # addresses whose DKIM result the archive vouches for (authserv)
refused = []
strangers = "hold"         # until `seriesbot release MSGID`; or "refuse"

[limits]
patches = 60               # of a series
a_day = 20                 # series of one sender that are begun in 24 hours

[engine]
kind = "local"             # one series after the other, on this machine; or "buildbot"
deadline_minutes = 240

[answer]
channel = "inbox"          # a public-inbox of its own, no mail; or "author", "thread"
list = "answers"           # that public-inbox
name = "kseries bot"
address = "seriesbot@localhost"
# site = "https://ci.example.org"     # where others see the web page, for links in answers
a_day = 100

# [answer.smtp]            # for "author" and "thread"
# host = "mail.example.org"
# credentials = "smtp.toml"           # user and password, mode 0600; or from the environment

# [patchwork]              # checks on each patch
# url = "https://patchwork.example.org"
# project = "netdev"
# credentials = "patchwork.toml"      # token = "…", mode 0600; or from the environment

# [kcidb]                  # reports
# folder = "kcidb"
"""

RULES = """\
# SPDX-License-Identifier: GPL-2.0
# Which series are taken: the first rule that fits decides. Without one, none is.

# [[rule]]
# name = "zcrx"
# paths = ["io_uring/*", "net/core/page_pool.c", "net/core/devmem.*"]

# [[rule]]
# name = "not-mine"
# take = false
# senders = ["*@bots.example.org"]
"""


def init(home: Home) -> Iterator[str]:
    """Make a bot's folder; give lines that say what is next. Raises UserError for one that is."""
    if home.settings.exists():
        raise UserError(
            "There is a bot in this folder already.",
            where=str(home.path),
            do="name another folder: --home DIR",
        )
    with atomicfile.disk_errors(home.path):
        home.path.mkdir(parents=True, exist_ok=True)
        (home.path / "keyring").mkdir(mode=0o700, exist_ok=True)
        if not home.rules.exists():
            atomicfile.write_text(home.rules, RULES)
        with Store.opened(home.store, create=True):
            pass
        # Last: with it there is a bot.
        atomicfile.write_text(home.settings, SETTINGS)
    yield f"made {home.path}"
    yield f"1. name the archives to be read, and whom you trust, in {home.settings}"
    yield f"2. say which series are taken in {home.rules}"
    yield f"3. `seriesbot --home {home.path} run`"
