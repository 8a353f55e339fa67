# SPDX-License-Identifier: GPL-2.0
"""The kernel tree's own tests of drivers, on netdevsim: what a series must not break."""

from __future__ import annotations

from kseries.suites.base import Program, Suite

DRIVERS = "drivers/net"

NETDEVSIM = Suite(
    name="netdevsim",
    about="the kernel's own tests of netdevsim and of drivers/net",
    programs=(
        # a shell test: two linked devices, TCP between them; prints errors, no result lines
        Program("peer.sh", f"{DRIVERS}/netdevsim", ktap=False),
        # the others choose netdevsim themselves, as NETIF is not set
        Program("ping.py", DRIVERS),
        Program("queues.py", DRIVERS),
        Program("stats.py", DRIVERS),
    ),
    # drivers/net brings net/lib (Python library, netlink specifications) with it, and
    # net/net_helper.sh, which peer.sh reads
    targets=(DRIVERS, f"{DRIVERS}/netdevsim"),
    fragments=("netdevsim",),
)
