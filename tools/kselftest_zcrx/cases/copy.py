# SPDX-License-Identifier: GPL-2.0
"""Payload that has to be copied: from where it comes, and which buffers are free for it."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture, Mainline

_NOT_FROM_OTHERS = "what was placed for another ring ends the request with -EFAULT"

COPY = Fixture(
    "copy",
    tuple(
        Case(
            name,
            rule,
            tests,
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent=absent),
        )
        for name, rule, tests, absent in (
            (
                "copied_while_pool_has_all",
                "R46",
                "A buffer that is idle in the pool of the device is free to copy to.",
                "what the pool has is not free to copy to",
            ),
            (
                "copied_after_restart",
                "R46",
                "So it is in a pool that the queue has got since.",
                "what the pool has is not free to copy to",
            ),
            (
                "no_room_while_pool_has_all",
                "R52",
                "Such a buffer is idle again where there is no room for a completion.",
                "what the pool has is not free to copy to",
            ),
            (
                "copied_while_polled",
                "R46",
                "While somebody polls the device busily a copy waits for its buffer.",
                "what the pool has is not free to copy to",
            ),
            (
                "copied_after_down",
                "R61",
                "All buffers are free to copy to while the interface is down, and placed in after.",
                "a pool stays until user space has returned its buffers",
            ),
            (
                "held_by_packet",
                "R50",
                "A buffer is not used again as long as its packet waits in a socket.",
                "",
            ),
            (
                "held_by_packet_when_down",
                "R61",
                "It is not lost either when the interface is taken down meanwhile.",
                "a pool whose interface is down was still there 30 s later",
            ),
            (
                "placed_in_other_ring",
                "R46",
                "What the device has placed for another ring is copied, and its buffers come back.",
                _NOT_FROM_OTHERS,
            ),
            (
                "part_placed_in_other_ring",
                "R46",
                "The same from the middle of a page on.",
                _NOT_FROM_OTHERS,
            ),
        )
    ),
    setup="link",
)
