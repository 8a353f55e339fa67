# SPDX-License-Identifier: GPL-2.0
"""The project's suites: what they promise about targets and trees."""

from __future__ import annotations

from pathlib import Path

import pytest

import kselftest_zcrx
from kseries.suite import Kselftest
from kseries.suites.base import Made, Unfit
from kseries.suites.zcrx import ZCRX, Interface, interface_of
from tests.toysuites import suites

PATCH_9 = "enum { IORING_REGISTER_ZCRX_IFQ = 32 };"
AREA = "struct io_uring_zcrx_area_reg { int i; };"
REQUEST = "enum { IORING_OP_RECV_ZC };"
TOY = Path(__file__).parent / "data" / "kselftest_zcrx" / "toytree"


def tree(folder: Path, uapi: str) -> Path:
    """Make a tree with nothing but the io_uring header."""
    (folder / "include/uapi/linux").mkdir(parents=True)
    (folder / "include/uapi/linux/io_uring.h").write_text(uapi)
    return folder


def test_the_programs_of_the_kernel_are_the_four_that_use_netdevsim() -> None:
    (suite,) = suites("netdevsim")
    assert isinstance(suite.told, Kselftest)
    assert [(p.folder, p.name, p.ktap) for p in suite.told.programs] == [
        ("drivers/net/netdevsim", "peer.sh", False),
        ("drivers/net", "ping.py", True),
        ("drivers/net", "queues.py", True),
        ("drivers/net", "stats.py", True),
    ]
    assert {program.folder for program in suite.told.programs} == set(suite.told.targets)


def test_zcrx_makes_what_fits_the_tree() -> None:
    made = ZCRX.make(TOY, "/tree/tools/testing/selftests/lib.mk")
    assert isinstance(made, Made)
    assert made.folder == "drivers/net/zcrx"
    assert made.cases == kselftest_zcrx.planned(12)
    assert made.found == "the tree has the interface of v7, up to patch 12"
    assert "include /tree/tools/testing/selftests/lib.mk\n" in made.files["Makefile"]


@pytest.mark.parametrize(
    ("level", "uapi", "code"),
    [
        (9, PATCH_9, ""),
        (10, PATCH_9 + AREA, "io_pin_pages()"),
        (12, PATCH_9 + AREA + REQUEST, ""),
        (14, PATCH_9 + AREA + REQUEST, "netdev_rx_queue_restart()"),
        (15, PATCH_9 + AREA + REQUEST, "netdev_rx_queue_restart(); return IOU_REQUEUE;"),
    ],
)
def test_zcrx_knows_the_last_patch_of_a_tree(
    level: int, uapi: str, code: str, tmp_path: Path
) -> None:
    folder = tree(tmp_path, uapi)
    if code:
        (folder / "io_uring").mkdir()
        (folder / "io_uring/zcrx.c").write_text(code)
    assert interface_of(folder) == Interface("v7", level)


@pytest.mark.parametrize(
    ("uapi", "why"),
    [
        (
            "enum { IORING_REGISTER_LAST };",
            "the tree has no IORING_REGISTER_ZCRX_IFQ in include/uapi/linux/io_uring.h",
        ),
        (
            "enum { IORING_REGISTER_ZCRX_IFQ = 32 }; struct reg { __u64 region_ptr; };",
            "the tree has an older interface of mainline, without ZCRX_REG_NODEV",
        ),
    ],
    ids=["before", "mainline"],
)
def test_zcrx_says_why_it_does_not_fit(uapi: str, why: str, tmp_path: Path) -> None:
    assert interface_of(tree(tmp_path, uapi)) == Unfit(why)


def test_zcrx_does_not_fit_a_folder_without_the_header(tmp_path: Path) -> None:
    found = interface_of(tmp_path)
    assert isinstance(found, Unfit)
    assert found.why.startswith("the tree has no IORING_REGISTER_ZCRX_IFQ")


def mainline(folder: Path, header: str) -> Path:
    """Make a tree whose interface of zero copy receive has a header of its own."""
    tree(folder, "enum { IORING_REGISTER_ZCRX_IFQ = 32 };")
    (folder / "include/uapi/linux/io_uring").mkdir()
    (folder / "include/uapi/linux/io_uring/zcrx.h").write_text(header)
    return folder


def test_zcrx_knows_mainline(tmp_path: Path) -> None:
    folder = mainline(tmp_path, "ZCRX_REG_NODEV = 2, ZCRX_CTRL_FLUSH_RQ,")
    assert interface_of(folder) == Interface("mainline", 15)
    made = ZCRX.make(folder, "lib.mk")
    assert isinstance(made, Made)
    assert made.found == "the tree has the interface of mainline"
    assert made.cases == kselftest_zcrx.planned(15, "mainline")


def test_zcrx_has_no_tests_for_mainline_before_flushing(tmp_path: Path) -> None:
    found = interface_of(mainline(tmp_path, "ZCRX_REG_NODEV = 2,"))
    assert found == Unfit("the tree has an older interface of mainline, without ZCRX_CTRL_FLUSH_RQ")
