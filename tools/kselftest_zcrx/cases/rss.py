# SPDX-License-Identifier: GPL-2.0
"""Connections that RSS spreads over queues, by the device's table or by those of contexts."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture

RSS = Fixture(
    "rss",
    tuple(
        Case(name, rule, tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, rule, tests in (
            (
                "context_of_one_queue",
                "R38",
                "What is steered to a context is placed by the queue in its table.",
            ),
            (
                "context_of_two_queues",
                "R38",
                "A context spreads connections over two queues with a ring each, and no others.",
            ),
            ("context_changed", "R38", "A context's table names the queue and another in turn."),
            ("context_deleted", "R38", "A context goes when no rule names it, and comes again."),
            ("contexts_come_and_go", "R38", "Another process does that as fast as it can."),
            ("context_keeps_queues", "R38", "A queue that a context names cannot be taken away."),
            (
                "main_table_changed",
                "R38",
                "What is not steered is placed and copied, as the device's own table says.",
            ),
            (
                "moved_between_rings",
                "R46",
                "What a table moves to the queue of another ring is copied from there.",
            ),
        )
    ),
    setup="link",
)
