# SPDX-License-Identifier: GPL-2.0
"""What liburing's runner says, word by word, and what is nearly the same."""

from __future__ import annotations

import pytest

from kseries.model import ProgramResult, Status
from kseries.parse import liburing
from kseries.parse.ktaplevel import MAX_DIAGNOSTICS
from kseries.parse.ktapline import MAX_LINE
from kseries.parse.liburing import Runner

P, S, F, T, M = Status.PASS, Status.SKIP, Status.FAIL, Status.TIMEOUT, Status.MISSING
NOT_ENDED = "the log ends before the runner does"
ENDED = "All tests passed"


def run(*lines: str) -> tuple[list[ProgramResult], tuple[str, ...]]:
    """Give the tests, and what is wrong with the log."""
    runner = Runner()
    for line in lines:
        runner.feed(line)
    programs = runner.end()
    problems = tuple(problem for program in programs for problem in program.problems)
    return [program for program in programs if program.status is not Status.ERROR], problems


def brief(*lines: str) -> list[tuple[str, Status]]:
    return [(program.name, program.status) for program in run(*lines)[0]]


def began(name: str, rest: str = "") -> str:
    return f"Running test {name:<42}{rest}"


@pytest.mark.parametrize("name", ["a.t", "a-b.t", "a.t /dev/nvme0n1p3", f"{'a' * 60}.t"])
@pytest.mark.parametrize("behind", ["", "  3 sec", " " * 40 + "3 sec"])
def test_a_test_begins(name: str, behind: str) -> None:
    ((found, status),) = brief(f"Running test {name}{behind}", *["3 sec"] * (not behind))
    assert (found, status) == (name, P)


def test_a_long_name_has_one_blank_behind_it_or_none() -> None:
    name = f"{'a' * 50}.t"
    for blank in ("", " "):
        for said, status in (("3 sec", P), ("Skipped", S), ("Test skipped", S)):
            assert brief(f"Running test {name}{blank}{said}") == [(name, status)]


@pytest.mark.parametrize("line", ["Running test a.t: x", "Running test a.c  ", "Running a.t  "])
def test_none_begins(line: str) -> None:
    assert brief(line, "3 sec") == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("3 sec", P),
        ("3 sec [12]", P),
        ("Skipped", S),
        ("Test skipped", S),
        ("Test a.t failed with ret 1", F),
        ("Test a.t failed dmesg check", F),
        ("Test a.t expected fail status 1 but returned 0", F),
        ("Test a.t timed out (may not be a failure)", T),
        ("3 secs", M),
        ("3 sec []", M),
        ("sec", M),
        ("Skipped it", M),
        ("Test a.t failed with ret 1 or so", M),
        ("Test a.t timed out", M),
        ("10 %\r3 sec\r", P),
    ],
)
def test_a_verdict(said: str, status: Status) -> None:
    assert brief(began("a.t"), said) == [("a.t", status)]


@pytest.mark.parametrize("name", ["a.t", "a.t /dev/sda"])
def test_a_failure_names_the_program(name: str) -> None:
    assert brief(began(name), "Test a.t failed with ret 1") == [(name, F)]


def test_why_it_was_skipped() -> None:
    for lines in (
        ("b", "no ring  Skipped"),
        ("b", "no ring", "Skipped"),
        ("no ring", "Skipped", "b"),
    ):
        ((program,), _) = run(began("a.t"), *lines, ENDED)
        assert program.cases[0].reason == "no ring"
    ((program,), _) = run(began("a.t"), "Skipped", ENDED)
    assert program.cases[0].reason == "no reason given"


def test_what_is_shown_of_a_test() -> None:
    for verdict in ([], ["Test a.t failed with ret 1"]):
        ((program,), _) = run(began("a.t"), "b", "c", *verdict)
        assert program.cases[0].diagnostics == program.tail == ("b", "c", *verdict)
    ((program,), _) = run(began("a.t"), "b", "3 sec", ENDED)
    assert program.cases[0].diagnostics == program.tail == ()


def test_two_tests_in_a_line() -> None:
    (first, second), _ = run(began("a.t", "no ring Skipped") + began("b.t", "4 sec"), ENDED)
    assert (first.name, first.status, first.cases[0].reason) == ("a.t", S, "no ring")
    assert (second.name, second.status, second.seconds) == ("b.t", P, 4)


@pytest.mark.parametrize(
    "line",
    ["Found dmesg file a.t.dmesg", "Test run complete, kernel: 6.18", ENDED,
     "Tests failed (1): <b.t>", "Tests timed out (12): <b.t>"],
)  # fmt: skip
def test_the_runner_goes_on_behind_last_words(line: str) -> None:
    assert brief(began("a.t", "last words 3 sec"), line)[0] == ("a.t", P)


