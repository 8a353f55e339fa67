# SPDX-License-Identifier: GPL-2.0
"""The subcommand `hw`: lab machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kseries.cli import options
from kseries.cli.parsers.common import add_command

if TYPE_CHECKING:
    from kseries.cli.parser import Commands


def add(commands: Commands) -> None:
    """Add it."""
    hardware = add_command(
        commands, "hw", "", "lab machines: which there are, and whether one is ready"
    )
    actions: Commands = hardware.add_subparsers(required=True, metavar="ACTION")
    options.add_json(add_command(actions, "list", "hardware.targets", "list the lab machines"))
    show = add_command(
        actions,
        "show",
        "hardware.show",
        "print what the file of a lab machine says",
        ("kseries hw show example-bnxt",),
    )
    options.add_target(show)
    options.add_json(show)
    check = add_command(
        actions,
        "check",
        "hardware.check",
        "say what a lab machine has and needs, with the commands that fix it; 1 where not ready",
        ("kseries hw check lab1",),
    )
    options.add_target(check)
    options.add_json(check)
    _add_configs(actions)
    _add_state(actions)
    _add_locks(actions)
    recover = add_command(
        actions,
        "recover",
        "hwrecover.recover",
        "bring a lab machine that a run was killed on back to its own kernel and state",
        ("kseries hw recover lab1",),
    )
    options.add_target(recover)


def _add_configs(actions: Commands) -> None:
    config = add_command(
        actions,
        "config",
        "hwconfig.config",
        "name the config fragments of a lab machine, or take the config of its own kernel",
        (
            "kseries hw config lab1",
            "kseries hw config lab1 --fetch lab1.config",
            "kseries run --config lab1.config --config hardware",
        ),
    )
    options.add_target(config)
    config.add_argument(
        "--fetch", type=Path, metavar="FILE", help="write what its own kernel was configured with"
    )
    options.add_json(config)


def _add_state(actions: Commands) -> None:
    state = add_command(
        actions,
        "state",
        "hwstate.state",
        "take what the ports of a lab machine are set to, compare it, put it back",
        (
            "kseries hw state lab1 --take before.json",
            "kseries hw state lab1 --compare before.json    1 where something differs",
            "kseries hw state lab1 --restore before.json    1 where something still does",
        ),
    )
    options.add_target(state)
    does = state.add_mutually_exclusive_group(required=True)
    for name, told in (
        ("take", "write it to a file that is not there yet"),
        ("compare", "say what is not as it was; changes nothing"),
        ("restore", "put back what is not as it was"),
    ):
        does.add_argument(f"--{name}", type=Path, metavar="FILE", help=told)
    options.add_json(state)


def _add_locks(actions: Commands) -> None:
    lock = add_command(
        actions,
        "lock",
        "hwlock.take",
        "have a lab machine for yourself, or say who has it; 1 where somebody else has",
        (
            "kseries hw lock lab1 --why 'zcrx v8'",
            "kseries hw lock lab1 --show",
            "kseries hw lock lab1 --take-over     it is somebody else's, who has forgotten it",
        ),
    )
    options.add_target(lock)
    lock.add_argument("--why", default="", metavar="TEXT", help="told to others")
    does = lock.add_mutually_exclusive_group()
    does.add_argument("--show", action="store_true", help="only say who has it")
    does.add_argument("--take-over", action="store_true", help="take it from whoever has it")
    options.add_json(lock)
    unlock = add_command(
        actions, "unlock", "hwlock.release", "give a lab machine back that you have"
    )
    options.add_target(unlock)
    options.add_json(unlock)
