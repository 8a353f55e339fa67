# SPDX-License-Identifier: GPL-2.0
"""Buffers that a device has posted, in receive rings of 128 descriptors."""

from __future__ import annotations

from kselftest_zcrx.model import LONG_S, QUEUE_LEVEL, SLOW_S, Case, Fixture

POSTED = Fixture(
    "posted",
    tuple(
        Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (
            ("none_unless_told", "R39", "A device that is not told to posts nothing."),
            ("before_anything_arrives", "R39", "Buffers are posted as soon as there is a number."),
            (
                "copied_to_the_rest",
                "R39",
                "Of 132 pages 4 are free to copy to: then the request ends, and no byte is lost.",
            ),
            (
                "placed_while_rest_is_held",
                "R39",
                "The device places in what it has posted while user space has all other pages.",
            ),
            ("posted_again", "R39", "What is returned is posted in place of what was placed in."),
            ("area_below_ring", "R39", "All of an area may be posted: then nothing can be copied."),
            ("ipv4_8_mib", "R44", "All of a stream arrives through what is posted, the rest held."),
            ("ipv6_8_mib", "R44", "The same over IPv6."),
            ("number_changed", "R39", "The number of descriptors changes while a stream runs."),
            (
                "ordinary_queue",
                "R39",
                "Descriptors and header split change under a stream that nobody registered for.",
            ),
            (
                "down_and_up",
                "R34",
                "What is posted comes back with the interface, and is posted again.",
            ),
            ("queue_given_back", "R33", "What is posted comes back when the queue is given back."),
            ("device_removed", "R32", "What is posted comes back when the device is removed."),
            ("device_removed_receiving", "R61", "So it does with data in flight."),
        )
    ),
    setup="link",
)

POSTED_FAULTS = Fixture(
    "posted_faults",
    tuple(
        Case(name, rule, tests, timeout_s=LONG_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (
            ("changing", "R39", "Each allocation of a change of descriptors fails in turn."),
            (
                "coming_up",
                "R34",
                "Each allocation of coming up with buffers to post fails in turn.",
            ),
            (
                "registering_posted",
                "R12",
                "Each allocation of a registration with buffers to post fails in turn.",
            ),
        )
    ),
    setup="link",
)
