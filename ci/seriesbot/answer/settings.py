# SPDX-License-Identifier: GPL-2.0
"""What `bot.toml` says of answers, and where a password comes from."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from kseries.lib.errors import UserError
from seriesbot.people import ADDRESS

USER, PASSWORD = "SERIESBOT_SMTP_USER", "SERIESBOT_SMTP_PASSWORD"
LOOPBACK = ("127.0.0.1", "::1", "localhost")

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
        found = _of_file(home / Path(smtp.credentials).expanduser())
    elif environment.get(USER):
        found = Login(environment[USER], environment.get(PASSWORD, ""))
    if found and smtp.tls == "none" and smtp.host not in LOOPBACK:
        raise UserError(
            f"A password would be sent to {smtp.host} in the clear.",
            where="bot.toml: answer.smtp.tls",
            do='set it to "starttls" or "implicit"',
        )
    return found


def _of_file(file: Path) -> Login:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UserError(
            f"The file with the mail server's password cannot be read: {error.strerror}.",
            where=str(file),
            do="make it a plain file of your own, mode 0600",
        ) from error
    # What is checked is what is read, whatever happens to the name meanwhile.
    with os.fdopen(handle, "rb") as opened:
        told = os.fstat(handle)
        shared = told.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if not stat.S_ISREG(told.st_mode) or shared or told.st_uid not in (os.geteuid(), 0):
            raise UserError(
                "Others may read the mail server's password, or it is not yours.",
                where=f"{file} (mode {stat.S_IMODE(told.st_mode):04o})",
                do=f"chmod 0600 {file}",
            )
        data = opened.read(1 << 16)
    try:
        return _LOGIN.validate_python(tomllib.loads(data.decode()))
    except ValueError:
        # Its mistakes are not shown: they would quote the password.
        raise UserError(
            "This is no file with the mail server's password.",
            where=str(file),
            do='write two lines: user = "…" and password = "…"',
        ) from None
