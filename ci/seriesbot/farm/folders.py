# SPDX-License-Identifier: GPL-2.0
"""The folders of a master and of a worker: what is in them, and what their operator said."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from kseries.lib import tomlfile
from kseries.lib.errors import UserError
from seriesbot.farm import logins
from seriesbot.farm.logins import Login

USER = "seriesbot"  # who may start and stop builds
TAC = "buildbot.tac"
ORDERS = "orders"  # folder of the master

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$")]


@dataclass(frozen=True)
class MasterFile:
    """What master.toml says. It can hold the password of the database.

    www, listen: HOST:PORT of the web page, and where workers come. The latter, or a string that
    describes an endpoint to Twisted ("ssl:9989:privateKey=…:certKey=…"). url: where others see
    the web page. db: address of the database.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    www: Text = "127.0.0.1:8010"
    listen: Text = "127.0.0.1:9989"
    url: Text | None = None
    db: Text = "sqlite:///state.sqlite"


@dataclass(frozen=True)
class WorkerFile:
    """What worker.toml says.

    master: HOST:PORT where the master listens, or a string that describes an endpoint to Twisted
    ("tls:HOST:PORT:trustRoots=…"). command: what carries out an order, as engine.command of a bot.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    master: Text
    command: tuple[Text, ...] = ()


_MASTER = TypeAdapter(MasterFile)
_WORKER = TypeAdapter(WorkerFile)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True)
class MasterFolder:
    """The folder of a master."""

    path: Path

    @property
    def settings(self) -> Path:
        """What its operator said."""
        return self.path / "master.toml"

    @property
    def login(self) -> Path:
        """What the bot shows to the master; its operator logs in with it, too."""
        return self.path / "bot.toml"

    @property
    def logins(self) -> Path:
        """A login for each worker, by its name. (`workers` is Buildbot's.)"""
        return self.path / "logins"

    def read(self) -> MasterFile:
        """Read what its operator said."""
        return tomlfile.read(self.settings, _MASTER, what="master's settings")

    def workers(self) -> list[Login]:
        """Read the logins of all workers."""
        found = [logins.read(file, "a worker") for file in sorted(self.logins.glob("*.toml"))]
        return [login for login in found if is_name(login.user)]


@dataclass(frozen=True)
class WorkerFolder:
    """The folder of a worker."""

    path: Path

    @property
    def settings(self) -> Path:
        """What its operator said."""
        return self.path / "worker.toml"

    @property
    def login(self) -> Path:
        """What the worker shows to the master."""
        return self.path / "login.toml"

    def read(self) -> WorkerFile:
        """Read what its operator said."""
        return tomlfile.read(self.settings, _WORKER, what="worker's settings")


def is_name(text: str) -> bool:
    """Whether a worker may be called so: its name stands in paths."""
    try:
        _NAME.validate_python(text)
    except ValueError:
        return False
    return "\n" not in text


def toml(told: MasterFile | WorkerFile) -> str:
    """Write settings down."""
    lines = ["# SPDX-License-Identifier: GPL-2.0"]
    for name, value in asdict(told).items():
        if value is not None:
            lines.append(f"{name} = {json.dumps(_plain(value))}")
    return "\n".join(lines) + "\n"


def endpoint(told: str, kind: str) -> str:
    """Give HOST:PORT as Twisted describes it; what is described already is left.

    Raises UserError for what is neither.
    """
    if told.partition(":")[0] in ("ssl", "tcp", "tcp6", "tls", "unix"):
        return told
    host, port = host_port(told)
    if kind == "server":
        return f"tcp:{port}:interface={_escaped(host)}"
    return f"tcp:{_escaped(host)}:{port}"


def host_port(told: str) -> tuple[str, int]:
    """Give the two of HOST:PORT. Raises UserError where they are not."""
    host, _, port = told.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise UserError(f"'{told}' is no HOST:PORT.", do="name both, as in 127.0.0.1:9989")
    return host, int(port)


def _escaped(host: str) -> str:
    return host.replace(":", r"\:")


def _plain(value: Any) -> Any:  # noqa: ANN401
    return list(value) if isinstance(value, tuple) else value
