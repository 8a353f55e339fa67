# SPDX-License-Identifier: GPL-2.0
"""The command that writes the generated tests: `kselftest render`."""

from __future__ import annotations

from argparse import Namespace

import kselftest_zcrx
from kselftest_zcrx import DIALECTS, FIRST_LEVEL, LAST_LEVEL, MAINLINE
from kseries.lib import atomicfile
from kseries.lib.errors import UserError
from kseries.suites import selftestpatch


def render(arguments: Namespace) -> int:
    """Write the tests of a user API, as of one patch of the series."""
    dialect = arguments.dialect or DIALECTS[0]
    level = arguments.level or LAST_LEVEL
    _require(dialect, level)
    if arguments.as_patch:
        if arguments.tree is None:
            raise UserError(
                "A patch is for a tree.", where="--as-patch", do="name the tree: --tree DIR"
            )
        files = kselftest_zcrx.render(level, dialect)
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
        kselftest_zcrx.write(folder, level, dialect)
        count = sum(1 for _ in folder.iterdir())
    print(f"{arguments.out}: {count} files")
    return 0


def _require(dialect: str, level: int) -> None:
    """Raise UserError for what is not generated."""
    if dialect not in DIALECTS:
        raise UserError(
            f"There is no dialect '{dialect}'.", do=f"take one of: {', '.join(DIALECTS)}"
        )
    if not FIRST_LEVEL <= level <= LAST_LEVEL:
        raise UserError(
            f"There are no tests of the series up to patch {level}.",
            where=f"--level {level}",
            do=f"take a number from {FIRST_LEVEL} to {LAST_LEVEL}",
        )
    if dialect == MAINLINE and level != LAST_LEVEL:
        raise UserError(
            "Mainline has the whole series, not its first patches.",
            where=f"--level {level}",
            do=f"leave out --level, or take --dialect {DIALECTS[0]}",
        )
