# SPDX-License-Identifier: GPL-2.0
"""The user interface as bytes: what a program built from other headers relies on."""

from __future__ import annotations

from kselftest_zcrx.model import Case, Fixture, Layout

LAYOUTS = (
    Layout("io_uring_zcrx_rqe", 16, (("off", 0), ("len", 8))),
    Layout(
        "io_uring_zcrx_offsets",
        32,
        (("head", 0), ("tail", 4), ("rqes", 8), ("mmap_sz", 12), ("resv", 16)),
    ),
    Layout(
        "io_uring_zcrx_ifq_reg",
        80,
        (
            ("if_idx", 0),
            ("if_rxq", 4),
            ("rq_entries", 8),
            ("flags", 12),
            ("area_ptr", 16),
            ("offsets", 24),
            ("resv", 56),
        ),
    ),
)

NUMBERS = (
    ("IORING_REGISTER_ZCRX_IFQ", "32"),
    ("IORING_OFF_RQ_RING", "0x20000000ULL"),
)

LAYOUT = Fixture(
    "layout",
    (
        Case(
            "request_as_bytes",
            "R1",
            "A request put together from bytes is taken, and the answer is where it belongs.",
            scripted=True,
        ),
        Case(
            "request_ends_at_page_end",
            "R1",
            "The kernel neither reads nor writes beyond the 80 bytes of the request.",
            scripted=True,
        ),
        Case(
            "request_unaligned",
            "R1",
            "A request may lie at any address.",
            scripted=True,
        ),
    ),
)
