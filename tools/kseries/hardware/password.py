# SPDX-License-Identifier: GPL-2.0
"""Passwords of BMCs: read when they are needed, given to who asks for them, and kept nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from kseries.hardware.target import Login
from kseries.lib import privatefile
from kseries.lib.errors import UserError


def read(login: Login) -> str:
    """Give a password. Raises UserError where there is none, or where others may read it."""
    if login.password_env:
        found = os.environ.get(login.password_env, "")
        if not found:
            raise UserError(
                f"The password of the BMC's user {login.user} is not in the environment.",
                where=f"${login.password_env}",
                do=f"set {login.password_env}, or name a `password_file` in the target's file",
            )
        return found
    file = place(login)
    data = privatefile.read(file, f"the password of the BMC's user {login.user}")
    try:
        found = data.decode().partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        found = ""  # what is wrong with it is not shown
    if not found:
        raise UserError(
            f"There is no password of the BMC's user {login.user}.",
            where=str(file),
            do="write it into the first line, as text",
        )
    return found


def place(login: Login) -> Path:
    """Give the file that a password is in."""
    return Path(login.password_file).expanduser()
