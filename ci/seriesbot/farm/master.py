# SPDX-License-Identifier: GPL-2.0
"""In the master: its configuration. It is made of what its operator said, and of nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from buildbot.config import BuilderConfig
from buildbot.configurators.janitor import JanitorConfigurator
from buildbot.worker import Worker
from buildbot.www.auth import UserPasswordAuth
from buildbot.www.authz import Authz
from buildbot.www.authz.endpointmatchers import AnyControlEndpointMatcher
from buildbot.www.authz.roles import RolesFromUsername

from kseries.lib.bounded import MIB
from seriesbot.engine import wire
from seriesbot.farm import logins
from seriesbot.farm.folders import MasterFile, MasterFolder, endpoint
from seriesbot.farm.logins import Login
from seriesbot.farm.scheduling import OrderScheduler
from seriesbot.farm.steps import factory

KEPT = timedelta(days=60)  # logs and data of builds; the bot has its results by then
ALIVE_S = 60  # between two looks whether a worker is still there
MAX_LOG, MAX_LOG_TAIL = 64 * MIB, 1 * MIB  # of a step
NOBODY = "none"  # a builder wants a worker


def config(basedir: Path) -> dict[str, Any]:
    """Give what `BuildmasterConfig` is."""
    folder = MasterFolder(basedir)
    told = folder.read()
    workers = folder.workers()
    return {
        "title": "kseries",
        "buildbotURL": url(told),
        "buildbotNetUsageData": None,
        "db": {"db_url": told.db},
        "protocols": {"pb": {"port": endpoint(told.listen, "server")}},
        # Each does one thing at a time; a machine that can do more has more workers.
        "workers": [
            Worker(one.user, one.password, max_builds=1, keepalive_interval=ALIVE_S)
            for one in workers
        ],
        "builders": [
            BuilderConfig(
                name=wire.BUILDER,
                workernames=[one.user for one in workers],
                factory=factory(),
                collapseRequests=False,  # orders that look alike are of different series
            )
        ],
        "schedulers": [OrderScheduler(name=wire.SCHEDULER, builderNames=[wire.BUILDER])],
        "configurators": [JanitorConfigurator(logHorizon=KEPT, build_data_horizon=KEPT)],
        "collapseRequests": False,
        "logMaxSize": MAX_LOG,
        "logMaxTailSize": MAX_LOG_TAIL,
        "www": _www(told, logins.read(folder.login, "the bot")),
    }


def url(told: MasterFile) -> str:
    """Give where the web page is; with a slash at its end, as Buildbot wants it."""
    return f"{(told.url or f'http://{told.www}').rstrip('/')}/"


def _www(told: MasterFile, login: Login) -> dict[str, Any]:
    """Anybody who gets there may look; only who has the bot's login may start and stop."""
    return {
        "port": endpoint(told.www, "server"),
        "plugins": {},
        "avatar_methods": [],  # asks nobody for pictures
        "auth": UserPasswordAuth({login.user: login.password}),
        "authz": Authz(
            allowRules=[AnyControlEndpointMatcher(role="operator")],
            roleMatchers=[RolesFromUsername(roles=["operator"], usernames=[login.user])],
        ),
        "logfileName": "http.log",
    }
