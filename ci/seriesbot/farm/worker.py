# SPDX-License-Identifier: GPL-2.0
"""In a worker: the service that waits for builds."""

from __future__ import annotations

from pathlib import Path

from buildbot_worker.bot import Worker

from seriesbot.farm import logins
from seriesbot.farm.folders import WorkerFolder, endpoint

ALIVE_S = 60  # between two signs of life
RETRY_S = 10  # at most, until a master that is away is looked for again
UMASK = 0o077


def service(basedir: Path) -> Worker:
    """Give the worker of a folder."""
    folder = WorkerFolder(basedir)
    login = logins.read(folder.login, "the worker")
    return Worker(
        None,
        None,
        login.user,
        login.password,
        str(basedir),
        ALIVE_S,
        umask=UMASK,
        maxdelay=RETRY_S,
        connection_string=endpoint(folder.read().master, "client"),
    )
