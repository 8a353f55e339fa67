# SPDX-License-Identifier: GPL-2.0
"""Subcommands about the host, the cache, and the command line itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kseries.cli import complete, options
from kseries.cli.parsers.common import add_command

if TYPE_CHECKING:
    from kseries.cli.parser import Commands


def add(commands: Commands) -> None:
    """Add them."""
    _add_maintenance(commands)
    _add_shell(commands)


def _add_maintenance(commands: Commands) -> None:
    doctor = add_command(
        commands,
        "doctor",
        "maintenance.doctor",
        "check this host; print the command that fixes each problem",
    )
    options.add_json(doctor)
    cache = add_command(commands, "cache", "", "show or clear what runs share")
    actions: Commands = cache.add_subparsers(required=True, metavar="ACTION")
    options.add_json(add_command(actions, "show", "maintenance.show_cache", "list it with sizes"))
    clear = add_command(
        actions,
        "clear",
        "maintenance.clear_cache",
        "remove what no run uses; all but runs can be rebuilt",
        ("kseries cache clear", "kseries cache clear trees builds"),
    )
    kinds = clear.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help="as `cache show` names them (default: all that is shared)",
    )
    complete.by(kinds, complete.kinds)


def _add_shell(commands: Commands) -> None:
    completion = add_command(
        commands,
        "completion",
        "shell.completion",
        "print what makes a shell complete commands, options and names",
        (
            'bash: add to ~/.bashrc   eval "$(kseries completion bash)"',
            'zsh:  add to ~/.zshrc    eval "$(kseries completion zsh)"',
            "fish: kseries completion fish > ~/.config/fish/completions/kseries.fish",
        ),
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL")
    man = add_command(
        commands,
        "man",
        "shell.man",
        "give the manual page",
        ("kseries man | man -l -", "kseries man --out ~/.local/share/man/man1/kseries.1"),
    )
    options.add_out(man)
