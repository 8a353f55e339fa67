# SPDX-License-Identifier: GPL-2.0
"""The table of suites: what it promises about fragments, targets and trees."""

from __future__ import annotations

from pathlib import Path

import pytest

import kselftest_zcrx
from kseries.suites import SUITES, Generated, Suite, Unfit
from kseries.suites.zcrx import Interface, interface_of

ROOT = Path(__file__).parents[2]
PATCH_9 = "enum { IORING_REGISTER_ZCRX_IFQ = 32 };"
AREA = "struct io_uring_zcrx_area_reg { int i; };"
REQUEST = "enum { IORING_OP_RECV_ZC };"
TOY = Path(__file__).parent / "data" / "kselftest_zcrx" / "toytree"


def tree(folder: Path, uapi: str) -> Path:
    """Make a tree with nothing but the io_uring header."""
    (folder / "include/uapi/linux").mkdir(parents=True)
    (folder / "include/uapi/linux/io_uring.h").write_text(uapi)
    return folder


def test_the_suites_go_by_their_names() -> None:
    assert {name: suite.name for name, suite in SUITES.items()} == {
        "zcrx": "zcrx",
        "netdevsim": "netdevsim",
        "iou-zcrx": "iou-zcrx",
    }


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SUITES["more"] = SUITES["zcrx"]  # type: ignore[index]


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_a_suite_names_fragments_that_exist(suite: Suite) -> None:
    for fragment in suite.fragments:
        assert (ROOT / "configs" / f"{fragment}.config").is_file()


def test_the_programs_of_the_kernel_are_the_four_that_use_netdevsim() -> None:
    suite = SUITES["netdevsim"]
    assert [(p.folder, p.name, p.ktap) for p in suite.programs] == [
        ("drivers/net/netdevsim", "peer.sh", False),
        ("drivers/net", "ping.py", True),
        ("drivers/net", "queues.py", True),
        ("drivers/net", "stats.py", True),
    ]
    assert {program.folder for program in suite.programs} == set(suite.targets)


def test_zcrx_makes_what_fits_the_tree() -> None:
    generate = SUITES["zcrx"].generate
    assert generate is not None
    made = generate(TOY, "/tree/tools/testing/selftests/lib.mk")
    assert isinstance(made, Generated)
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
    generate = SUITES["zcrx"].generate
    assert generate is not None
    made = generate(folder, "lib.mk")
    assert isinstance(made, Generated)
    assert made.found == "the tree has the interface of mainline"
    assert made.cases == kselftest_zcrx.planned(15, "mainline")


def test_zcrx_has_no_tests_for_mainline_before_flushing(tmp_path: Path) -> None:
    found = interface_of(mainline(tmp_path, "ZCRX_REG_NODEV = 2,"))
    assert found == Unfit("the tree has an older interface of mainline, without ZCRX_CTRL_FLUSH_RQ")
