# SPDX-License-Identifier: GPL-2.0
"""What in the words of a failure tells it from another one, and what is an assertion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import Case, EventKind, KernelEvent, ProgramResult, Status
from kseries.verdict.samefailure import (
    TestState,
    assertions,
    identity,
    is_same,
    of_case,
    same_complaints,
)

F, C = Status.FAIL, Status.CRASH


def same(one: str, two: str, *, lines: bool = True) -> bool:
    """Whether two reasons are one failure; it is the same from both sides."""
    states = [TestState(F, (text,)) for text in (one, two)]
    answers = {is_same(*pair, lines=lines) for pair in (states, states[::-1])}
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        # addresses, of 9 to 16 digits
        ("at 0x123456789", "at 0xABCDEF012"),
        ("at 0xffff888004e804d0", "at 0xffff888004f104d0"),
        ("at 0X123456789: gone", "at 0x1234567890: gone"),
        # processes
        ("PID: 311 is gone", "pid 97 is gone"),
        ("pid=3", "pid := 4"),
        # files of the test's own
        ("/tmp/a.b-c_d/e is full", "/tmp/x/e is full"),
        # times
        *((f"after 5{unit}", f"after 1.75{unit}") for unit in ("s", " s", "ms", " us", " ns")),
        *((f"after 1 {unit}", f"after 20 {unit}") for unit in ("msec", "msecs", "sec", "secs")),
        *((f"after 1 {unit}", f"after 20 {unit}") for unit in ("second", "seconds")),
        # devices
        ("nsim3 is down", "nsim0 is down"),
        ("netdevsim12 is down", "netdevsim3 is down"),
        ("eni12 is down", "eni3 is down"),
        ("eni12np1 is down", "eni3np2 is down"),
        # white space
        ("two  words\n", "two words"),
    ],
)
def test_what_varies_from_run_to_run_does_not_count(one: str, two: str) -> None:
    assert same(one, two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        # numbers that are no addresses: too short, too long, a part of a word
        ("got 0x12345678", "got 0x12345679"),
        ("got 0x12345678901234567", "got 0x12345678901234568"),
        ("got id_0x123456789", "got id_0x123456780"),
        ("got 0x123456789_a", "got 0x123456780_a"),
        # no numbers of a process
        ("rapid 5", "rapid 6"),
        ("pid5", "pid6"),
        ("pid: gone", "pid gone"),
        # a folder is not a file in it
        ("/tmp/ is full", "/tmp/x is full"),
        # no times
        ("took 5 sockets", "took 6 sockets"),
        ("took v5 s", "took v6 s"),
        ("took (5s)", "took (s)"),
        ("took 1. s", "took 2. s"),
        ("took 5", "took 6"),
        # no devices
        ("my_eni3 is down", "my_eni4 is down"),
        ("eni is down", "eni3 is down"),
        ("eni3np is down", "eni3np1 is down"),
        # lines of the test's sources
        ("ring.c:112: no", "ring.c:113: no"),
        ("at line 5", "at line 6"),
    ],
)
def test_all_else_counts(one: str, two: str) -> None:
    assert same(one, one)
    assert not same(one, two)


@pytest.mark.parametrize(
    ("one", "two", "is_one"),
    [
        ("ring.c:112: no", "ring.c:9: no", True),
        ("ring.py:112: no", "ring.py:9: no", True),
        ("at line 5", "at line 66", True),
        ("ring.sh, line 5: no", "ring.sh, line 66: no", True),
        ("ring.c:112: no", "rung.c:112: no", False),
        ("ring.c: no", "ring.c:9 no", False),
        ("ring.py: no", "ring.py:9 no", False),
        ("in line x", "inx", False),
        ("port:112", "port:113", False),
    ],
)
def test_lines_of_changed_tests_do_not_count(one: str, two: str, *, is_one: bool) -> None:
    assert same(one, two, lines=False) is is_one


@pytest.mark.parametrize(
    "line",
    [
        "ring.c:112:wraps:Expected 1 (1) == ret (0)",
        "lib/py-x/ring.py:1:",
        "Exception| OSError",
        "Check failed 1 != 2",
        "EXPECTATION FAILED at lib/ring.c:7",
        "ring: ASSERTION FAILED at lib/ring.c:7",
        "Expected ret == 0",
        "FAIL: no answer",
        "fail",
        "ERROR: no answer",
        "not ok 3 ring",
    ],
)
def test_what_is_an_assertion(line: str) -> None:
    assert assertions(Case("a", F, "x", (f"# {line}",))) == (line,)


@pytest.mark.parametrize(
    "line",
    [
        ".c:112:wraps",
        "ring.c::wraps",
        "ring.config:112:wraps",
        "ring:112:wraps",
        "Exception in thread 3",
        "Unexpected answer",
        "Expected: nothing",
        "FAILURES are told below",
        "ERRORS",
        "it is not ok",
        "sent 4711 packets",
    ],
)
def test_what_is_none(line: str) -> None:
    assert assertions(Case("a", F, "x", (f"# {line}",))) == ()


@pytest.mark.parametrize("status", [Status.CRASH, Status.TIMEOUT])
def test_how_a_program_ended_is_a_reason_of_the_case_that_ran(status: Status) -> None:
    ended = ProgramResult("net", "ping", status, None, 1.0, (), ("it was ended in read",))
    ran = Case("a", status, "it was running then")
    assert of_case(ran, ended).reasons == ("it was ended in read", "it was running then")
    # Others had come to their end.
    assert of_case(Case("b", F, "x"), ended).reasons == ("x",)


def test_what_says_nothing_has_no_reason() -> None:
    assert TestState(F).why == ""
    assert not same("x", "")


def test_what_was_hidden_on_the_base_does_not_excuse_what_is_hidden_now() -> None:
    hidden = KernelEvent(EventKind.HIDDEN, "a part of the log was hidden", "", 3, (), "net/ping")
    assert same_complaints((hidden,), (hidden,)) == ()
    assert same_complaints((hidden,), (hidden, hidden)) == ()
    state = TestState(Status.ERROR)
    assert is_same(state, state, lines=True)
    assert not is_same(state, replace(state, hidden=True), lines=True)


def test_a_complaint_is_named_by_function_and_title_without_the_line() -> None:
    warning = KernelEvent(EventKind.WARN, "WARNING: at a.c:100 f", "a.c:100", 3, (), "net/ping")
    assert identity(warning) == ("WARN", "WARNING: at a.c f", "a.c")
    assert identity(replace(warning, title="at a.c: f")) == ("WARN", "at a.c: f", "a.c")
