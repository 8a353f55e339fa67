# SPDX-License-Identifier: GPL-2.0
"""Complaints of the kernel that tests make on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import EventKind, KernelEvent, TestProgram
from kseries.test import onpurpose

LINES = ("BUG: KASAN: use-after-free in test_uaf", "Call Trace:", " kasan_test+0x1/0x2")
EVENT = KernelEvent(EventKind.KASAN, LINES[0], "test_uaf", 7, LINES, "kunit/kasan: uaf")
KASAN = TestProgram("kunit", "kasan", (), "", 20.0, provokes=("in no_such", "kasan_test+"))
OTHER = TestProgram("kunit", "other", (), "", 20.0)


@pytest.mark.parametrize(
    ("event", "is_meant"),
    [
        (EVENT, True),
        (replace(EVENT, during="kunit/kasan"), True),
        # What another test makes, or nobody, is a finding; so is what nobody said to be meant.
        (replace(EVENT, during="kunit/other: uaf"), False),
        (replace(EVENT, during="boot"), False),
        (replace(EVENT, lines=LINES[:2]), False),
    ],
)
def test_what_is_meant(event: KernelEvent, *, is_meant: bool) -> None:
    for programs in ((KASAN, OTHER), (OTHER, KASAN)):
        assert onpurpose.unmeant([event], programs) == (() if is_meant else (event,))


def test_they_are_counted_by_program() -> None:
    more = replace(KASAN, name="more")
    events = [
        EVENT,
        replace(EVENT, during="kunit/more"),
        replace(EVENT, during="kunit/other"),
        replace(EVENT, line=9),
    ]
    assert list(onpurpose.notes(events, [KASAN, OTHER, more])) == [
        "complaints of the kernel that kunit/kasan makes on purpose: 2",
        "complaints of the kernel that kunit/more makes on purpose: 1",
    ]
    assert onpurpose.unmeant(events, [KASAN, OTHER, more]) == (events[2],)
