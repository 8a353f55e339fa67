# SPDX-License-Identifier: GPL-2.0
"""The tables of cases, one module a subject, and the programs they are put into."""

from __future__ import annotations

from kselftest_zcrx.cases.area import AREA
from kselftest_zcrx.cases.copy import COPY
from kselftest_zcrx.cases.fault import COPY_FAULTS, REGISTRATION_FAULTS, STREAM_FAULTS
from kselftest_zcrx.cases.hostile import REGISTRATIONS, REQUESTS
from kselftest_zcrx.cases.layout import LAYOUT, LAYOUTS, NUMBERS
from kselftest_zcrx.cases.lifetime import LIFETIME
from kselftest_zcrx.cases.mainline import with_absences
from kselftest_zcrx.cases.memory import MEMORY
from kselftest_zcrx.cases.neighbours import NEIGHBOURS
from kselftest_zcrx.cases.nodev import NODEV, NODEV_REQUEST
from kselftest_zcrx.cases.orders import ORDERS
from kselftest_zcrx.cases.posted import POSTED, POSTED_FAULTS
from kselftest_zcrx.cases.refill_ring import REFILL_RING
from kselftest_zcrx.cases.registration import REGISTRATION
from kselftest_zcrx.cases.request import REQUEST
from kselftest_zcrx.cases.requests import REQUESTS_BESIDE, REQUESTS_PLACED
from kselftest_zcrx.cases.returning import RETURNING, RETURNING_STREAM
from kselftest_zcrx.cases.rss import RSS
from kselftest_zcrx.cases.stream import LONG_STREAM, STREAM
from kselftest_zcrx.cases.teardown import TEARDOWN
from kselftest_zcrx.model import LONG_S, SLOW, SLOW_S, Program

TEARDOWN_PROGRAM = Program(
    "zcrx_teardown",
    "ends with data on its way",
    (TEARDOWN,),
    receives=True,
    numbers=(("ROUNDS", 4), ("REUSES", 4), (SLOW, SLOW_S)),
)
HOSTILE_PROGRAM = Program(
    "zcrx_hostile",
    "user space that tries anything",
    (REGISTRATIONS, REQUESTS),
    receives=True,
    numbers=(("TRIES", 400), (SLOW, SLOW_S)),
)

PROGRAMS = with_absences(
    (
        Program(
            "zcrx_register", "registration of an interface queue", (LAYOUT, REGISTRATION, AREA)
        ),
        Program("zcrx_refill", "the refill ring", (REFILL_RING,)),
        Program("zcrx_lifetime", "how long a registration lives", (LIFETIME,)),
        Program("zcrx_recv", "receiving", (REQUEST, STREAM), receives=True),
        Program("zcrx_copy", "copies, and which buffers are free", (COPY,), receives=True),
        Program("zcrx_memory", "memory to receive into", (MEMORY,), receives=True),
        Program("zcrx_return", "returning buffers", (RETURNING, RETURNING_STREAM), receives=True),
        Program(
            "zcrx_requests",
            "the request among others",
            (REQUESTS_BESIDE, REQUESTS_PLACED),
            receives=True,
        ),
        Program("zcrx_neighbours", "other users of the interface", (NEIGHBOURS,), receives=True),
        Program("zcrx_rss", "receiving what RSS spreads", (RSS,), receives=True),
        Program("zcrx_orders", "who goes first", (ORDERS,), receives=True),
        Program("zcrx_posted", "buffers that a device has posted", (POSTED,), receives=True),
        Program("zcrx_nodev", "receiving without a device", (NODEV_REQUEST, NODEV), receives=True),
        TEARDOWN_PROGRAM,
        HOSTILE_PROGRAM,
        Program(
            "zcrx_recv_long",
            "receiving a lot",
            (LONG_STREAM,),
            receives=True,
            templates="zcrx_recv",
            extended=True,
        ),
        TEARDOWN_PROGRAM.for_long(LONG_S, ROUNDS=200, REUSES=1000),
        HOSTILE_PROGRAM.for_long(LONG_S, TRIES=50_000),
        Program(
            "zcrx_faults",
            "memory that runs out",
            (REGISTRATION_FAULTS, COPY_FAULTS, STREAM_FAULTS, POSTED_FAULTS),
            receives=True,
        ),
    )
)

__all__ = ["LAYOUTS", "NUMBERS", "PROGRAMS"]
