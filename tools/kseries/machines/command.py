# SPDX-License-Identifier: GPL-2.0
"""A program to run on a guest, as the payload of the frame that asks for it. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

COMMAND_MAX = 1 << 20


class Unfit(Exception):
    """The command cannot be sent."""


@dataclass(frozen=True)
class Command:
    """A program to run on the guest. feed: its standard input; None: /dev/null."""

    argv: tuple[str, ...]
    cwd: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    feed: Iterable[bytes] | None = None


def encode(command: Command) -> bytes:
    """Encode a command as the payload of its frame.

    Raises Unfit for a NUL, a variable without a name, no program, or more than 1 MiB.
    """
    variables = [f"{name}={value}" for name, value in command.env.items()]
    has_input = "0" if command.feed is None else "1"
    strings: Sequence[str] = [
        *(has_input, command.cwd, str(len(variables))),
        *variables,
        *command.argv,
    ]
    if not command.argv:
        raise Unfit("no program")
    if any("\0" in text for text in strings):
        raise Unfit("an argument holds a NUL character")
    if any(not name or "=" in name for name in command.env):
        raise Unfit("a variable has no name")
    payload = b"".join(os.fsencode(text) + b"\0" for text in strings)
    if len(payload) > COMMAND_MAX:
        raise Unfit("the arguments are too long")
    return payload
