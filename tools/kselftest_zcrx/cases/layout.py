# SPDX-License-Identifier: GPL-2.0
"""The user interface as bytes: what a program built from other headers relies on."""

from __future__ import annotations

from kselftest_zcrx.model import AREA_LEVEL, MAINLINE, V7, Case, Fixture, Layout, Number

LAYOUTS = (
    Layout("io_uring_zcrx_rqe", 16, (("off", 0), ("len", 8))),
    Layout(
        "io_uring_zcrx_offsets",
        32,
        (("head", 0), ("tail", 4), ("rqes", 8), ("mmap_sz", 12), ("resv", 16)),
        dialects=(V7,),
    ),
    Layout(
        "io_uring_zcrx_offsets",
        32,
        (("head", 0), ("tail", 4), ("rqes", 8)),
        dialects=(MAINLINE,),
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
        dialects=(V7,),
    ),
    Layout(
        "io_uring_zcrx_ifq_reg",
        96,
        (
            ("if_idx", 0),
            ("if_rxq", 4),
            ("rq_entries", 8),
            ("flags", 12),
            ("area_ptr", 16),
            ("region_ptr", 24),
            ("offsets", 32),
            ("zcrx_id", 64),
            ("rx_buf_len", 68),
        ),
        dialects=(MAINLINE,),
    ),
    Layout(
        "zcrx_ctrl",
        72,
        (("zcrx_id", 0), ("op", 4), ("zc_flush", 24), ("zc_export", 24)),
        dialects=(MAINLINE,),
    ),
    Layout(
        "io_uring_zcrx_area_reg",
        48,
        (
            ("addr", 0),
            ("len", 8),
            ("rq_area_token", 16),
            ("flags", 24),
            ("resv1", 28),
            ("resv2", 32),
        ),
        since=AREA_LEVEL,
        dialects=(V7,),
    ),
    Layout(
        "io_uring_zcrx_area_reg",
        48,
        (("addr", 0), ("len", 8), ("rq_area_token", 16), ("flags", 24), ("dmabuf_fd", 28)),
        dialects=(MAINLINE,),
    ),
    Layout("io_uring_zcrx_cqe", 16, (("off", 0), ("pad", 8)), since=12, dialects=(V7,)),
    Layout("io_uring_zcrx_cqe", 16, (("off", 0), ("__pad", 8)), dialects=(MAINLINE,)),
    Layout("io_uring_sqe", 64, (("zcrx_ifq_idx", 44),), since=12),
)

NUMBERS = (
    Number("IORING_REGISTER_ZCRX_IFQ", "32"),
    Number("IORING_OFF_RQ_RING", "0x20000000ULL", dialects=(V7,)),
    Number("IORING_REGISTER_ZCRX_CTRL", "36", dialects=(MAINLINE,)),
    Number("ZCRX_REG_NODEV", "2", dialects=(MAINLINE,)),
    Number("IORING_ZCRX_AREA_SHIFT", "48", since=AREA_LEVEL),
    Number("IORING_OP_RECV_ZC", "58", since=12),
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
            "The kernel neither reads nor writes beyond the end of the request.",
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
