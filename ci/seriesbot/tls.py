# SPDX-License-Identifier: GPL-2.0
"""Whom the bot believes when it connects to a server."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from kseries.lib.errors import UserError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def require_private(url: str, secret: str, *, where: str, do: str) -> None:
    """Raise UserError when a secret would be sent to an address in the clear.

    secret: what it is. where, do: of the error.
    """
    place = urlsplit(url)
    if place.scheme != "https" and place.hostname not in LOOPBACK:
        raise UserError(f"A {secret} would be sent to {url} in the clear.", where=where, do=do)


def context(ca: str | None, home: Path) -> ssl.SSLContext:
    """Give what connections are checked by. ca: a file of certificates to trust, too.

    home: what a relative name starts from. Raises OSError where that file cannot be read.
    """
    made = ssl.create_default_context()
    if ca is not None:
        made.load_verify_locations(cafile=home / Path(ca).expanduser())
    return made
