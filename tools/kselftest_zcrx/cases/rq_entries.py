# SPDX-License-Identifier: GPL-2.0
"""The number of entries of the refill ring: both sides of each limit, rounding, clamping."""

from __future__ import annotations

from kselftest_zcrx.model import RING_FLAGS, Case, Spoil

CLAMP = (*RING_FLAGS, "IORING_SETUP_CLAMP")

ENTRIES = (
    Case(
        "rq_entries_0",
        "R7",
        "A refill ring without entries is refused.",
        Spoil("rq_entries", "0"),
        error="EINVAL",
    ),
    Case(
        "rq_entries_1",
        "R7",
        "The smallest refill ring has one entry.",
        Spoil("rq_entries", "1"),
        then=(("rq_entries", "1U"),),
    ),
    Case(
        "rq_entries_3",
        "R8",
        "The number of entries is rounded up to a power of two and written back.",
        Spoil("rq_entries", "3"),
        then=(("rq_entries", "4U"),),
    ),
    Case(
        "rq_entries_4",
        "R8",
        "A power of two stays as it is.",
        Spoil("rq_entries", "4"),
        then=(("rq_entries", "4U"),),
    ),
    Case(
        "rq_entries_5",
        "R8",
        "One above a power of two becomes the next one.",
        Spoil("rq_entries", "5"),
        then=(("rq_entries", "8U"),),
    ),
    Case(
        "rq_entries_below_limit",
        "R8",
        "One below the limit is rounded up to the limit.",
        Spoil("rq_entries", "RQ_ENTRIES_MAX - 1"),
        then=(("rq_entries", "RQ_ENTRIES_MAX"),),
    ),
    Case(
        "rq_entries_limit",
        "R7",
        "The limit itself is taken.",
        Spoil("rq_entries", "RQ_ENTRIES_MAX"),
        then=(("rq_entries", "RQ_ENTRIES_MAX"),),
    ),
    Case(
        "rq_entries_above_limit",
        "R7",
        "One above the limit is refused.",
        Spoil("rq_entries", "RQ_ENTRIES_MAX + 1"),
        error="EINVAL",
    ),
    Case(
        "rq_entries_all_ones",
        "R7",
        "The largest number of all, which rounding up would turn into 0, is refused.",
        Spoil("rq_entries", "UINT_MAX"),
        error="EINVAL",
    ),
    Case(
        "clamp_0",
        "R7",
        "IORING_SETUP_CLAMP does not make 0 entries valid.",
        Spoil("rq_entries", "0"),
        ring=CLAMP,
        error="EINVAL",
    ),
    Case(
        "iopoll_above_limit",
        "R7",
        "IORING_SETUP_IOPOLL, the flag next to nothing here, is no IORING_SETUP_CLAMP.",
        Spoil("rq_entries", "RQ_ENTRIES_MAX + 1"),
        ring=(*RING_FLAGS, "IORING_SETUP_IOPOLL"),
        error="EINVAL",
    ),
    Case(
        "clamp_limit",
        "R7",
        "IORING_SETUP_CLAMP leaves the limit as it is.",
        Spoil("rq_entries", "RQ_ENTRIES_MAX"),
        ring=CLAMP,
        then=(("rq_entries", "RQ_ENTRIES_MAX"),),
    ),
    Case(
        "clamp_above_limit",
        "R7",
        "IORING_SETUP_CLAMP brings one above the limit down to it.",
        Spoil("rq_entries", "RQ_ENTRIES_MAX + 1"),
        ring=CLAMP,
        then=(("rq_entries", "RQ_ENTRIES_MAX"),),
    ),
    Case(
        "clamp_all_ones",
        "R7",
        "IORING_SETUP_CLAMP brings the largest number of all down to the limit.",
        Spoil("rq_entries", "UINT_MAX"),
        ring=CLAMP,
        then=(("rq_entries", "RQ_ENTRIES_MAX"),),
    ),
)
