# SPDX-License-Identifier: GPL-2.0
"""Known failures of a suite: expected, with the reason, and told when they pass."""

from __future__ import annotations

import pytest

from kseries.model import ProgramResult, Status, TestProgram
from kseries.parse import expected
from kseries.parse.casetree import leaves
from kseries.parse.ktap import parse
from kseries.parse.outcome import Ended, judge
from kseries.suite import KnownFailure

OUTPUT = """\
TAP version 13
1..3
ok 1 good
not ok 2 odd
not ok 3 bad
"""


def judged(
    output: str, status: int | None, *known: tuple[str, str], ktap: bool | None = True
) -> ProgramResult:
    listed = tuple(KnownFailure(test, why) for test, why in known)
    program = TestProgram("s", "p.sh", ("./p.sh",), "f", 10.0, ktap=ktap, known=listed)
    return judge(program, parse(output.splitlines()), Ended(status, 1.0))


def statuses(result: ProgramResult) -> list[Status]:
    return [case.status for case in leaves(result.cases)]


def test_a_known_failure_is_expected() -> None:
    result = judged(OUTPUT, 1, ("p.sh: odd", "no such card"), ("p.sh: b*", "slow"))
    assert statuses(result) == [Status.PASS, Status.XFAIL, Status.XFAIL]
    assert result.cases[1].reason.startswith("no such card")
    assert (result.status, result.problems) == (Status.PASS, ())


def test_what_is_not_listed_still_fails() -> None:
    result = judged(OUTPUT, 1, ("p.sh: odd", "no such card"))
    assert statuses(result) == [Status.PASS, Status.XFAIL, Status.FAIL]
    assert result.status is Status.FAIL


@pytest.mark.parametrize("name", ["other.sh: odd", "p.sh: od", "odd", "p.sh: good: odd"])
def test_a_pattern_names_program_and_case(name: str) -> None:
    assert judged(OUTPUT, 1, (name, "x")).status is Status.FAIL


def test_a_program_as_a_whole() -> None:
    result = judged("nothing to see\n", 1, ("p.sh", "no such card"), ktap=False)
    assert (statuses(result), result.status) == ([Status.XFAIL], Status.XFAIL)


def test_a_program_that_does_not_end_is_no_known_failure() -> None:
    assert judged(OUTPUT, None, ("p.sh", "x")).status is Status.TIMEOUT


def test_an_exit_status_that_no_failure_explains() -> None:
    good = "TAP version 13\n1..1\nok 1 good\n"
    assert judged(good, 1, ("p.sh: odd", "x")).status is Status.ERROR


def test_a_known_failure_that_passes_is_told() -> None:
    good = "TAP version 13\n1..1\nok 1 odd\n"
    result = judged(good, 0, ("p.sh: odd", "no such card"))
    assert result.status is Status.PASS
    assert expected.passing([result]) == [
        "s/p.sh: odd passes, though it is listed as a known failure: no such card"
    ]
    assert expected.passing([judged(good, 0)]) == []


def test_nested_cases() -> None:
    nested = (
        "TAP version 13\n1..1\n    # Subtest: outer\n    1..1\n    not ok 1 inner\nnot ok 1 outer\n"
    )
    result = judged(nested, 1, ("p.sh: outer.inner", "x"))
    assert (statuses(result), result.status) == ([Status.XFAIL], Status.XFAIL)
    assert judged(nested, 1, ("p.sh: outer.other", "x")).status is Status.FAIL


@pytest.mark.parametrize(
    ("output", "status", "wanted"),
    [
        ("TEST: a [ OK ]\n", 0, Status.PASS),
        ("TEST: a [FAIL]\n", 1, Status.FAIL),
        ("cannot\n", 4, Status.SKIP),
        (OUTPUT, 1, Status.FAIL),
        ("TAP version 13\n1..2\nok 1 a\n", 0, Status.MISSING),
        ("TAP version 13\n1..2\n", 0, Status.ERROR),
        ("TAP version 13\n", 0, Status.ERROR),
    ],
)
def test_results_count_where_a_program_prints_any(output: str, status: int, wanted: Status) -> None:
    assert judged(output, status, ktap=None).status is wanted
