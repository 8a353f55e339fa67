# SPDX-License-Identifier: GPL-2.0
"""Ends at bad moments, and user space that breaks the rules, with data on its way."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture, Mainline

TEARDOWN = Fixture(
    "teardown",
    (
        *(
            Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
            for name, rule, tests in (
                ("reuse", "R33", "A queue that was given back can be taken, and works, each time."),
                ("receiver_killed", "R60", "A receiver is killed with data in flight."),
                ("ring_first", "R60", "The ring is closed before the socket, with data in flight."),
                (
                    "socket_first",
                    "R60",
                    "The socket is closed before the ring, with data in flight.",
                ),
                ("area_unmapped", "R60", "An area that is unmapped goes on being received into."),
                ("refill_unmapped", "R60", "The refill ring is unmapped under the kernel."),
                ("exit_with_everything", "R60", "A receiver exits with everything in use."),
                ("passed_on", "R60", "The ring is passed on to another process, which spoils it."),
                ("device_removed", "R61", "The device is removed with data in flight."),
                (
                    "device_removed_after_ring",
                    "R61",
                    "The device is removed while a socket has buffers of a ring that is closed.",
                ),
                (
                    "namespace_removed",
                    "R61",
                    "The network namespace goes, and the device leaves it with the ring's queue.",
                ),
                ("down_and_up", "R61", "The interface is taken down and up with data in flight."),
                (
                    "channels_changed",
                    "R61",
                    "The number of queues changes with data in flight on another one.",
                ),
                (
                    "closed_while_down",
                    "R61",
                    "The ring is closed after the interface was taken down.",
                ),
                ("garbage_is_skipped", "R50", "Entries that make no sense change nothing."),
                ("returned_twice", "R50", "Each piece is returned twice."),
                ("refill_ring_of_garbage", "R50", "Anything at all is in the refill ring."),
                ("tail_anywhere", "R50", "The tail runs past the ring and the head."),
                (
                    "held_piece_is_safe",
                    "R50",
                    "Entries that nearly name a piece that is not returned do not return it.",
                ),
            )
        ),
        Case(
            "pinned_while_socket_has_data",
            "R18",
            "The pages are unpinned with the ring, though a socket still has payload in them.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent="the pages stay pinned until the socket is done with them"),
        ),
    ),
    setup="link",
)
