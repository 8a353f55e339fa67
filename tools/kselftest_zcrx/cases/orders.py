# SPDX-License-Identifier: GPL-2.0
"""Orders in which ring, socket, process, device go, beyond those with a set-up of their own."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture

ORDERS = Fixture(
    "orders",
    tuple(
        Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (
            ("duplicate_of_ring", "R30", "A second descriptor of the ring keeps the registration."),
            ("ring_with_child", "R30", "A ring that a child process has stays registered."),
            ("maker_killed", "R30", "A ring stays registered when the process that made it dies."),
            ("program_replaced", "R30", "A process that starts another program loses its ring."),
            (
                "socket_with_another",
                "R60",
                "A socket outlasts the ring, and what is placed in it cannot be read.",
            ),
            (
                "socket_for_next_ring",
                "R46",
                "What was placed for a ring that is gone is lost, and ends the next one's request.",
            ),
            (
                "placed_for_another_ring",
                "R46",
                "What the device placed in the area of another ring is copied from there.",
            ),
            ("completions_unseen", "R60", "A ring is closed with completions that nobody took."),
            ("linked_requests", "R60", "A process exits with a chain of requests."),
            ("requests_by_the_dozen", "R60", "A process exits with many requests for a socket."),
            ("socket_device_ring", "R61", "First the socket goes, then the device, then the ring."),
            ("device_socket_ring", "R61", "First the device goes, then the socket, then the ring."),
            ("sender_gone", "R45", "The sender is killed: what it sent arrives, and then the end."),
        )
    ),
    setup="link",
)
