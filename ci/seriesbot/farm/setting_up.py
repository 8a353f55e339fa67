# SPDX-License-Identifier: GPL-2.0
"""Make the folders of masters and workers. Doing it again changes what is told, and keeps the rest.

Passwords are made of chance, and are in files that nobody else may read.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from seriesbot import secretfile
from seriesbot.farm import logins, starting
from seriesbot.farm.carry import PROGRAM
from seriesbot.farm.folders import (
    ORDERS,
    TAC,
    USER,
    MasterFile,
    MasterFolder,
    WorkerFile,
    WorkerFolder,
    endpoint,
    host_port,
    is_name,
    toml,
)

MASTER_TAC = """\
# SPDX-License-Identifier: GPL-2.0
# Made by `seriesbot buildbot master`; its settings are in master.toml.
from pathlib import Path

from buildbot.master import BuildMaster
from twisted.application import service

basedir = str(Path(__file__).resolve().parent)
application = service.Application('buildmaster')
BuildMaster(basedir, "master.cfg", umask=0o077).setServiceParent(application)
"""
MASTER_CFG = """\
# SPDX-License-Identifier: GPL-2.0
# Made by `seriesbot buildbot master`; its settings are in master.toml.
from pathlib import Path

from seriesbot.farm import master

BuildmasterConfig = master.config(Path(basedir))
"""
WORKER_TAC = """\
# SPDX-License-Identifier: GPL-2.0
# Made by `seriesbot buildbot worker`; its settings are in worker.toml.
from pathlib import Path

from seriesbot.farm import worker
from twisted.application import service

application = service.Application('buildbot-worker')
worker.service(Path(__file__).resolve().parent).setServiceParent(application)
"""
# What a build calls. It dies with the worker, which else could do the same work a second time.
CARRY_OUT = """\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Made by `seriesbot buildbot worker`.
PYTHONPATH={path}
export PYTHONPATH
exec setpriv --pdeathsig KILL -- {python} -P -m seriesbot.farm.carry {home} "$@"
"""


def master(path: Path, told: Mapping[str, str | None], workers: Sequence[str]) -> Iterator[str]:
    """Make a master's folder, or change it; give lines that say what is next.

    told: fields of MasterFile, None for those that stay. workers: names of those that may come.
    """
    folder = MasterFolder(path)
    settings = folder.read() if folder.settings.exists() else MasterFile()
    settings = replace(settings, **{name: one for name, one in told.items() if one is not None})
    host_port(settings.www)
    endpoint(settings.listen, "server")
    for name in workers:
        if not is_name(name):
            raise UserError(
                f"A worker cannot be called '{name}'.", do="use letters, digits, '-' and '_'"
            )
    _private(path)
    _private(folder.logins)
    _private(path / ORDERS)
    logins.make(folder.login, USER)
    for name in workers:
        logins.make(folder.logins / f"{name}.toml", name)
    secretfile.write(folder.settings, toml(settings))
    atomicfile.write_text(path / "master.cfg", MASTER_CFG)
    atomicfile.write_text(path / TAC, MASTER_TAC)
    again = starting.read_again(path)
    yield f"{path}: the master's folder"
    for file in sorted(folder.logins.glob("*.toml")):
        yield f"  worker {file.stem}: give it {file}"
    if not any(folder.logins.glob("*.toml")):
        yield "  no worker yet: --worker NAME"
    yield "the master that runs takes it up" if again else f"seriesbot buildbot start {path}"
    yield f'in bot.toml: [engine] kind = "buildbot", credentials = "{folder.login}"'


def worker(path: Path, address: str, login: Path, command: Sequence[str] = ()) -> Iterator[str]:
    """Make a worker's folder; give lines that say what is next.

    address: of the master. login: the file that the master made for this worker. command: what
    carries out an order, where it is not kseries.
    """
    endpoint(address, "client")
    found = logins.read(login, "the worker")
    folder = WorkerFolder(path)
    _private(path)
    logins.write(folder.login, found)
    secretfile.write(folder.settings, toml(WorkerFile(address, tuple(command))))
    script = CARRY_OUT.format(
        path=shlex.quote(os.pathsep.join(filter(None, sys.path))),
        python=shlex.quote(sys.executable),
        home=shlex.quote(str(path)),
    )
    atomicfile.write_text(path / PROGRAM, script)
    (path / PROGRAM).chmod(0o700)
    atomicfile.write_text(path / TAC, WORKER_TAC)
    yield f"{path}: the folder of worker {found.user}"
    yield f"seriesbot buildbot start {path}"


def _private(path: Path) -> None:
    with atomicfile.disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
