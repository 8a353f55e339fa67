# SPDX-License-Identifier: GPL-2.0
"""Users and passwords of a farm: the bot's, and each worker's."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from seriesbot import secretfile

PASSWORD_BYTES = 32  # of chance

_Word = Annotated[str, Field(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class Login:
    """A user and a password."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    user: _Word
    password: _Word = field(repr=False)


_LOGIN: TypeAdapter[Login] = TypeAdapter(Login)


def read(file: Path, whose: str) -> Login:
    """Read a login. Raises UserError when it cannot be read, is none, or others may read it."""
    do = 'write two lines: user = "…" and password = "…"'
    return secretfile.read(file, _LOGIN, what=f"the password of {whose}", do=do)


def make(file: Path, user: str) -> None:
    """Make a login with a password of chance; one that is there is left."""
    if not file.exists():
        write(file, Login(user, secrets.token_urlsafe(PASSWORD_BYTES)))


def write(file: Path, login: Login) -> None:
    """Write a login down."""
    text = f"user = {json.dumps(login.user)}\npassword = {json.dumps(login.password)}\n"
    secretfile.write(file, text)
