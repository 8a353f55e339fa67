# SPDX-License-Identifier: GPL-2.0
"""Each kind of complaint of each architecture, behind each kind of stamp."""

from __future__ import annotations

import random

import pytest

from kseries.model import EventKind, KernelEvent, Verdict
from kseries.parse import klog
from kseries.verdict import findings
from tests.klogcases import KlogCase, complaints, healthy
from tests.log_strategies import joined, read, verdict
from tests.stampkinds import KERNEL, RELAYS

CASES = complaints()
STAMPS = {**KERNEL, **{f"{name}, bare": form for name, form in RELAYS.items()}, "none": "{}"}

KTAP = ["KTAP version 1", "1..2", "# selftests: net: a.sh", "ok 1 selftests: net: a.sh"]
END = ["# selftests: net: b.sh", "ok 2 selftests: net: b.sh"]


def told(events: tuple[KernelEvent, ...]) -> list[tuple[str, str]]:
    """Give kind and function of each; a panic that follows another complaint is its end."""
    all_ = [(event.kind.value, event.where) for event in events]
    return [each for each in all_ if each[0] != EventKind.PANIC] or all_


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kind_and_function(case: KlogCase) -> None:
    events = klog.events([(0.0, KERNEL["printk"].format(line)) for line in case.lines])
    assert told(events) == [(case.kind, case.where)]
    assert findings.together(events)[1][0].where == case.where


@pytest.mark.parametrize(("number", "stamp"), [*enumerate(STAMPS)])
def test_the_same_behind_each_kind_of_stamp(number: int, stamp: str) -> None:
    for case in CASES[number % 4 :: 4]:
        log = read(joined(STAMPS[stamp].format(line) for line in case.lines))
        assert told(log.events) == [(case.kind, case.where)], case.name
        assert verdict(log).verdict is Verdict.FAIL


@pytest.mark.parametrize("stamp", STAMPS)
def test_the_same_among_results_of_tests(stamp: str) -> None:
    outer = STAMPS[stamp] if stamp.endswith(", bare") else "{}"  # a relay stamps all lines
    for case in CASES[::5]:
        lines = [STAMPS[stamp].format(line) for line in case.lines]
        log = read(joined([*map(outer.format, KTAP), *lines, *map(outer.format, END)]))
        assert told(log.events) == [(case.kind, case.where)], case.name
        assert verdict(log).verdict is Verdict.FAIL


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_healthy_kernel_has_no_finding(stamp: str) -> None:
    log = read(joined(STAMPS[stamp].format(line) for line in healthy()))
    assert told(log.events) == []
    assert klog.events([(0.0, STAMPS[stamp].format(line)) for line in healthy()]) == ()


@pytest.mark.parametrize("stamp", ["none", "CI, bare"])
def test_programs_that_speak_of_faults_have_no_finding(stamp: str) -> None:
    """Where no line has a stamp of the kernel's, a program's words are not taken for it."""
    prose = [
        "BUG: the test itself is wrong",
        "WARNING: no such device",
        "# BUG: KASAN: x in y",
        "error: BUG: unable to handle it",
        "foo: page allocation failure: it is tested",
        "  # kernel BUG at a.c:1!",
        "panic: no",
        "Oops, one more try",
        "INFO: done",
    ]
    log = read(joined(STAMPS[stamp].format(line) for line in [*KTAP, *prose, *END]))
    assert told(log.events) == []
    assert verdict(log).verdict is Verdict.PASS


@pytest.mark.parametrize("seed", range(20))
def test_complaints_of_two_callers_are_told_apart(seed: int) -> None:
    """Whatever the order in which their lines come, with a third caller's lines between."""
    chance = random.Random(seed)
    first, second = chance.sample(
        [case for case in CASES if case.kind not in ("RCU stall", "panic")], 2
    )
    streams = [
        [f"[    1.000000][ T{pid}] {line}" for line in lines]
        for pid, lines in ((101, first.lines), (2, second.lines), (33, healthy()[:30]))
    ]
    order = [turn for turn, stream in enumerate(streams) for _ in stream]
    chance.shuffle(order)
    mixed = [streams[turn].pop(0) for turn in order]
    seen = told(klog.events([(0.0, line) for line in mixed]))
    assert sorted(seen) == sorted([(case.kind, case.where) for case in (first, second)])
