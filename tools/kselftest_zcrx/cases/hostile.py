# SPDX-License-Identifier: GPL-2.0
"""User space that tries anything: what comes of it is an error that is documented."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture

REGISTRATIONS = Fixture(
    "any_registration",
    (
        Case(
            "random_registrations",
            "R12",
            "Registrations with random values: what is refused leaves nothing behind.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
)

REQUESTS = Fixture(
    "any_request",
    (
        Case(
            "random_requests",
            "R41",
            "Requests with random values: each ends, and a valid one still receives.",
            timeout_s=SLOW_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
    setup="request",
)
