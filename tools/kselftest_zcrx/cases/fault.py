# SPDX-License-Identifier: GPL-2.0
"""Memory that runs out: each allocation is made to fail in turn."""

from __future__ import annotations

from kselftest_zcrx.model import LONG_S, QUEUE_LEVEL, Case, Fixture

REGISTRATION_FAULTS = Fixture(
    "registration_faults",
    (
        Case(
            "registering",
            "R12",
            "Each allocation of a registration fails in turn.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
)

COPY_FAULTS = Fixture(
    "copy_faults",
    (
        Case(
            "copying",
            "R47",
            "Each allocation of a request that copies fails in turn, and no byte is lost.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
    setup="request",
)

STREAM_FAULTS = Fixture(
    "stream_faults",
    (
        Case(
            "receiving",
            "R44",
            "Each allocation of a request fails in turn while a stream arrives.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
        Case(
            "many_at_random",
            "R48",
            "Allocations that cannot wait fail at random while a stream arrives.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
    setup="link",
)
