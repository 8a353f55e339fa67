# SPDX-License-Identifier: GPL-2.0
"""The command that writes the generated tests: `kselftest render`."""

from __future__ import annotations

import argparse
from pathlib import Path

import kselftest_zcrx
from kselftest_zcrx import DIALECTS, FIRST_LEVEL, LAST_LEVEL, MAINLINE
from kseries.cli.commands import Commands
from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.suites import selftestpatch


def add_commands(commands: Commands) -> None:
    """Add `kselftest`."""
    kselftest = commands.add_parser("kselftest", help="the generated tests of zero copy receive")
    actions = kselftest.add_subparsers(required=True, metavar="ACTION")
    render = actions.add_parser("render", help="write them as a folder, or as a kernel patch")
    render.add_argument("--dialect", choices=DIALECTS, default=DIALECTS[0], help="of the user API")
    render.add_argument(
        "--level",
        type=int,
        choices=range(FIRST_LEVEL, LAST_LEVEL + 1),
        default=LAST_LEVEL,
        metavar="N",
        help=f"last patch of the series that the kernel has, {FIRST_LEVEL} to {LAST_LEVEL}",
    )
    where = render.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="a folder that is not there yet")
    where.add_argument("--as-patch", type=Path, metavar="FILE", help="a patch for --tree")
    render.add_argument("--tree", type=Path, metavar="DIR", help="the tree that the patch is for")
    render.set_defaults(command=_render)


def _render(arguments: argparse.Namespace) -> int:
    if arguments.dialect == MAINLINE and arguments.level != LAST_LEVEL:
        raise UserError(
            "Mainline has the whole series, not its first patches.",
            where=f"--level {arguments.level}",
            do=f"leave out --level, or take --dialect {DIALECTS[0]}",
        )
    if arguments.as_patch:
        if arguments.tree is None:
            raise UserError(
                "A patch is for a tree.", where="--as-patch", do="name the tree: --tree DIR"
            )
        files = kselftest_zcrx.render(arguments.level, arguments.dialect)
        selftestpatch.write(arguments.as_patch, arguments.tree, kselftest_zcrx.FOLDER, files)
        print(f"{arguments.as_patch}: {len(files)} files, for {arguments.tree}")
        return 0
    if arguments.out.exists():
        raise UserError(
            "There is something at the place of the folder.",
            where=str(arguments.out),
            do="name a folder that is not there yet",
        )
    with atomicfile.new_folder(arguments.out) as folder:
        kselftest_zcrx.write(folder, arguments.level, arguments.dialect)
        count = sum(1 for _ in folder.iterdir())
    print(f"{arguments.out}: {count} files")
    return 0
