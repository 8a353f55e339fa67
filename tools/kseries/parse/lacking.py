# SPDX-License-Identifier: GPL-2.0
"""Which commands a test wanted that its machine does not have, by what shells say of them. Pure.

That is no fault of the kernel's, and the test cannot tell: it fails with whatever comes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kseries.lib.naming import few

MOST = 5

_NAME = r"(?P<name>[\w.+/-]{1,64})"
_LINES = (
    # bash: "./x.sh: line 7: which: command not found"; dash: "./x.sh: 7: which: not found"
    re.compile(rf"\S.{{0,255}}: (?:line )?\d+: {_NAME}: (?:command )?not found"),
    # coreutils: "timeout: failed to run command 'x': No such file or directory"
    re.compile(
        rf"(?:\w+: failed to run command|(?:/usr/bin/)?env:) ['\u2018]{_NAME}['\u2019]:"
        r" No such file or directory"
    ),
)


def commands(lines: Iterable[str]) -> tuple[str, ...]:
    """Give the names, in the order in which they were wanted, each once."""
    found: dict[str, None] = {}
    for line in lines:
        for pattern in _LINES:
            if match := pattern.fullmatch(line.lstrip("# \t").rstrip()):
                found[match["name"]] = None
    return tuple(found)


def problem(lines: Iterable[str]) -> str:
    """Say so in a half-sentence; "" where nothing was wanted in vain."""
    names = commands(lines)
    return f"it calls what the machine does not have: {few(names, MOST)}" if names else ""
