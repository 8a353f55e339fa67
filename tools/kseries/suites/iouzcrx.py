# SPDX-License-Identifier: GPL-2.0
"""The kernel tree's own test of io_uring zero copy receive, on netdevsim."""

from __future__ import annotations

from kseries.suites.base import Library, Program, Suite

HARDWARE = "drivers/net/hw"

IOU_ZCRX = Suite(
    name="iou-zcrx",
    about="the kernel's own test of io_uring zero copy receive",
    # makes two linked netdevsims itself, as NETIF is not set
    programs=(Program("iou-zcrx.py", HARDWARE),),
    targets=(HARDWARE,),
    fragments=("zcrx", "netdevsim"),
    library=Library("liburing-dev", "forky"),  # from 2.10 on it registers receive queues
    variables={
        # The program of this test, and nothing of the others': they want clang and more.
        "TEST_GEN_FILES": f"$(if $(filter %/{HARDWARE},$(CURDIR)),$(OUTPUT)/iou-zcrx)",
        # The Makefile tries the library in a way that only bash and shared libraries allow.
        "HAS_IOURING_ZCRX": "y",
    },
)
