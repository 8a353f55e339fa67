# SPDX-License-Identifier: GPL-2.0
"""The generated tests of io_uring zero copy receive: what of them fits a tree."""

from __future__ import annotations

from pathlib import Path

import kselftest_zcrx
from kseries.suites.base import Generated, Suite, Unfit

UAPI = Path("include/uapi/linux/io_uring.h")

# What the user interface has from a patch of the series on.
LEVELS = (
    (9, "IORING_REGISTER_ZCRX_IFQ"),
    (10, "struct io_uring_zcrx_area_reg"),
    (12, "IORING_OP_RECV_ZC"),
)

# What only the interface of mainline has, in this file (6.15 on) or beside it (later).
MAINLINE = "region_ptr"
MAINLINE_FILE = Path("include/uapi/linux/io_uring/zcrx.h")


def generate(tree: Path, lib_mk: str) -> Generated | Unfit:
    """Make the programs for a tree, or say why none fits."""
    level = level_of(tree)
    if isinstance(level, Unfit):
        return level
    return Generated(
        folder=kselftest_zcrx.FOLDER,
        files=kselftest_zcrx.render(level, lib_mk=lib_mk),
        cases=kselftest_zcrx.planned(level),
    )


def level_of(tree: Path) -> int | Unfit:
    """Find the last patch of the series whose user interface a tree has."""
    file = tree / UAPI
    text = file.read_text(errors="replace") if file.is_file() else ""
    if MAINLINE in text or (tree / MAINLINE_FILE).is_file():
        return Unfit("the tree has zero copy receive as mainline does, which has no tests yet")
    levels = [level for level, mark in LEVELS if mark in text]
    if not levels:
        return Unfit(f"the tree has no {LEVELS[0][1]} in {UAPI}")
    if levels[-1] > kselftest_zcrx.LAST_LEVEL:
        return Unfit(
            f"the tree's interface is that of patch {levels[-1]} of the series, the tests know"
            f" it up to patch {kselftest_zcrx.LAST_LEVEL}"
        )
    return levels[-1]


ZCRX = Suite(
    name="zcrx",
    about="io_uring zero copy receive, generated for the interface that the tree has",
    programs=(),
    targets=(),
    fragments=("zcrx", "netdevsim"),
    generate=generate,
)
