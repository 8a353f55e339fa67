# SPDX-License-Identifier: GPL-2.0
"""Other users of the interface and of its queues, before a registration and beside it."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture

_BEFORE = (
    ("xdp_first", "R15", "An interface with an XDP program gives no queue away."),
    ("xdp_socket_first", "R15", "A queue with an AF_XDP socket is taken."),
    ("dmabuf_first", "R15", "A queue that receives into a dma-buf is taken."),
    ("dmabuf_refused", "R15", "A binding to a dma-buf that is refused leaves the queue as it was."),
    ("no_split_first", "R14", "Without header split there is nothing to give a queue away for."),
)

_BESIDE = (
    ("xdp", "R35", "No XDP program can be attached as long as a queue is registered."),
    ("xdp_socket", "R35", "An AF_XDP socket on the queue changes nothing."),
    ("dmabuf", "R15", "A registered queue cannot be bound to a dma-buf."),
    ("dmabuf_on_other_queue", "R15", "Another queue of the interface can."),
    ("dmabuf_received", "R35", "Device memory TCP on another queue receives as before."),
    (
        "dmabuf_of_heap_received",
        "R35",
        "It does so into memory that is not in single pages.",
    ),
    ("dmabuf_data", "R46", "What is in a dma-buf cannot be copied, and ends the request."),
    (
        "dmabuf_without_device",
        "R35",
        "A dma-buf with data that waits in a socket outlasts its device.",
    ),
    ("no_split", "R35", "Header split cannot be turned off."),
    ("spread", "R35", "What is not steered may be spread anew, under traffic."),
    ("captured", "R36", "Who captures packets sees the headers of what is placed, and no more."),
    (
        "cloned",
        "R35",
        "Who shares packets for a while, and edits them, changes nothing.",
    ),
    (
        "queues_listed",
        "R37",
        "The queues can be listed, and none is a dma-buf's.",
    ),
    ("pools_listed", "R37", "The page pools can be listed, with what they have under way."),
    ("pool_statistics_listed", "R37", "So can the statistics of the page pools."),
    ("queue_statistics_listed", "R37", "So can the statistics of the queues."),
    ("moved_and_back", "R32", "An interface that is moved away and back has its queues again."),
    ("reloaded", "R32", "A device that is reloaded lets go of the registration."),
)

NEIGHBOURS = Fixture(
    "neighbours",
    tuple(
        Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (*_BEFORE, *_BESIDE)
    ),
    setup="link",
)