@pytest.mark.parametrize(
    "line",
    ["Found no file", f"{ENDED}, nearly", f"so {ENDED}", "Tests failed (): <b.t>", "", "x"],
)
def test_it_does_not(line: str) -> None:
    assert brief(began("a.t", "last words 3 sec"), line) == [("a.t", M)]


def test_what_a_test_says_is_not_the_runners() -> None:
    assert brief(began("a.t"), ENDED, "3 sec") == [("a.t", P)]


@pytest.mark.parametrize("line", [ENDED, "Tests failed (1): <a.t>"])
def test_the_end(line: str) -> None:
    failed = (
        [began("a.t"), "Test a.t failed with ret 1"] if "<" in line else [began("a.t", "1 sec")]
    )
    for behind in ([], ["Found dmesg file a.t.dmesg"]):
        assert run(*failed, line, *behind)[1] == ()


@pytest.mark.parametrize(
    "line",
    ["Test run complete, kernel: All tests passed", "Tests failed (1): <>",
     "Tests failed (1): <a.t> x", "Tests timed out (1): <a.t>", ""],
)  # fmt: skip
def test_no_end(line: str) -> None:
    assert NOT_ENDED in run(began("a.t"), "Test a.t timed out (may not be a failure)", line)[1]
    assert NOT_ENDED in run(line)[1]


def test_the_list_in_the_end() -> None:
    programs, problems = run(began("a.t", "1 sec"), "Tests failed (2): <b.t> <c.t>")
    assert [(p.name, p.status) for p in programs] == [("a.t", P), ("b.t", F), ("c.t", F)]
    assert problems == ()
    programs, problems = run("Tests timed out (1): <b.t>", "Tests failed (1): <c.t>")
    assert [(p.name, p.status) for p in programs] == [("b.t", T), ("c.t", F)]
    assert problems == ()
    for line in (
        "see Tests failed (1): <b.t>",
        "Tests failed (1): <b.t> x",
        "Tests failed (1): <>",
    ):
        assert brief(began("a.t", "1 sec"), line) == [("a.t", P)]
    assert run("Tests failed (3): <b.t> <c.t>")[1] == ("3 tests failed, but 2 are named",)
    assert run(began("a.t"), "Test a.t failed with ret 1", ENDED)[1] == (
        "the runner does not name a.t in the end",
    )


@pytest.mark.parametrize("line", ["a   3 sec", "a b   3 sec [1]", "a    Skipped"])
def test_a_result_without_its_test(line: str) -> None:
    assert run(line, ENDED)[1][0] == f"a result without its test: {line}"
    assert run(began("a.t"), line, "3 sec", ENDED) == run(began("a.t"), "x", "3 sec", ENDED)


@pytest.mark.parametrize(
    "line", ["a  3 sec", "a    sec", "a   3 sec []", "a   3 sec b", "a   Skipped b", "   3 sec"]
)
def test_no_result_at_all(line: str) -> None:
    assert run(line, ENDED)[1] == ("no result: the log holds no verdict of a test",)


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liburing, "MAX_CASES", 3)
    monkeypatch.setattr(liburing, "MAX_SPARE", 2)
    monkeypatch.setattr(liburing, "MAX_PROBLEMS", 2)
    tests = [line for at in range(7) for line in (began(f"{at}.t"), "1 sec" if at < 5 else "")]
    programs, problems = run(*tests, ENDED)
    assert [(p.name, p.status) for p in programs] == [
        *[(f"{at}.t", P) for at in range(3)],
        *[(f"{at}.t", M) for at in (5, 6)],
    ]
    assert problems == ("more than 3 results; the rest was left out", NOT_ENDED)
    strays = [f"{at}   3 sec" for at in range(4)]
    assert run(*strays, strays[0], ENDED)[1] == tuple(
        f"a result without its test: {stray}" for stray in strays[:2]
    )


def test_what_is_kept_of_long_lines_and_of_many() -> None:
    (problem, *_) = run(f"{'x' * MAX_LINE}   3 sec", ENDED)[1]
    assert problem == f"a result without its test: {'x' * (MAX_LINE - 8)}   3 sec"
    lines = [f"line {number}" for number in range(2 * MAX_DIAGNOSTICS)]
    bad = "Test a.t failed with ret 1"
    ((program,), _) = run(began("a.t"), *lines, bad)
    half = MAX_DIAGNOSTICS // 2
    kept = (*lines[:half], *lines[half - MAX_DIAGNOSTICS + 1 :], bad)
    assert program.cases[0].diagnostics == kept
    ((program,), _) = run(began("a.t"), *lines[: MAX_DIAGNOSTICS - 1], bad)
    assert program.cases[0].diagnostics == (*lines[: MAX_DIAGNOSTICS - 1], bad)
