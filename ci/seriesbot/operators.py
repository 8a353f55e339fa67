# SPDX-License-Identifier: GPL-2.0
"""Who may log in on the web page: a file that only its owner may read, with hashes of passwords.

There is no operator until one is made, and no password that is there from the beginning.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, StringConstraints, TypeAdapter

from kseries.lib.errors import UserError
from seriesbot import secretfile

SHORTEST, LONGEST = 12, 1000  # characters of a password

# Of scrypt: 64 MiB and a fifth of a second on a machine of 2026.
COST, BLOCK, PARALLEL = 1 << 16, 8, 1
MEMORY = 128 << 20

WHAT = "the operators of the web page"
DO = "`seriesbot operator NAME` makes it"

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
Hash = Annotated[
    str,
    StringConstraints(pattern=r"^scrypt:[0-9]{1,8}:[0-9]{1,3}:[0-9]{1,3}(:[0-9a-f]{32,256}){2}$"),
]

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Operators:
    """key: what cookies are signed with. operator: hash of the password of each."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    operator: Mapping[Name, Hash] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say nothing of what is in it: it would stand in tracebacks."""
        return f"Operators({', '.join(self.operator)})"


FILE: TypeAdapter[Operators] = TypeAdapter(Operators)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


def read(file: Path) -> Operators | None:
    """Read who may log in; None where nobody may.

    Raises UserError when it is no such file, or others may read it.
    """
    if not os.path.lexists(file):
        return None
    return secretfile.read(file, FILE, what=WHAT, do=DO)


def put(file: Path, name: str, password: str) -> None:
    """Make an operator, or give one another password. Raises UserError for a bad one."""
    try:
        _NAME.validate_python(name)
    except ValueError:
        raise UserError(
            "This is no name for an operator.", do='take letters, digits, ".", "_" and "-"'
        ) from None
    if not SHORTEST <= len(password) <= LONGEST:
        raise UserError(f"A password has {SHORTEST} characters or more.", do="take a longer one")
    before = read(file) or Operators(secrets.token_hex(32))
    _write(file, Operators(before.key, {**before.operator, name: hashed(password)}))


def remove(file: Path, name: str) -> None:
    """Let somebody log in no more. Raises UserError for who is no operator."""
    before = read(file)
    if before is None or name not in before.operator:
        raise UserError("There is no such operator.", do="`seriesbot operator` lists them")
    kept = {one: told for one, told in before.operator.items() if one != name}
    _write(file, Operators(before.key, kept))


def is_password(operators: Operators, name: str, password: str) -> bool:
    """Tell whether a password is that of an operator. It takes as long for who is none."""
    found = operators.operator.get(name)
    told = found or f"scrypt:{COST}:{BLOCK}:{PARALLEL}:{'0' * 32}:{'0' * 128}"
    _, cost, block, parallel, salt, digest = told.split(":")
    if len(password) > LONGEST:
        return False
    numbers = (int(cost), int(block), int(parallel))
    # Each takes much memory, which many at a time would exhaust.
    with _one_at_a_time:
        same = hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), *numbers).hex(), digest)
    return same and found is not None


def hashed(password: str) -> str:
    """Give what is kept of a password."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, COST, BLOCK, PARALLEL)
    return f"scrypt:{COST}:{BLOCK}:{PARALLEL}:{salt.hex()}:{digest.hex()}"


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    data = password.encode(errors="replace")
    return hashlib.scrypt(data, salt=salt, n=cost, r=block, p=parallel, maxmem=MEMORY, dklen=64)


def _write(file: Path, told: Operators) -> None:
    lines = ["# Made by `seriesbot operator`.", f'key = "{told.key}"', "", "[operator]"]
    lines += [f'"{name}" = "{digest}"' for name, digest in told.operator.items()]
    secretfile.write(file, "\n".join(lines) + "\n")
