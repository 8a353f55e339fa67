# SPDX-License-Identifier: GPL-2.0
"""What user space returns, and what becomes of it: entries of each kind, and orders."""

from __future__ import annotations

from kselftest_zcrx.model import QUEUE_LEVEL, SLOW_S, Case, Fixture, Need

# User space holds every buffer: an entry that is passed over leaves none to receive into, one
# that is taken leaves exactly the buffer that it names.
_PASSED_OVER = (
    ("wrong_area", "the area after this one"),
    ("wrong_area_top_bit", "the highest bit of the token"),
    ("first_behind_area", "the first byte behind the area"),
    ("last_of_offsets", "the last byte that an area could have"),
    ("all_ones", "an offset of all ones"),
)
_TAKEN = (
    ("len_0", "no length"),
    ("len_all_ones", "a length of all ones"),
    ("pad_set", "something in the padding"),
    ("inside_of_buffer", "an offset inside of the buffer"),
    ("end_of_buffer", "the last offset of the buffer"),
)

RETURNING = Fixture(
    "returning",
    (
        *(
            Case(
                f"passed_over_{name}",
                "R50",
                f"An entry that makes no sense frees nothing: {tells}.",
                since=QUEUE_LEVEL,
                scripted=True,
            )
            for name, tells in _PASSED_OVER
        ),
        *(
            Case(
                f"taken_with_{name}",
                "R50",
                f"The offset alone names a buffer: an entry with {tells}.",
                since=QUEUE_LEVEL,
                scripted=True,
            )
            for name, tells in _TAKEN
        ),
        *(
            Case(name, rule, tests, since=QUEUE_LEVEL, scripted=True)
            for name, rule, tests in (
                ("twice_at_once", "R50", "Two entries for one piece free one buffer."),
                ("head_overwritten", "R50", "The kernel knows its end of the ring by itself."),
                ("ring_filled_up", "R50", "As many entries as the ring has are all taken."),
                ("ring_of_one_entry", "R50", "A refill ring of one entry does its work."),
                ("one_at_a_time", "R50", "A buffer that is returned is the next to be filled."),
            )
        ),
        Case(
            "to_another_ring",
            "R50",
            "An entry is about the area of its own ring, whatever another one has handed out.",
            needs=(Need.TWO_QUEUES,),
            since=QUEUE_LEVEL,
            scripted=True,
        ),
    ),
    setup="request",
)

RETURNING_STREAM = Fixture(
    "returning_stream",
    tuple(
        Case(name, "R50", tests, timeout_s=SLOW_S, since=QUEUE_LEVEL, scripted=True)
        for name, tests in (
            ("never_given", "A buffer that user space does not hold cannot be returned."),
            ("held_stays", "What is held stays as it is while the others are filled again."),
            ("in_reverse", "Pieces are returned in the reverse of the order they came in."),
            ("all_at_once", "The whole area is returned with one step of the tail."),
            ("ring_wraps", "A ring smaller than the area is gone through many times."),
        )
    ),
    setup="link",
)
