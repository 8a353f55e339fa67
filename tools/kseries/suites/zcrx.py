# SPDX-License-Identifier: GPL-2.0
"""The generated tests of io_uring zero copy receive: what of them fits a tree."""

from __future__ import annotations

from pathlib import Path

import kselftest_zcrx
from kseries.suites.base import Generated, Suite, Unfit

UAPI = Path("include/uapi/linux/io_uring.h")

CODE = Path("io_uring/zcrx.c")

# The streams take a minute, emulated, and several times as long with a debug kernel.
TIMEOUT_S = 900.0
EXTENDED_TIMEOUT_S = 1800.0

# What a tree has from a patch of the series on, and in which file.
LEVELS = (
    (9, UAPI, "IORING_REGISTER_ZCRX_IFQ"),
    (10, UAPI, "struct io_uring_zcrx_area_reg"),
    (12, UAPI, "IORING_OP_RECV_ZC"),
    (14, CODE, "netdev_rx_queue_restart"),
    (15, CODE, "IOU_REQUEUE"),
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
        extended=kselftest_zcrx.extended(level),
    )


def level_of(tree: Path) -> int | Unfit:
    """Find the last patch of the series that a tree shows to have."""
    texts = {
        path: (tree / path).read_text(errors="replace") if (tree / path).is_file() else ""
        for path in (UAPI, CODE)
    }
    if MAINLINE in texts[UAPI] or (tree / MAINLINE_FILE).is_file():
        return Unfit("the tree has zero copy receive as mainline does, which has no tests yet")
    if LEVELS[0][2] not in texts[UAPI]:
        return Unfit(f"the tree has no {LEVELS[0][2]} in {UAPI}")
    return max(level for level, path, mark in LEVELS if mark in texts[path])


ZCRX = Suite(
    name="zcrx",
    about="io_uring zero copy receive, generated for the interface that the tree has",
    programs=(),
    targets=(),
    fragments=("zcrx", "netdevsim"),
    generate=generate,
    timeout_s=TIMEOUT_S,
    extended_timeout_s=EXTENDED_TIMEOUT_S,
)
