# SPDX-License-Identifier: GPL-2.0
"""Why a case failed, in the words of the libraries and scripts that kernel tests are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.parse import ktap
from kseries.parse.ktapreason import failure_reason
from tests.log_strategies import read

DATA = Path(__file__).parent / "data" / "results"


def reason(*lines: str) -> str:
    """As it is in a log, behind the runner's prefix and without it."""
    own = [*lines, "not ok 1 a # exit=1"]
    (alone,) = ktap.parse(["TAP version 13", "1..1", *own]).cases
    nested = [f"# {line}" for line in lines]
    (below,) = ktap.parse(
        ["TAP version 13", "1..1", *nested, "not ok 1 selftests: net: a # exit=1"]
    ).cases
    assert below.reason == alone.reason
    return alone.reason


GOOD = (
    "TEST: ping out                                       [ OK ]",
    "TEST: ping out [PASS]",
    "01 no listener: syn [ ok ]",
    "INFO: this works [OK]",
    "ok, so far",
    "PASS: a.sh",
    "opens the ring... ok",
    "open: OK",
    "reads twice: PASS",
    "Test 1 PASSED",
    "copied the file: Success",
    "everything succeeded.",
    "#12 lru_map:OK",
)
SUMS = (
    "Tests passed:   2",
    "Tests failed:   1",
    "Failed: 1",
    "PASS: 3",
    "# Totals: pass:1 fail:2",
    "1 failed",
    "FAILED: 1 / 3 tests passed.",
    "PASSED: 3 / 3 tests passed.",
    "ping in                       [pass]",
    "10 tests passed",
    "Total failures: 1",
    "Summary: 1 bad",
)
CHATTER = (
    "=" * 40,
    "-------------",
    "timeout set to 45",
    "selftests: net: a.sh",
    "#  RUN           a.b ...",
    "test.speed: slow",
    "module: crc",
    "b: initializing",
    "b: b failed",
    "b: b passed",
    "b: exiting",
)


@pytest.mark.parametrize("line", [*GOOD, *SUMS, *CHATTER])
def test_a_line_that_tells_of_no_failure_is_no_reason(line: str) -> None:
    assert reason(line, "the link is down") == "the link is down"
    assert reason("the link is down", line) == "the link is down"
    assert reason(line) == "exit=1"


@pytest.mark.parametrize(
    "line",
    [
        "TEST: ping in, device bind                           [FAIL]",
        "01 no listener: syn [FAIL] got 0 expected 1",
        "FAIL: no route to host",
        "FAIL",
        "ERROR: cannot open",
        "a.sh: FAIL: no route",
        "test_lru:FAIL:check errno unexpected: actual 2 != expected 0",
        "12/3 lru_map/read:FAIL",
        " 8) read 1024 bytes   : FAIL".strip(),
        "test.c:12:b:Expected 1 (1) == ret (-22)",
        "tools/a.c:7: no ring",
        "Check failed 1 != 2 queues differ",
        "Expected 1, but got 2",
        "not ok, the link is down",
    ],
)
def test_what_a_program_calls_a_failure_goes_before_all_else(line: str) -> None:
    assert reason("setting up", "connect: refused", line, "cleaning up") == line


@pytest.mark.parametrize(
    "line",
    [
        "connect: Connection refused",
        "open: No such file or directory",
        "a.sh: line 3: 77 Segmentation fault",
        "timed out after 5 s",
        "cannot open the ring",
        "the ring: unable to map it",
        "unexpected reply",
        "assertion `a == b'",
    ],
)
def test_bad_news_go_before_other_words(line: str) -> None:
    assert reason("setting up", line, "cleaning up") == line
    assert reason("setting up", "cleaning up") == "setting up"


def test_an_assertion_goes_before_a_mark() -> None:
    # An extension alone is no file.
    assert reason("TEST: x [FAIL]", ".txt:12: b") == "TEST: x [FAIL]"
    assert reason("TEST: x [FAIL]", "test.c:12:b:Expected 1 (1) == 2 (2)") == (
        "test.c:12:b:Expected 1 (1) == 2 (2)"
    )


def test_the_line_below_a_mark_says_why() -> None:
    failed = "TEST: ping local [FAIL]"
    assert reason("TEST: ping [ OK ]", failed, "\tno reply from 10.0.0.1") == (
        f"{failed}: no reply from 10.0.0.1"
    )
    assert reason(failed, "    no reply") == f"{failed}: no reply"
    assert reason(failed, "TEST: next [ OK ]") == failed
    assert reason(failed, "\tTEST: next [FAIL]") == failed


def test_of_python_the_last_line_is_told() -> None:
    lines = ["Exception| Traceback (most recent call last):", "Exception| KeyError: 'tx'"]
    assert reason("Check| At a.py, line 3", "Check failed 1 != 2", *lines) == "KeyError: 'tx'"
    assert reason("Check| At a.py, line 3", "Check failed 1 != 2") == "Check failed 1 != 2"


KUNIT = [
    ("    # b: initializing", True),
    ("    # b: EXPECTATION FAILED at lib/b.c:30", True),
    ("    Expected 1 + 1 == 3, but", False),
    ("        1 + 1 == 2 (0x2)", False),
    ("        3 == 3 (0x3)", False),
    ("eth0: renamed from eth1", False),
    ("    # b: EXPECTATION FAILED at lib/b.c:31", True),
]


def test_of_kunit_the_first_assertion_is_told_with_what_was_expected() -> None:
    assert failure_reason(KUNIT, ()) == (
        "b: EXPECTATION FAILED at lib/b.c:30: "
        "Expected 1 + 1 == 3, but 1 + 1 == 2 (0x2), 3 == 3 (0x3)"
    )
    assert failure_reason(KUNIT[-1:], ()) == "b: EXPECTATION FAILED at lib/b.c:31"
    message = [KUNIT[1], ("no queue at all", False), ("eth0: up", False)]
    assert failure_reason(message, ()) == ("b: EXPECTATION FAILED at lib/b.c:30: no queue at all")


def test_what_the_runner_says_stands_where_nothing_else_tells() -> None:
    for line, why in (("# exit=139", "exit=139"), ("# TIMEOUT 45 seconds", "45 seconds")):
        (case,) = ktap.parse(["1..1", "# TEST: a [ OK ]", f"not ok 1 a {line}"]).cases
        assert case.reason == why
    (case,) = ktap.parse(["1..1", "# link is down", "not ok 1 a # time=120ms"]).cases
    assert case.reason == "link is down"


def test_the_recorded_log_of_a_shell_test() -> None:
    (program,) = read((DATA / "failed-reason-is-an-ok-line.log").read_bytes()).programs
    assert program.cases[0].reason.startswith("TEST: ping in, device bind ")
