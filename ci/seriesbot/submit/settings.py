# SPDX-License-Identifier: GPL-2.0
"""What `bot.toml` says of Patchwork and KCIDB, and where the tokens come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from kseries.lib.errors import UserError
from seriesbot import secretfile
from seriesbot.answer.settings import Line, Site
from seriesbot.tls import require_private

PATCHWORK_TOKEN, KCIDB_TOKEN = "SERIESBOT_PATCHWORK_TOKEN", "SERIESBOT_KCIDB_TOKEN"

# Patchwork takes 255 characters of such for the whole name of a check.
Context = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
Seconds = Annotated[float, Field(gt=0, le=600)]


@dataclass(frozen=True)
class PatchworkFile:
    """A Patchwork that is told what came of patches.

    url: where it is, without /api. project: its link name there; without one, all projects that
    have the patch. context: what names of checks begin with. credentials: a file with the token,
    which only its owner may read; the environment has it else. ca: certificates to trust beside
    the system's.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    url: Site
    project: Line | None = None
    context: Context = "kseries"
    credentials: Line | None = None
    ca: Line | None = None
    timeout_seconds: Seconds = 20


@dataclass(frozen=True)
class KcidbFile:
    """Where reports to KCIDB go.

    folder: into which each is put as a file. url: of a server that takes them, without /submit.
    origin: our name there. The rest: as of Patchwork.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    folder: Line | None = None
    url: Site | None = None
    origin: Origin = "kseries"
    credentials: Line | None = None
    ca: Line | None = None
    timeout_seconds: Seconds = 60


class ServerFile(Protocol):
    """What the settings of a server have in common."""

    @property
    def url(self) -> str | None:
        """Where it is."""

    @property
    def credentials(self) -> str | None:
        """A file with its token."""


@dataclass(frozen=True)
class Token:
    """What a server knows us by."""

    token: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,8000}$")]

    def __repr__(self) -> str:
        """Say nothing of it: it would stand in tracebacks."""
        return "Token(…)"


_TOKEN: TypeAdapter[Token] = TypeAdapter(Token)


def token(
    server: ServerFile, variable: str, home: Path, environment: Mapping[str, str] = os.environ
) -> str:
    """Give the token of a server. variable: of the environment. home: of relative names.

    Raises UserError when there is none, others may read its file, or it would be sent in the clear.
    """
    found = environment.get(variable, "").strip()
    if server.credentials is not None:
        file = home / Path(server.credentials).expanduser()
        what, do = "the server's token", 'write a line: token = "…"'
        found = secretfile.read(file, _TOKEN, what=what, do=do).token
    if not found:
        raise UserError(
            f"There is no token for {server.url}.",
            where="bot.toml",
            do=f"name a file with it (credentials), or set {variable}",
        )
    do = "name an address that begins with https://"
    require_private(server.url or "", "token", where="bot.toml", do=do)
    return found
