# SPDX-License-Identifier: GPL-2.0
"""Which line says why a case failed: each word that decides, and what is nearly one."""

from __future__ import annotations

import pytest

from kseries.model import Case, Status
from kseries.parse.ktapreason import (
    MAX_EXPECTED,
    MAX_MARK,
    MAX_TOLD,
    failure_reason,
    skip_reason,
    telling,
)


def chosen(*lines: str) -> str:
    return failure_reason([(line, True) for line in lines], [])


def table(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


PROGRESS = table("""
RUN a.b
 RUN           a.b ...
OK  a.b
FAIL  a.b
Starting 3 tests from 1 test cases.
PASSED: 12 / 12
FAILED: 1 / 13 tests passed.
timeout set to 45
overriding timeout to 300
selftests: net: a.sh
Subtest: a
module: a
test.case_1: a
Check| a.check()
---- ====
==== a
KTAP version 1
TAP version 13
""")
NO_PROGRESS = table("""
RUNa
RUN a b
OK a.b c
Starting  tests from
Starting 3 tests
PASSED:  / 3
PASSED: 3 / x
FAILED: 3 / all
timeout of 45
test.: a
Check a
=== a
TAP version x
a TAP version 13
a RUN a.b
""")


@pytest.mark.parametrize("line", [*PROGRESS, "", "\t"])
def test_what_goes_on(line: str) -> None:
    assert telling([(line, True)]) == []


@pytest.mark.parametrize("line", [*NO_PROGRESS, "RUN  "])
def test_what_only_looks_like_it(line: str) -> None:
    assert telling([(line, True)]) == [line]


def test_only_diagnostics_tell() -> None:
    assert telling([("# a", True), ("b", False), (" #\tc ", True)]) == ["a", "c "]


NO_NEWS = table("""
pass: 1
a.sh: pass: 1
Test failed: 3
Tests failed 3
Total passed: 2
skip:1
xfail: 2
error: 0
errors 2
total - 5
fails: 1
failure: 1
failures: 2
FAILURES 2
1 failed
1 test passed
a: 22 tests skipped
Summary: bad
ok so far
PASS a
PASSED, all
a: ok
a.Ok
a:  pass
a: passed
a: Passed.
a OK
a PASS
a PASSED!
a SKIP
a SUCCESS
a success
a Success!
a succeeded
a Succeeded.
a successful
a Successfully
a: initializing
a: exiting
a: a passed
a: a failed
""")
MARKS = ["ok", "pass", "passed", "skip", "skipped", "xfail", "OK", "PASS", "PASSED", "SKIP"]
MARKS += ["SKIPPED", "XFAIL", "INFO"]
NEWS = table("""
: pass 1
pass1
xpass: 1
a:  failed
1 failedx
passes: 1
Summary bad
okay
PASSING a
a: okay
a, ok
aOK
a: a
a OK b
a unsuccessful
a successfulx
a: b failed
a: exiting now
see a: exiting
: exiting
a [no]
a [ok] b
""")


@pytest.mark.parametrize("line", [*NO_NEWS, *(f"a [{mark}]" for mark in MARKS), "a [  ok  ]"])
def test_what_is_no_failure(line: str) -> None:
    assert chosen(line) == ""
    assert chosen(line, "the reason") == "the reason"


@pytest.mark.parametrize("line", NEWS)
def test_what_may_be_one(line: str) -> None:
    assert chosen(line) == line


def test_a_mark_is_looked_for_at_the_end() -> None:
    mark = f"[{'ok':>{MAX_MARK - 2}}]"
    assert chosen(f"a {mark}") == ""
    assert chosen(f"a {mark[:1]} {mark[1:]}") == f"a {mark[:1]} {mark[1:]}"
    assert MAX_MARK == 40


CALLED = table("""
FAIL: a
FAILED
FAILURE a
ERROR: a
not ok a
Bail out! a
a.sh: FAIL a
a.sh:FAIL a
a [FAIL] b
a [ FAILED ] b
a [ERROR] b
a [fail ] b
a [failed] b
a [not ok] b
a:FAIL
a.FAILED
a FAIL
a: ERROR
""")
NOT_CALLED = table("""
FAILx a
FAIL_1
a FAIL b
a (FAIL) b
a [failing] b
aFAIL
ERRORS
a FAILS
a FAIL: ok
: FAIL a
""")


@pytest.mark.parametrize("line", CALLED)
def test_what_a_program_calls_a_failure(line: str) -> None:
    assert chosen("an error", line) == line


@pytest.mark.parametrize("line", NOT_CALLED)
def test_what_it_does_not_call_so(line: str) -> None:
    assert chosen("an error", line) == "an error"


BAD = (
    "error fail failed fails failure assert assertion_x timed+out cannot unable unexpected "
    "unexpectedly mismatch denied refused fault killed no+such"
).replace("+", "\0")


@pytest.mark.parametrize("word", [word.replace("\0", " ") for word in BAD.split()])
def test_a_word_for_something_bad(word: str) -> None:
    for line in (f"it says {word} here", f"it says {word.upper()} here"):
        assert chosen("some words", line) == line
    assert chosen("some words", f"it says x{word} here") == "some words"


@pytest.mark.parametrize("word", ["errors", "failing", "unablex", "faulty", "mismatches"])
def test_a_word_that_only_begins_so(word: str) -> None:
    assert chosen("some words", f"it says {word} here") == "some words"


@pytest.mark.parametrize(
    "line",
    [
        "net/a-b_c.d.c:12:foo",
        "a.py:1:",
        "Check failed a",
        "Expected 1",
        "EXPECTATION FAILED at a.c:1",
        "a: ASSERTION FAILED at a.c:1",
    ],
)
def test_an_assertion(line: str) -> None:
    assert chosen("FAIL: a", line) == line


@pytest.mark.parametrize(
    "line",
    [
        "a:12:foo",
        "a.longs:1:",
        "a.c:x:",
        "a.c::",
        ".c:1:",
        "a.c:1 b",
        ":a.c:1:",
        "Check a",
        "Expecting 1",
        "so a: ASSERTION FAILED at a.c:1",
        ": ASSERTION FAILED at a.c:1",
        "a: ASSERTION FAILED in a.c:1",
    ],
)
def test_what_is_no_assertion(line: str) -> None:
    assert chosen("FAIL: a", line) == "FAIL: a"


def test_of_an_exception_the_last_line_counts() -> None:
    lines = ("Exception| Traceback", "Exception|   File", "Exception| ValueError: a", "FAIL: b")
    assert chosen(*lines) == "ValueError: a"
    assert chosen("Exception|a") == "a"
    assert chosen("an Exception| a", "FAIL: b") == "FAIL: b"
    assert chosen("a", "Exception|") == "a"


def test_only_the_beginning_of_a_line_is_told() -> None:
    for line in ("x" * 2000, f"FAIL: {'x' * 2000}", f"a.c:1:{'x' * 2000}"):
        assert chosen(line) == line[:MAX_TOLD]
    assert MAX_TOLD == 1000


def kunit(*below: str) -> str:
    place = "    # a: EXPECTATION FAILED at a.c:12"
    return failure_reason([(place, True), *((line, False) for line in below)], [])


def test_what_was_expected() -> None:
    told = "a: EXPECTATION FAILED at a.c:12"
    head = "    Expected a == b, but"
    values = [f"        {name} == {name}" for name in "abcdef"]
    assert kunit() == told
    assert kunit(head) == f"{told}: Expected a == b, but"
    assert kunit(head, values[0], values[1]) == f"{told}: Expected a == b, but a == a, b == b"
    shown = ", ".join(line.strip() for line in values[: MAX_EXPECTED - 1])
    assert kunit(head, *values) == f"{told}: Expected a == b, but {shown}"
    assert MAX_EXPECTED == 4
    assert kunit(head, "    not deeper", values[0]) == f"{told}: Expected a == b, but"
    assert kunit("", head) == told
    said = [("a: EXPECTATION FAILED at a.c:12  ", True), (head, True)]
    assert failure_reason(said, []) == told


def test_below_a_failure_stands_why() -> None:
    assert chosen("FAIL: a", "   it did not") == "FAIL: a: it did not"
    assert chosen("FAIL: a", "it did not") == "FAIL: a"
    assert chosen("FAIL: a  ", "   it did not  ") == "FAIL: a: it did not"
    assert chosen("a.c:1: b  ") == "a.c:1: b"
    assert chosen("an error", "FAIL: a", "   it did not", "   for that") == "FAIL: a: it did not"
    for line in ("   FAIL: b", "   ok then", "   ", "    # # "):
        assert chosen("FAIL: a", line) == "FAIL: a"


def test_the_first_bad_child_is_named() -> None:
    children = (
        Case("a", Status.PASS),
        Case("b", Status.FAIL, "it is so"),
        Case("c", Status.TIMEOUT),
    )
    assert failure_reason([("FAIL: x", True)], children) == "b: it is so"
    assert failure_reason([], children[2:]) == "c: timeout"


def test_diagnostics_go_before_noise() -> None:
    noise, told = ("it failed", False), ("# some words", True)
    assert failure_reason([noise, told], []) == "some words"
    assert failure_reason([noise], []) == "it failed"
    assert failure_reason([("FAIL: a", False), ("some words", True)], []) == "FAIL: a"
    assert failure_reason([("FAIL: b", False), ("FAIL: a", True)], []) == "FAIL: a"
    assert failure_reason([("a.c:1: b", False), ("FAIL: a", True)], []) == "a.c:1: b"
    assert failure_reason([("a.c:1: b", False), ("b.c:1: b", True)], []) == "b.c:1: b"


def test_who_gives_up_says_why_last() -> None:
    assert skip_reason([("# a", True), ("# no card", True), ("# RUN a.b", True)]) == "no card"
    assert skip_reason([(" a ", False), ("# RUN a.b", True)]) == "a"
    assert skip_reason([("a", False), ("b", False)]) == "b"
    assert skip_reason([]) == ""
