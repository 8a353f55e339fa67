# SPDX-License-Identifier: GPL-2.0
"""The tables of cases, one module a subject, and the programs they are put into."""

from __future__ import annotations

from kselftest_zcrx.cases.area import AREA
from kselftest_zcrx.cases.layout import LAYOUT, LAYOUTS, NUMBERS
from kselftest_zcrx.cases.lifetime import LIFETIME
from kselftest_zcrx.cases.refill_ring import REFILL_RING
from kselftest_zcrx.cases.registration import REGISTRATION
from kselftest_zcrx.cases.request import REQUEST
from kselftest_zcrx.cases.stream import STREAM
from kselftest_zcrx.cases.teardown import TEARDOWN
from kselftest_zcrx.model import Program

PROGRAMS = (
    Program("zcrx_register", "registration of an interface queue", (LAYOUT, REGISTRATION, AREA)),
    Program("zcrx_refill", "the refill ring", (REFILL_RING,)),
    Program("zcrx_lifetime", "how long a registration lives", (LIFETIME,)),
    Program("zcrx_recv", "receiving", (REQUEST, STREAM), receives=True),
    Program("zcrx_teardown", "ends with data on its way", (TEARDOWN,), receives=True),
)

__all__ = ["LAYOUTS", "NUMBERS", "PROGRAMS"]
