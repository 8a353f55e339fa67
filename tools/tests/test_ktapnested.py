# SPDX-License-Identifier: GPL-2.0
"""Results that are nested without a header, subtests that are announced, odd numbers.

What `kseries parse` and a run make of them is the same: both read by `ktap.parse`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.model import Case, Status, TestProgram
from kseries.parse import ktap
from kseries.parse.casetree import walk
from kseries.parse.ktap import KtapResult
from kseries.parse.ktaplevel import EMPTY, NOTHING_PLANNED
from kseries.parse.outcome import Ended, judge
from kseries.verdict.savedlog import Kind
from tests.log_strategies import Node, read, told, verdict

DATA = Path(__file__).parent / "data" / "results"

P, F, S, M, ERROR = Status.PASS, Status.FAIL, Status.SKIP, Status.MISSING, Status.ERROR

INDENTATIONS = (
    "  ",
    "    ",
    "\t",
    "\t\t",
    "# ",
    "#\t",
    "# # ",
    "#   ",
    "# \t",
    "  # ",
    "\t# ",
    " \t",
)


def parse(text: str) -> KtapResult:
    return ktap.parse(text.split("\n"))


def tree(text: str) -> tuple[Node, ...]:
    return told(parse(text).cases)


def run_of(text: str, exit_status: int = 0) -> Status:
    """What a run makes of a program that printed this."""
    program = TestProgram("net", "a.sh", ("./a.sh",), "net", 45.0)
    return judge(program, parse(text), Ended(exit_status, 1.0)).status


def passes(text: str) -> bool:
    return verdict(read(text.encode())).exit_code == 0


# ---- a failure counts wherever it stands


@pytest.mark.parametrize("indent", INDENTATIONS)
@pytest.mark.parametrize(
    "line", ["not ok 1 x", "not ok 7 x", "not ok - x", "not ok x", "not ok", "not ok 1 x # exit=1"]
)
def test_no_indentation_hides_a_failure(indent: str, line: str) -> None:
    for text in (
        f"TAP version 13\n1..1\n{indent}{line}\nok 1 a\n",
        f"TAP version 13\n1..2\nok 1 a\n{indent}{line}\nok 2 b\n",
        f"TAP version 13\n1..1\nok 1 a\n{indent}{line}\n",
        f"1..1\n# selftests: net: a\n# 1..1\n# ok 1 x\n{indent}{line}\nok 1 selftests: net: a\n",
    ):
        assert not passes(text), text
        assert run_of(text) in (F, M), text
        assert F in {case.status for case in walk(parse(text).cases) if not case.children}


@pytest.mark.parametrize("indent", INDENTATIONS)
def test_nested_results_need_no_header(indent: str) -> None:
    lines = ["ok 1 a", "not ok 2 b", "ok 3 c # SKIP no card"]
    nested = "\n".join(f"{indent}{line}" for line in lines)
    expected = (Node("a", P), Node("b", F), Node("c", S))
    for word in ("ok", "not ok"):
        assert tree(f"1..1\n{nested}\n{word} 1 all") == (Node("all", F, expected),)
    assert tree(f"1..1\n{nested}\n{indent}1..3\nok 1 all") == (Node("all", F, expected),)


def test_results_nested_without_header_at_two_depths() -> None:
    inner = (Node("suite", P, (Node("x", P),)),)
    for text in (
        "    ok 1 x\n  ok 1 suite\nok 1 all",
        "  1..1\n    ok 1 x\n  ok 1 suite\nok 1 all",
    ):
        assert tree(f"1..1\n{text}") == (Node("all", P, inner),)
    mixed = "# \tok 1 x\n# ok 1 suite\nok 1 all"
    assert tree(f"1..1\n{mixed}") == (Node("all", P, inner),)


def test_one_blank_nests_nothing() -> None:
    text = " KTAP version 1\n 1..2\n   KTAP version 1\n   1..1\n   ok 1 x\n ok 1 a\n not ok 2 b\n"
    assert tree(text) == (Node("a", P, (Node("x", P),)), Node("b", F))


@pytest.mark.parametrize("line", ["# ok 3 packets came", "  ok then", "# ok, so far", "# okay 1"])
def test_words_of_a_program_open_no_level(line: str) -> None:
    assert tree(f"1..1\n{line}\nok 1 a") == (Node("a", P),)


def test_a_gap_below_a_pass_is_told() -> None:
    text = "TAP version 13\n1..1\n# ok 1 a\n# ok 3 c\nok 1 selftests: net: a\n"
    assert parse(text).problems == (
        "selftests: net: a: 1 results before the one numbered 3 are missing",
        "selftests: net: a: says ok, but test 2 below it is missing",
    )
    assert not passes(text)


def test_a_program_that_runs_others_counts_from_one_again() -> None:
    text = "1..1\n# ok 1 a\n# ok 2 b\n# ok 1 c\n# not ok 2 d\nnot ok 1 all"
    names = [case.name for case in parse(text).cases[0].children]
    assert (names, parse(text).problems) == (["a", "b", "c", "d"], ())


@pytest.mark.parametrize("indent", INDENTATIONS)
def test_bail_out_counts_wherever_it_stands(indent: str) -> None:
    for text in (
        f"TAP version 13\n1..1\n{indent}Bail out! no ring\nok 1 a\n",
        f"TAP version 13\n1..1\nok 1 a\n{indent}Bail out! no ring\n",
    ):
        assert "Bail out! no ring" in " ".join(parse(text).problems)
        assert not passes(text)
        assert run_of(text) is not P


def test_failures_that_only_totals_tell_of() -> None:
    totals = "# # Totals: pass:1 fail:{} xfail:0 xpass:0 skip:0 error:{}"
    for counts in ((1, 0), (0, 1)):
        assert not passes(f"TAP version 13\n1..1\n{totals.format(*counts)}\nok 1 a\n")
    assert passes(f"TAP version 13\n1..1\n{totals.format(0, 0)}\nok 1 a\n")


def test_a_failure_behind_text_counts_without_a_plan_too() -> None:
    text = "TAP version 13\n1..1\n# ok 1 a\n# at work...not ok 2 b\nok 1 all\n"
    assert tree(text) == (Node("all", F, (Node("a", P), Node("b", F))),)
    assert tree(text.replace("not ok 2", "not ok 9")) == (Node("all", P, (Node("a", P),)),)


# ---- subtests


KUNIT = "    KTAP version 1\n    # Subtest: {0}\n    1..2\n    ok 1 a\n    ok 2 b\n"


def test_nothing_below_a_subtest_is_no_pass() -> None:
    for text in (
        "TAP version 14\n1..1\n    # Subtest: alpha\nok 1 - alpha\n",
        "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: alpha\nok 1 alpha\n",
        "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: alpha\n    1..0\nok 1 alpha\n",
        "TAP version 14\n1..1\n  # Subtest: alpha\n  1..1\n    # Subtest: x\n"
        "  ok 1 x\nok 1 alpha\n",
    ):
        assert not passes(text), text
        assert run_of(text) is not P
    (case,) = parse("1..1\n    # Subtest: alpha\nok 1 - alpha").cases
    assert (case.status, case.reason) == (ERROR, EMPTY)


def test_a_subtest_that_is_skipped_needs_no_results() -> None:
    for text in ("    # Subtest: alpha\nok 1 - alpha # SKIP no card",):
        assert tree(f"1..1\n{text}") == (Node("alpha", S),)
    text = "1..1\n    # Subtest: alpha\n    1..0 # SKIP no card\nok 1 - alpha"
    assert tree(text) == (Node("alpha", S),)


def test_nothing_planned_is_a_skip() -> None:
    (case,) = parse("TAP version 13\n1..1\n# 1..0\nok 1 selftests: net: a").cases
    assert (case.status, case.reason) == (S, NOTHING_PLANNED)


@pytest.mark.parametrize(
    "begun",
    [
        "    # Subtest: beta\n",
        "    KTAP version 1\n    # Subtest: beta\n",
        "    KTAP version 1\n    # Subtest: beta\n    1..2\n",
        "    KTAP version 1\n    # Subtest: beta\n    1..2\n    ok 1 x\n",
        "    KTAP version 1\n    # Subtest: beta\n    ok 1 x\n",
        "\t# Subtest: beta\n\t1..2\n\tok 1 - x\n",
        "# Subtest: beta\n    1..2\n    ok 1 - x\n",
        "# Subtest: beta\n    ok 1 - x\n",
    ],
)
def test_a_suite_that_is_cut_off_has_the_name_of_its_header(begun: str) -> None:
    text = f"KTAP version 1\n1..3\n{KUNIT.format('alpha')}ok 1 alpha\n{begun}"
    result = parse(text)
    assert [(case.name, case.status) for case in result.cases] == [
        ("alpha", P), ("beta", M), ("test 3", M)
    ]  # fmt: skip
    assert not passes(text)


def test_the_recorded_log_of_a_suite_that_is_cut_off() -> None:
    log = read((DATA / "kunit-cut-off-suite-has-no-name.log").read_bytes())
    assert log.kind is Kind.KUNIT
    assert [(p.name, p.status) for p in log.programs][:2] == [("alpha", P), ("beta", M)]
    assert log.programs[1].problems == ("2 of 3 planned results are missing",)


def test_a_suite_whose_result_is_lost_keeps_its_cases() -> None:
    text = "KTAP version 1\n1..2\n" + KUNIT.format("alpha") + KUNIT.format("beta") + "ok 2 beta\n"
    cases = (Node("a", P), Node("b", P))
    assert tree(text) == (Node("alpha", M, cases), Node("beta", P, cases))
    old = text.replace("    KTAP version 1\n", "")
    assert tree(old) == tree(text)


def test_subtests_as_tap_14_has_them() -> None:
    text = (
        "TAP version 14\n1..2\n"
        "# Subtest: one\n    # Subtest: inner\n        ok 1 - x\n        1..1\n    ok 1 - inner\n"
        "    1..1\nok 1 - one\n"
        "# Subtest: two\n    1..1\n    ok 1 - y\nok 2 - two\n"
    )
    one = Node("one", P, (Node("inner", P, (Node("x", P),)),))
    assert tree(text) == (one, Node("two", P, (Node("y", P),)))
    assert parse(text).problems == ()
    assert passes(text)


def test_a_single_test_may_be_announced() -> None:
    """As the test runner of Node.js does."""
    text = (
        "TAP version 13\n# Subtest: one\nok 1 - one\n  ---\n  duration_ms: 1.5\n  ...\n"
        "# Subtest: two\n    # Subtest: a\n    ok 1 - a\n      ---\n      ...\n"
        "    # Subtest: b\n    ok 2 - b\n    1..2\nok 2 - two\n1..2\n# tests 3\n# fail 0\n"
    )
    assert tree(text) == (Node("one", P), Node("two", P, (Node("a", P), Node("b", P))))
    assert parse(text).problems == ()
    assert passes(text)


def test_old_kunit_has_tabs_and_tap_14() -> None:
    text = (
        "TAP version 14\n1..2\n\t# Subtest: alpha\n\t1..1\n\tok 1 - a\nok 1 - alpha\n"
        "\t# Subtest: beta\n\t1..1\n\t# b: EXPECTATION FAILED at lib/b.c:7\n\tExpected 1 == 2\n"
        "\tnot ok 1 - b\nnot ok 2 - beta\n"
    )
    log = read(text.encode())
    assert log.kind is Kind.KUNIT
    assert [(p.name, p.status) for p in log.programs] == [("alpha", P), ("beta", F)]
    (case,) = log.programs[1].cases
    assert case.reason == "b: EXPECTATION FAILED at lib/b.c:7: Expected 1 == 2"


def test_suites_of_kunit_without_a_plan_are_counted() -> None:
    text = "KTAP version 1\n\t# Subtest: alpha\n\tok 1 - a\n\tok 2 - b\nok 1 - alpha\n"
    (program,) = read(text.encode()).programs
    assert [case.name for case in program.cases] == ["a", "b"]


def test_the_end_of_a_line_can_be_lost_where_the_name_is_known() -> None:
    text = "KTAP version 1\n1..1\n" + KUNIT.format("alpha") + "ok 1 alpha"
    assert passes(text)
    assert not passes(text[:-1])
    assert not passes(text.replace("ok 1 a\n", "not ok 1 a\n"))
    skips = text.replace("ok 1 a\n", "ok 1 a # SKIP\n").replace("ok 2 b\n", "ok 2 b # SKIP\n")
    assert not passes(skips)
    assert not passes(text.replace("# Subtest: alpha\n", ""))


# ---- numbers, plans and directives


@pytest.mark.parametrize(
    "lines",
    [
        ["1..2", "ok 0 a", "ok 1 b"],
        ["1..1", "ok 0 a"],
        ["1..1", "ok 00 a"],
        ["1..1", "ok 18446744073709551617 a"],
        ["1..1", "ok 4294967297 a"],
        ["1..1", f"ok {'9' * 5000} a"],
        ["1..18446744073709551617", "ok 1 a"],
        [f"1..{'9' * 5000}", "ok 1 a"],
        ["1..5", "ok 1 a", "ok 2 b", "ok 3 c", "ok 5 e"],
        ["1..2", "ok 1 a", "ok 2 b", "ok 3 c"],
        ["1..2", "ok 1 a", "ok 1 b"],
    ],
)
def test_numbers_that_tell_of_something_lost(lines: list[str]) -> None:
    assert parse("\n".join(lines)).problems
    for indent in ("", *INDENTATIONS):
        nested = "".join(f"{indent}{line}\n" for line in lines)
        text = (
            f"TAP version 13\n1..1\n{nested}ok 1 all\n" if indent else f"TAP version 13\n{nested}"
        )
        assert not passes(text)
        assert run_of(text) is not P


def test_leading_zeros_are_none_of_the_number() -> None:
    assert parse(f"1..2\nok 01 a\nok {'0' * 30}2 b").problems == ()


@pytest.mark.parametrize("word", ["TODO", "todo", "Todo", "XFAIL", "xfail", "Xfail"])
def test_an_expected_failure_in_any_case(word: str) -> None:
    (case,) = parse(f"1..1\nnot ok 1 a # {word} known").cases
    assert (case.status, case.reason) == (Status.XFAIL, "known")


def test_results_without_numbers_below_a_plan() -> None:
    assert tree("1..1\n# 1..2\n# ok a\n# not ok b\nnot ok 1 all") == (
        Node("all", F, (Node("a", P), Node("b", F))),
    )


def test_results_nested_without_plan_as_recorded() -> None:
    log = read((DATA / "nested-results-without-plan.log").read_bytes())
    (program,) = log.programs
    assert (program.suite, program.name, program.status) == ("cgroup", "alpha", F)
    assert [(case.name, case.status) for case in program.cases] == [
        ("alpha_simple", P), ("alpha_tree", P), ("alpha_bomb", F), ("alpha_rmdir", P)
    ]  # fmt: skip


def test_a_program_without_results_below_is_judged_by_its_own() -> None:
    assert parse("1..1\n# TAP version 13\n# working\nok 1 a").cases == (
        Case("a", P, "", ("# working",)),
    )


def test_of_a_level_that_is_left_words_behind_others_prove_nothing() -> None:
    """The result that the nested one belongs to never came, so it did not say ok."""
    lines = ["    1..1", "        text ok 1 a"]
    for behind in ([], ["1..1"]):
        said = ktap.parse([*lines, *behind])
        assert "1 results stand behind other text, and nothing else confirms them" in said.problems


def test_what_was_skipped_below_is_no_pass_two_levels_above() -> None:
    said = ktap.parse(["        1..0 # SKIP no card", "    TAP version 13", "ok 1 a"])
    assert [(case.status, case.reason) for case in said.cases] == [(S, "no card")]


def test_the_old_runners_first_results_may_be_lost() -> None:
    said = ktap.parse(["ok 1..3 selftests: net: a [PASS]", "ok 1..4 selftests: net: b [PASS]"])
    assert [case.status for case in said.cases] == [M, M, P, P]
