# SPDX-License-Identifier: GPL-2.0
"""The server of the web page: on this machine alone, unless the operator names another address."""

from __future__ import annotations

from urllib.parse import urlsplit

import uvicorn

from seriesbot.config import Config
from seriesbot.web import app


def serve(config: Config, host: str, port: int) -> None:
    """Serve until a signal ends it.

    It is asked by the names of this machine and by that of `answer.site`, where a server that knows
    TLS stands before it.
    """
    site = urlsplit(config.told.answer.site or "").hostname
    uvicorn.run(
        app.make(config, [site] if site else []),
        host=host,
        port=port,
        server_header=False,
        log_level="warning",
        access_log=False,
        limit_concurrency=100,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=16 << 10,
    )
