# SPDX-License-Identifier: GPL-2.0
"""What a row of the tables of complaints says, and what of a title is left out."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from kseries.model import EventKind

PROCESS = r"[^\n:(]{1,17}+\((?:pid )?\d{1,9}\): "
"""Who died, on some architectures, before what: "cat(12): ", "cat (pid 12): "."""


class Ending(Enum):
    """Where the lines of a complaint end."""

    LINE = auto()  # it is one line
    TRACE = auto()  # with the last line of its call trace
    MARK = auto()  # with "---[ end"
    RULER = auto()  # with a line of ====, or with "---[ end"


class Role(Enum):
    """What a first line is to those of one complaint that come after it, or before."""

    WHOLE = auto()  # it begins a complaint
    PREFACE = auto()  # so it does; a fault or "cut here" right behind it belongs to it
    FAULT = auto()  # so it does; the header of its Oops comes later
    HEADER = auto()  # it belongs to the fault above it, else begins a complaint


class Rule(NamedTuple):
    """A first line of a complaint.

    pattern: is matched at the start of a message, and has no groups. source: file and function of
    the kernel that print it. example: a line that this rule decides about. vague: programs may
    print the like, so without the kernel's stamp it counts only with a call trace. behind: what
    tells it behind a name and a colon, where the pattern may begin with any name.
    """

    kind: EventKind
    ending: Ending
    pattern: str
    source: str
    example: str
    role: Role = Role.WHOLE
    vague: bool = False
    behind: str = ""


# Parts of a title that differ from run to run.
CHANGING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r" CPU: \d+ PID: \d+", ""),
        (r", CPU#\d+: .*", ""),
        (r"\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])?", ""),
        # where decode_stacktrace.sh found it
        (r"(?<=[\w)]) \((?:[\w./+-]+\.[chS]|\?\?):(?:[^()]|\([^()]*\)?){0,800}\)?", ""),
        (r"(?<=\w)/\d+(?:/0x[0-9a-f]+)?(?=$|[ !\]])", ""),  # comm/pid
        (
            r",?(?: probably)?(?: for| at virtual)?(?: non-canonical)? address:?"
            r" (?:0x)?[0-9a-f]{16}",
            "",
        ),
        (r"(?<!sig):? ?(?:(?<!sig): [0-9a-f]{1,16}(?: ilc:\d)?)? ?\[#\d+\].*", ""),
        (r"\b(?:0x)?[0-9a-f]{8,16}\b", "…"),
        (r"(?<=\w):\d+(?=\]| blocked)", ""),  # comm:pid
        (r" - CPU#\d+ stuck for \d+s", ""),
        (r"\bCPU#\d+|\bcpu \d+", "CPU"),
        (r"\bid \d+, (\d+) inflight \d+ sec", r"\1 inflight"),
        (r"\bcode: \S+$", ""),
        (r", nodemask=.*", ""),
    )
)
