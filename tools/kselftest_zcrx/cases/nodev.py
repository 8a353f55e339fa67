# SPDX-License-Identifier: GPL-2.0
"""Receiving without a device, which mainline can: whatever arrives is copied."""

from __future__ import annotations

from dataclasses import replace

from kselftest_zcrx.cases.request import REQUEST
from kselftest_zcrx.model import MAINLINE, SLOW_S, Case, Fixture

NODEV_REQUEST = replace(
    REQUEST,
    name="nodev_request",
    cases=tuple(replace(case, dialects=(MAINLINE,)) for case in REQUEST.cases),
    setup="nodev",
)

_SIZES = (
    ("1_byte", "a single byte"),
    ("4097_bytes", "one byte more than a page"),
    ("1_mib", "more than the area"),
    ("16_mib", "many times the area"),
)

NODEV = Fixture(
    "nodev",
    (
        *(
            Case(
                f"copies_{name}",
                "R70",
                f"What comes over the loopback device is copied: {tells}.",
                timeout_s=SLOW_S,
                scripted=True,
                dialects=(MAINLINE,),
            )
            for name, tells in _SIZES
        ),
        *(
            Case(name, rule, tests, scripted=True, dialects=(MAINLINE,))
            for name, rule, tests in (
                ("two_without_device", "R71", "A ring can have two that have no device."),
                ("unflushed_stays", "R77", "What is returned is free once it has been flushed."),
                ("flush_garbage", "R77", "Garbage in the refill ring is passed over by a flush."),
                ("control_nr_args", "R77", "The control call takes no number of arguments."),
                ("control_unknown_id", "R77", "The control call names an interface queue."),
                ("control_unknown_op", "R77", "The control call names an operation."),
                ("control_reserved", "R77", "Reserved words of the control call are 0."),
                ("flush_reserved", "R77", "Reserved words of a flush are 0."),
                ("shared", "R73", "Two rings receive into one area, one after the other closed."),
                ("import_bad_fd", "R73", "What is imported is an exported interface queue."),
                ("export_reserved", "R73", "Reserved words of an export are 0."),
            )
        ),
    ),
    setup="nodev",
)
