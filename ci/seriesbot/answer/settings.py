# SPDX-License-Identifier: GPL-2.0
"""What `bot.toml` says of answers, and where a password comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from kseries.lib.errors import UserError
from seriesbot import secretfile
from seriesbot.people import ADDRESS
from seriesbot.tls import LOOPBACK

USER, PASSWORD = "SERIESBOT_SMTP_USER", "SERIESBOT_SMTP_PASSWORD"

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Address = Annotated[str, StringConstraints(to_lower=True, pattern=rf"^{ADDRESS.pattern}$")]
Site = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]_/~-]+$")]


@dataclass(frozen=True)
class SmtpFile:
    """The mail server that takes answers.

    credentials: a file with user and password, which only its owner may read; the environment has
    them else (SERIESBOT_SMTP_USER, SERIESBOT_SMTP_PASSWORD). ca: certificates to trust beside the
    system's.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    host: Line
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    credentials: Line | None = None
    ca: Line | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20


@dataclass(frozen=True)
class AnswerFile:
    """Who answers, and where answers go.

    channel: inbox (a public-inbox of the bot's own, and to nobody), author, or thread (to all who
    got the series). list: the folder of that public-inbox. site: where the web page is for others.
    a_day: answers that are sent in 24 hours; the others wait.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    channel: Literal["inbox", "author", "thread"] = "inbox"
    name: Line = "kseries bot"
    address: Address = "seriesbot@localhost"
    about: Site | None = None
    site: Site | None = None
    list: Line = "answers"
    a_day: Annotated[int, Field(ge=1, le=100_000)] = 100
    smtp: SmtpFile | None = None


@dataclass(frozen=True)
class Login:
    """What a mail server is told of us."""

    user: str
    password: str

    def __repr__(self) -> str:
        """Say nothing of the password: it would stand in tracebacks."""
        return f"Login({self.user!r})"


_LOGIN: TypeAdapter[Login] = TypeAdapter(Login)


def login(smtp: SmtpFile, home: Path, environment: Mapping[str, str] = os.environ) -> Login | None:
    """Give user and password, None where there are none.

    home: what a relative name starts from. Raises UserError when the file is no such file or others
    may read it, or when the password would be sent in the clear.
    """
    found = None
    if smtp.credentials is not None:
        found = secretfile.read(
            home / Path(smtp.credentials).expanduser(),
            _LOGIN,
            what="the mail server's password",
            do='write two lines: user = "…" and password = "…"',
        )
    elif environment.get(USER):
        found = Login(environment[USER], environment.get(PASSWORD, ""))
    if found and smtp.tls == "none" and smtp.host not in LOOPBACK:
        raise UserError(
            f"A password would be sent to {smtp.host} in the clear.",
            where="bot.toml: answer.smtp.tls",
            do='set it to "starttls" or "implicit"',
        )
    return found
