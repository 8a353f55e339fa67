# SPDX-License-Identifier: GPL-2.0
"""What the subcommands of all families are added with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kseries.cli import options
from kseries.cli.parser import Parser, sentence
from kseries.names import MINUTES

if TYPE_CHECKING:
    from kseries.cli.parser import Commands

# Of a command that lets nobody choose tests, what its request says of them.
NO_TESTS: dict[str, Any] = {
    "only": [],
    "suite": [],
    "minutes": MINUTES,
    "append": "",
    "extended": False,
    "baseline": None,
    "reruns": True,
    "each_patch": None,
    "target": "",
}


def add_command(
    commands: Commands, name: str, handler: str, told: str, examples: Sequence[str] = ()
) -> Parser:
    """Add a subcommand. told: what it does, in a line. examples: calls of it."""
    epilog = "\n  ".join(["examples:", *examples]) if examples else None
    parser = commands.add_parser(name, help=told, description=sentence(told), epilog=epilog)
    options.add_common(parser)
    parser.set_defaults(parser=parser, **({"command": handler} if handler else {}))
    return parser
