# SPDX-License-Identifier: GPL-2.0
"""How many cases ended how."""

from __future__ import annotations

from kseries.model import Case, ProgramResult, Status
from kseries.verdict.tally import SuiteTally, Tally, by_suite, count

BAD = (Status.FAIL, Status.ERROR, Status.TIMEOUT, Status.CRASH, Status.MISSING)


def program(suite: str, *statuses: Status, seconds: float = 1.5) -> ProgramResult:
    cases = tuple(Case(str(number), status) for number, status in enumerate(statuses))
    status = Status.PASS if all(one.good for one in statuses) else Status.FAIL
    return ProgramResult(suite, "ping", status, 1, seconds, cases)


def test_expected_failures_pass_and_no_result_fails() -> None:
    counted = count([program("net", Status.PASS, Status.XFAIL, Status.SKIP, *BAD)])
    assert counted == Tally(passed=2, skipped=1, failed=5)
    assert counted.total == 8
    assert count([]) == Tally(0, 0, 0)


def test_a_case_with_others_below_it_is_those() -> None:
    below = (Case("a", Status.PASS), Case("b", Status.SKIP))
    nested = ProgramResult(
        "net", "x", Status.PASS, 0, 1.0, (Case("c", Status.PASS, children=below),)
    )
    assert count([nested, program("net", Status.PASS)]) == Tally(2, 1, 0)


def test_suites_come_in_the_order_of_their_programs() -> None:
    one, two = program("net", Status.PASS), program("io", Status.FAIL, seconds=2.0)
    assert by_suite([one, two, program("net", Status.SKIP)]) == (
        SuiteTally("net", 2, Tally(1, 1, 0), 3.0),
        SuiteTally("io", 1, Tally(0, 0, 1), 2.0),
    )


def test_a_program_that_is_bad_though_its_cases_are_not_counts_as_one() -> None:
    bad = ProgramResult("net", "x", Status.CRASH, None, 1.0, (Case("a", Status.PASS),))
    assert count([bad]) == Tally(1, 0, 1)
    failed = ProgramResult("net", "x", Status.CRASH, None, 1.0, (Case("a", Status.FAIL),))
    assert count([failed]) == Tally(0, 0, 1)


def test_a_program_without_cases_counts_itself() -> None:
    for status, told in ((Status.PASS, Tally(1, 0, 0)), (Status.SKIP, Tally(0, 1, 0))):
        assert count([ProgramResult("net", "x", status, 0, 1.0)]) == told
