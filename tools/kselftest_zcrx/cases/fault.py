# SPDX-License-Identifier: GPL-2.0
"""Memory that runs out: each allocation is made to fail in turn."""

from __future__ import annotations

from kselftest_zcrx.model import LONG_S, QUEUE_LEVEL, Case, Fixture, Mainline

_ONCE = "the queue is restarted once, whatever comes of it"
_UNTRIED = "not tried on Linux 7.3 yet"

REGISTRATION_FAULTS = Fixture(
    "registration_faults",
    tuple(
        Case(
            name,
            rule,
            tests,
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent=absent),
        )
        for name, rule, tests, absent in (
            ("registering", "R12", "Each allocation of a registration fails in turn.", ""),
            (
                "registering_huge_page",
                "R18",
                "Memory of huge pages is charged, or refused, whichever allocation fails.",
                _UNTRIED,
            ),
            (
                "closing",
                "R33",
                "A ring that closes gives its queue back though memory is short for a moment.",
                _ONCE,
            ),
            (
                "closing_in_vain",
                "R33",
                "Where memory stays short the area stays pinned until the queue is set up anew.",
                _ONCE,
            ),
        )
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
            "binding",
            "R15",
            "Each allocation of a restart for a dma-buf fails in turn, and the queue stays free.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent=_UNTRIED),
        ),
        Case(
            "closing_in_vain_waiting",
            "R33",
            "It is pinned no longer than until then, though what was placed waits in a socket.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent=_ONCE),
        ),
        Case(
            "restarting",
            "R33",
            "Each allocation of a restart fails in turn, and the queue keeps what it had.",
            timeout_s=LONG_S,
            since=QUEUE_LEVEL,
            scripted=True,
            mainline=Mainline(absent="what the pool has is not free to copy to"),
        ),
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
