# SPDX-License-Identifier: GPL-2.0
"""The refill ring: where its parts are, how it is mapped, and when it is not."""

from __future__ import annotations

from kselftest_zcrx.model import Case, Fixture, Mainline

REFILL_RING = Fixture(
    "refill_ring",
    (
        Case(
            "offsets_smallest",
            "R20",
            "Head, tail and entries of the smallest ring lie apart and inside of it.",
            scripted=True,
        ),
        Case(
            "offsets_largest",
            "R20",
            "Head, tail and entries of the largest ring lie apart and inside of it.",
            scripted=True,
        ),
        Case(
            "offsets_reserved",
            "R20",
            "The reserved words of the answer are 0.",
            scripted=True,
            mainline=Mainline(absent="the offsets' reserved words are left alone"),
        ),
        Case(
            "starts_as_zero",
            "R23",
            "A new ring is empty and shows nothing of what the memory held before.",
            scripted=True,
        ),
        Case(
            "map_read_write",
            "R21",
            "The whole ring can be written, and keeps what was written.",
            scripted=True,
        ),
        Case(
            "map_read_only",
            "R21",
            "The ring can be mapped for reading only.",
            scripted=True,
        ),
        Case(
            "map_twice",
            "R21",
            "Two mappings of a ring show the same memory.",
            scripted=True,
        ),
        Case(
            "map_before_registration",
            "R22",
            "Without a registration there is nothing to map.",
            scripted=True,
        ),
        Case(
            "map_after_refusal",
            "R22",
            "A refused registration leaves nothing to map.",
            scripted=True,
        ),
        Case(
            "map_after_failed_answer",
            "R22",
            "A registration whose answer could not be written leaves nothing to map.",
            scripted=True,
        ),
        Case(
            "map_other_ring",
            "R22",
            "The registration of one ring gives another ring nothing to map.",
            scripted=True,
        ),
        Case(
            "map_beyond_end",
            "R22",
            "No memory beyond the ring can be reached through a longer mapping.",
            scripted=True,
        ),
        Case(
            "garbage_is_harmless",
            "R24",
            "A ring full of garbage does no harm when it is closed.",
            scripted=True,
        ),
    ),
)
