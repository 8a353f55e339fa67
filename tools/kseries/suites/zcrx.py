# SPDX-License-Identifier: GPL-2.0
"""The generated tests of io_uring zero copy receive: what of them fits a tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import kselftest_zcrx
from kseries.lib.untrusted import Untrusted
from kseries.suites.base import Generator, Made, Unfit

UAPI = Path("include/uapi/linux/io_uring.h")

CODE = Path("io_uring/zcrx.c")

# What a tree has from a patch of the series on, and in which file.
LEVELS = (
    (9, UAPI, "IORING_REGISTER_ZCRX_IFQ"),
    (10, UAPI, "struct io_uring_zcrx_area_reg"),
    (12, UAPI, "IORING_OP_RECV_ZC"),
    (14, CODE, "netdev_rx_queue_restart"),
    (15, CODE, "IOU_REQUEUE"),
)

# What only the interface of mainline has: in the same file from 6.15 on, beside it later. The
# tests need what came last of this, flushing and areas without a device.
MAINLINE_UAPI = Path("include/uapi/linux/io_uring/zcrx.h")
MAINLINE_MARK = "region_ptr"
MAINLINE_NEEDS = ("ZCRX_REG_NODEV", "ZCRX_CTRL_FLUSH_RQ")

READS = (UAPI, CODE, MAINLINE_UAPI)


@dataclass(frozen=True)
class Interface:
    """Which user interface a tree has, and up to which patch of the series that brought it."""

    dialect: str
    level: int

    def __str__(self) -> str:
        if self.dialect == kselftest_zcrx.MAINLINE:
            return "the interface of mainline"
        return f"the interface of {self.dialect}, up to patch {self.level}"


def generate(tree: Path, lib_mk: str) -> Made | Unfit:
    """Make the programs for a tree, or say why none fits."""
    found = interface_of(tree)
    if isinstance(found, Unfit):
        return found
    return Made(
        folder=kselftest_zcrx.FOLDER,
        files=kselftest_zcrx.render(found.level, found.dialect, lib_mk=lib_mk),
        cases=kselftest_zcrx.planned(found.level, found.dialect),
        extended=kselftest_zcrx.extended(found.level, found.dialect),
        found=f"the tree has {found}",
    )


def interface_of(tree: Path) -> Interface | Unfit:
    """Find the user interface that a tree's headers show."""
    files = Untrusted(tree)
    texts = {path: files.read_text(str(path)) if files.has(str(path)) else "" for path in READS}
    if MAINLINE_MARK in texts[UAPI] or texts[MAINLINE_UAPI]:
        missing = [name for name in MAINLINE_NEEDS if name not in texts[MAINLINE_UAPI]]
        if missing:
            return Unfit(f"the tree has an older interface of mainline, without {missing[0]}")
        return Interface(kselftest_zcrx.MAINLINE, kselftest_zcrx.LAST_LEVEL)
    if LEVELS[0][2] not in texts[UAPI]:
        return Unfit(f"the tree has no {LEVELS[0][2]} in {UAPI}")
    level = max(level for level, path, mark in LEVELS if mark in texts[path])
    return Interface(kselftest_zcrx.V7, level)


ZCRX = Generator(generate, READS)
