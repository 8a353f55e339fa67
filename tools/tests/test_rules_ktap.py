# SPDX-License-Identifier: GPL-2.0
"""Rules of a KTAP log as a whole: plans, totals, levels, bounds, and why a case failed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kseries.model import Case, Status
from kseries.parse import ktap, ktapline, ktapreason
from kseries.parse.ktap import RULER, KtapResult
from kseries.parse.ktaplevel import COUNTED, UNSEEN, Budget, given_up
from kseries.parse.ktaptoken import Plan

P, F, S, X, M = Status.PASS, Status.FAIL, Status.SKIP, Status.XFAIL, Status.MISSING
TIMEOUT, ERROR = Status.TIMEOUT, Status.ERROR


def parse(*lines: str, max_cases: int = 10_000) -> KtapResult:
    return ktap.parse(lines, max_cases=max_cases)


def brief(cases: Sequence[Case]) -> list[tuple[str, Status]]:
    return [(case.name, case.status) for case in cases]


# ---- totals


TOTALS = "# Totals: pass:{} fail:{} xfail:{} xpass:{} skip:{} error:{}"


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        (["ok 1 a", "not ok 2 b"], (1, 1, 0, 0, 0, 0)),
        (["ok 1 a # SKIP x", "ok 2 b # XFAIL y"], (0, 0, 1, 0, 1, 0)),
        # An expected failure that passes is a pass; an error is a failure.
        (["ok 1 a # XPASS x", "ok 2 b"], (1, 0, 0, 1, 0, 0)),
        (["ok 1 a # XPASS x", "ok 2 b"], (0, 0, 0, 2, 0, 0)),
        (["not ok 1 a", "not ok 2 b"], (0, 1, 0, 0, 0, 1)),
        (["not ok 1 a # TIMEOUT", "not ok 2 b # ERROR"], (0, 2, 0, 0, 0, 0)),
    ],
)
def test_totals_that_agree_stand_for_a_plan(lines: list[str], counts: tuple[int, ...]) -> None:
    told = parse("TAP version 13", *lines, TOTALS.format(*counts))
    assert (told.problems, told.unplanned) == ((), False)
    assert parse("TAP version 13", *lines).unplanned


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((2, 0, 0, 0, 0, 0), "pass:2 fail:0 xfail:0 skip:0"),
        ((0, 0, 0, 1, 0, 1), "pass:1 fail:1 xfail:0 skip:0"),
        ((1, 0, 1, 0, 0, 0), "pass:1 fail:0 xfail:1 skip:0"),
        ((1, 0, 0, 0, 0, "0 other:2"), "pass:1 fail:0 xfail:0 skip:0 other:2"),
    ],
)
def test_totals_that_do_not_agree_are_told(counts: tuple[object, ...], said: str) -> None:
    told = parse("1..1", "ok 1 a", TOTALS.format(*counts))
    assert told.problems == (
        f"the Totals line says {said}, the results are pass:1 fail:0 xfail:0 skip:0",
    )


def test_what_only_totals_tell_of_is_counted_as_skipped() -> None:
    told = parse("1..3", "ok 2 b", "# Totals: pass:1 skip:2")
    assert told.problems == ()
    assert told.cases == (Case("test 1", S, COUNTED), Case("b", P), Case("test 3", S, COUNTED))


@pytest.mark.parametrize("totals", ["pass:1 skip:1", "pass:2 skip:1", "pass:1 skip:3"])
def test_totals_that_do_not_say_all_of_the_plan_stand_for_nothing(totals: str) -> None:
    told = parse("1..3", "ok 2 b", f"# Totals: {totals}")
    assert [case.status for case in told.cases] == [M, P, M]
    assert "2 of 3 planned results are missing" in told.problems


def test_totals_of_more_than_was_planned_are_no_skips() -> None:
    told = parse("1..1", "ok 1 a", "ok 2 b", "# Totals: pass:2 skip:0")
    assert told.problems == ("2 results, but 1 were planned",)


# ---- plans and numbers


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["1..2", "ok 1 a", "ok 2 b", "ok 3 c"], "3 results, but 2 were planned"),
        (["1..2", "ok 1 a", "ok 3 c"], "a result number 3, but 2 were planned"),
        (["1..3", "ok 1 a", "ok 2 b"], "1 of 3 planned results are missing"),
        (["1..2", "ok 1 a", "ok 1 b"], "1 result numbers came more than once"),
        (["ok 1 a", "ok 3 c"], "1 results before the one numbered 3 are missing"),
        (["1..2", "1..3", "ok 1 a", "ok 2 b", "ok 3 c"], "two plans, for 2 and for 3 tests"),
        (["1..3", "1..2", "ok 1 a", "ok 2 b", "ok 3 c"], "two plans, for 3 and for 2 tests"),
        (["1..1", "ok 1 a", "Bail out!  no ring"], "Bail out! no ring"),
        (["1..1", "ok 1 a", "Bail out!"], "Bail out!"),
    ],
)
def test_why_a_log_cannot_be_believed(lines: list[str], problem: str) -> None:
    assert parse("TAP version 13", *lines).problems == (problem,)


@pytest.mark.parametrize(
    "lines",
    [
        ["1..2", "ok 1 a", "ok 2 b"],
        ["ok 1 a", "ok 2 b", "1..2"],
        ["1..2", "1..2", "ok 1 a", "ok 2 b"],
        ["1..2", "ok 2 b", "ok 1 a"],
        ["1..2", "ok - a", "ok - b"],
    ],
)
def test_a_log_that_can_be_believed(lines: list[str]) -> None:
    told = parse("TAP version 13", *lines)
    assert (told.problems, told.unplanned, told.planned) == ((), False, 2)
    assert [case.name for case in told.cases] == ["a", "b"]


def test_a_result_without_a_number_has_the_next_one() -> None:
    told = parse("1..3", "ok 1 a", "ok - b", "ok - c")
    assert told.problems == ()
    assert [case.name for case in parse("1..2", "ok", "ok").cases] == ["test 1", "test 2"]


def test_what_is_missing_stands_in_its_place() -> None:
    told = parse("1..4", "ok 1 a", "ok 3 c")
    assert told.cases == (
        Case("a", P),
        Case("test 2", M, UNSEEN),
        Case("c", P),
        Case("test 4", M, UNSEEN),
    )


def test_a_level_without_results_has_nothing_unplanned() -> None:
    assert not parse("TAP version 13").unplanned


def test_results_of_one_header_are_enough_to_be_unplanned() -> None:
    one, planned = ["KTAP version 1", "ok 1 a"], ["KTAP version 1", "1..1", "ok 1 b"]
    assert parse(*one, *planned).unplanned
    assert parse(*planned, *one).unplanned
    assert not parse(*planned, *planned).unplanned


# ---- bounds


def test_so_many_cases_are_kept() -> None:
    assert len(ktap.parse(f"ok {n} a" for n in range(1, 10_003)).cases) == 10_000
    told = parse("ok 1 a", "ok 2 b", "ok 3 c", max_cases=2)
    assert [case.name for case in told.cases] == ["a", "b"]
    assert told.problems[0] == "more than 2 results; the rest was left out"
    assert parse("ok 1 a", "ok 2 b", max_cases=2).problems == ()


def test_bad_cases_are_kept_beyond_those() -> None:
    lines = [f"not ok {n} a" for n in range(1, 1100)]
    assert len(parse("ok 1 a", *lines, max_cases=1).cases) == 1001
    parser = ktap.Parser()
    for number in range(1, 10_003):
        parser.feed(f"ok {number} a")
    assert len(parser.end().cases) == 10_000
    assert Budget().left == 10_000


def test_room_for_cases() -> None:
    budget = Budget(left=2, spare=1)
    assert budget.take(2)
    assert not budget.exceeded
    assert not budget.take()
    assert budget.exceeded
    assert not budget.take(2, good=False)
    assert budget.take(good=False)
    assert not budget.take(good=False)


def test_too_many_missing_results_are_one_case() -> None:
    told = parse("1..50", "ok 1 a", max_cases=10)
    assert brief(told.cases) == [("a", P), ("49 of the tests 1 to 50", M)]
    assert parse("1..10", "ok 1 a", max_cases=10).cases[-1].name == "test 10"


LINE = [("x" * 40, True)]  # 100 characters with what a line costs


@pytest.mark.parametrize("good", [True, False])
def test_so_much_text_is_kept(good: bool) -> None:
    budget = Budget(text_good=200 if good else 0, text_bad=0 if good else 200)
    assert budget.keep(LINE, good) == ("x" * 40,)
    assert budget.keep(LINE, not good) == ()
    assert budget.keep(LINE, good) == ("x" * 40,)
    assert budget.keep(LINE, good) == ()
    assert budget.keep([], good) == ()


@pytest.mark.parametrize(("good", "room"), [(True, 8 << 20), (False, 32 << 20)])
def test_how_much_text_of_a_log_is_kept(good: bool, room: int) -> None:
    fits = "x" * (room - 60)
    assert Budget().keep([(fits + "x", True)], good) == ()
    assert Budget().keep([(fits, True)], good) == (fits,)


def test_of_many_lines_the_first_and_the_last_are_kept() -> None:
    (case,) = parse("1..1", *[f"# {n}" for n in range(200)], "not ok 1 a").cases
    assert case.diagnostics == tuple(f"# {n}" for n in (*range(50), *range(150, 200)))
    (case,) = parse("1..1", *[f"# {n}" for n in range(100)], "not ok 1 a").cases
    assert len(case.diagnostics) == 100


def test_so_many_problems_are_told() -> None:
    lines = [line for n in range(1, 100) for line in (f"  ok {n} x", f"not ok {n} y")]
    assert len(parse("TAP version 13", *["Bail out!"] * 99, *lines).problems) == 50


def test_levels_that_are_nested_too_deep_are_left_out() -> None:
    def nested(depth: int) -> list[str]:
        heads = [f"{'  ' * n}KTAP version 1\n" for n in range(depth)]
        results = [f"{'  ' * n}ok 1 a\n" for n in reversed(range(depth))]
        return [*heads, *results]

    deep = "results are nested deeper than 16 levels; those were left out"
    assert deep not in parse(*nested(16)).problems
    assert deep in parse(*nested(17)).problems


# ---- levels


def test_a_parent_that_says_ok_over_a_failure_fails() -> None:
    told = parse("1..1", "  1..2", "  ok 1 a", "  not ok 2 b", "ok 1 all")
    assert told.cases[0].status is F
    assert told.problems == ("all: says ok, but b below it is fail",)
    told = parse("1..1", "  1..1", "  not ok 1 a", "ok 1 all # SKIP x")
    assert told.cases[0].status is F
    assert told.problems == ("all: says skip, but a below it is fail",)


def test_a_parent_that_fails_over_good_cases_is_told() -> None:
    told = parse("1..1", "  1..2", "  ok 1 a", "  ok 2 b", "not ok 1 all")
    assert told.problems == ("all: says not ok, but all 2 cases below it are good",)
    told = parse("1..1", "  1..1", "  not ok 1 a", "not ok 1 all")
    assert told.problems == ()
    assert parse("1..1", "not ok 1 alone").problems == ()


def test_a_skip_excuses_what_is_missing_below_it() -> None:
    told = parse("1..1", "  1..2", "  ok 1 a", "  # no card", "ok 1 all # SKIP")
    assert brief(told.cases[0].children) == [("a", P), ("test 2", S)]
    assert told.problems == ()
    (skipped,) = [case for case in told.cases[0].children if case.status is S]
    assert skipped.reason == "no card"
    told = parse("1..1", "  1..2", "  ok 1 a", "ok 1 all # SKIP why")
    assert told.cases[0].children[1].reason == "why"
    told = parse("1..1", "  1..2", "  ok 1 a", "ok 1 all # SKIP")
    assert told.cases[0].children[1].reason == "the program gave up"


def test_a_skip_excuses_no_failure_below_it() -> None:
    told = parse("1..1", "  1..2", "  not ok 1 a", "ok 1 all # SKIP why")
    assert brief(told.cases[0].children) == [("a", F), ("test 2", M)]
    assert told.problems[0] == "all: 1 of 2 planned results are missing"


def test_a_level_that_planned_nothing_is_a_skip() -> None:
    told = parse("1..1", "  1..0 # SKIP no card", "ok 1 all")
    assert told.cases == (Case("all", S, "no card"),)
    told = parse("1..1", "  1..0 # SKIP no card", "not ok 1 all")
    assert told.cases[0].status is F
    # It is that of its own parent only.
    told = parse("1..2", "  1..0 # SKIP no card", "ok 1 all", "ok 2 next")
    assert told.cases[1] == Case("next", P)


def test_what_comes_below_no_result_is_unfinished() -> None:
    told = parse("1..2", "ok 1 a", "  1..2", "  ok 1 x")
    assert [(case.name, case.status) for case in told.cases] == [("a", P), ("test 2", M)]
    assert brief(told.cases[1].children) == [("x", P), ("test 2", M)]
    assert "the result that 2 results belong to is missing" in told.problems
    assert "1 of 2 planned results are missing" in told.problems
    told = parse("TAP version 13", "ok 1 a", "  1..1", "  ok 1 x")
    assert told.cases[1].name == "unfinished"


def test_a_header_begins_a_level_anew() -> None:
    told = parse("KTAP version 1", "1..1", "ok 1 a", "KTAP version 1", "1..1", "ok 1 b")
    assert (brief(told.cases), told.problems) == ([("a", P), ("b", P)], ())


def test_what_looks_like_a_result_is_one_only_where_it_is_certain() -> None:
    assert parse("ok then").cases == ()
    assert brief(parse("TAP version 13", "ok then").cases) == [("then", P)]
    assert brief(parse("ok - then").cases) == [("then", P)]
    assert parse("  ok then").cases == ()


def test_given_up_reaches_below() -> None:
    tree = Case("all", P, children=(Case("a", P), Case("b", M)))
    (told,) = given_up([tree], "why")
    assert told.children == (Case("a", P), Case("b", S, "why"))


def test_what_stands_behind_the_last_case_below_is_told_of_its_parent() -> None:
    told = parse("1..1", "  1..1", "  # its own", "  ok 1 a", "  # why", "ok 1 all")
    assert [case.diagnostics for case in told.cases] == [("  # why",)]
    assert parse("1..1", "ok 1 a", "# behind").diagnostics == ("# behind",)


@pytest.mark.parametrize("before", [0, 40, 49, 50, 51, 100])
@pytest.mark.parametrize("count", [1, 20, 50, 51, 100, 101, 300])
def test_lines_that_are_no_more_than_text_are_kept_as_others(before: int, count: int) -> None:
    fed, skimmed = ktap.Parser(), ktap.Parser()
    for number in range(before):
        fed.feed(f"before {number}")
        skimmed.feed(f"before {number}")
    lines = [str(number) for number in range(count)]
    for line in lines:
        fed.feed(line)
    skimmed.skim(lines)
    assert skimmed.end() == fed.end()


def test_lines_that_are_no_more_than_text_are_cut_and_shown() -> None:
    parser = ktap.Parser()
    parser.feed("# first")
    parser.skim(["x" * 3000, "  # second"], str.upper)
    parser.feed("1..1")
    parser.feed("not ok 1 a")
    (case,) = parser.end().cases
    assert case.diagnostics == ("# first", "X" * 2000, "  # SECOND")
    assert case.reason == "first"


# ---- behind other text


def test_results_behind_other_text_need_something_that_confirms_them() -> None:
    lines = ["1..2", "text ok 1 a", "ok 2 b"]
    told = parse(*lines)
    assert [case.status for case in told.cases] == [M, P]
    assert told.problems[0] == "1 results stand behind other text, and nothing else confirms them"
    told = parse(*lines, "# Totals: pass:2 fail:0")
    assert (brief(told.cases), told.problems) == ([("a", P), ("b", P)], ())
    told = parse("1..1", *(f"  {line}" for line in lines), "ok 1 all")
    assert (brief(told.cases[0].children), told.problems) == ([("a", P), ("b", P)], ())


def test_a_failure_behind_other_text_counts() -> None:
    told = parse("1..2", "text not ok 1 a", "ok 2 b")
    assert (brief(told.cases), told.problems) == ([("a", F), ("b", P)], ())


def test_a_result_that_comes_again_in_its_own_line_counts_once() -> None:
    told = parse("1..2", "text ok 1 a", "ok 1 a", "ok 2 b")
    assert (brief(told.cases), told.problems) == ([("a", P), ("b", P)], ())


@pytest.mark.parametrize("text", ["text not ok 2 a", "text not ok 0 a"])
def test_only_the_next_of_a_plan_can_stand_behind_other_text(text: str) -> None:
    assert brief(parse("1..2", text, "ok 1 a", "ok 2 b").cases) == [("a", P), ("b", P)]
    assert parse(text).cases == ()


def test_only_a_planned_one_can_stand_behind_other_text() -> None:
    assert brief(parse("1..1", "ok 1 a", "text not ok 2 b").cases) == [("a", P)]
    assert brief(parse("TAP version 13", "text not ok 1 a", "ok 1 b").cases) == [("b", P)]


def test_a_line_that_only_looks_like_a_result_is_kept_with_what_failed() -> None:
    (case,) = parse("TAP version 13", "1..1", "text", "    ok 5 quoted", "not ok 1 a").cases
    assert case.diagnostics == ("text", "    ok 5 quoted")


# ---- cut lines, carriage returns


def cut(line: str) -> KtapResult:
    parser = ktap.Parser()
    parser.feed("1..1")
    parser.feed(line, cut=True)
    return parser.end()


def test_a_pass_that_is_cut_off_does_not_count() -> None:
    told = cut("ok 1 a")
    assert told.cases == (Case("test 1", M, UNSEEN),)
    assert told.problems[-1] == "a line is cut off and does not count: ok 1 a"
    assert cut("text").problems == ("1 of 1 planned results are missing",)


def test_a_failure_that_is_cut_off_counts() -> None:
    assert brief(cut("not ok 1 a").cases) == [("a", F)]
    assert cut("Bail out! x").problems[0] == "Bail out! x"


def test_what_stands_before_a_carriage_return_counts() -> None:
    told = parse("1..2", "ok 1 a\rok 2 b", "\r")
    assert brief(told.cases) == [("a", P), ("b", P)]


# ---- reasons


def reason(*lines: str, children: Sequence[Case] = ()) -> str:
    return ktapreason.failure_reason([(line, line.startswith("#")) for line in lines], children)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["#  RUN           a.b ...", "# told", "# more"], "told"),
        (["#            OK  a.b", "# told"], "told"),
        (["#          FAIL  a.b", "# told"], "told"),
        (["# Starting 3 tests from 2 test cases.", "# told"], "told"),
        (["# PASSED: 1 / 2 tests passed.", "# told"], "told"),
        (["# FAILED: 1 / 2 tests passed.", "# told"], "told"),
        (["# timeout set to 45", "# told"], "told"),
        (["# overriding timeout to 5", "# told"], "told"),
        (["# selftests: net: a", "# told"], "told"),
        (["# Subtest: a", "# module: b", "# told"], "told"),
        (["# Check| at a.py", "# told"], "told"),
        (["# RUNNING it", "# more"], "RUNNING it"),
        (["noise", "# told"], "told"),
        (["noise", "more"], "noise"),
        (["  noise  "], "noise"),
        (["# Exception| Traceback:", "# Exception| KeyError: x"], "KeyError: x"),
        (["# told", "# Exception|last"], "last"),
        ([], ""),
    ],
)
def test_why_a_case_failed(lines: list[str], why: str) -> None:
    assert reason(*lines) == why


def test_why_a_parent_failed_is_its_first_bad_child() -> None:
    children = (Case("a", P), Case("b", F, "why"), Case("c", F))
    assert reason("# told", children=children) == "b: why"
    assert reason(children=children[2:]) == "c: fail"


def test_why_a_program_gave_up_is_its_last_word() -> None:
    lines = [("# one", True), ("# two", True), ("noise", False), ("last", False)]
    assert ktapreason.skip_reason(lines) == "two"
    assert ktapreason.skip_reason(lines[2:]) == "last"
    assert ktapreason.skip_reason([]) == ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not ok 1 a", "told"),
        ("not ok 1 a # exit=1", "told"),
        ("not ok 1 a # 2 of 3", "2 of 3"),
        ("ok 1 a # SKIP", "told"),
        ("ok 1 a # SKIP why", "why"),
        ("ok 1 a", ""),
        ("ok 1 a # XPASS", "passes, but a failure was expected"),
        ("ok 1 a # XPASS why", "passes, but a failure was expected: why"),
    ],
)
def test_the_reason_of_a_case(line: str, why: str) -> None:
    assert parse("1..1", "# told", line).cases[0].reason == why
    assert parse("1..1", "not ok 1 a # exit=1").cases[0].reason == "exit=1"


def test_a_failure_in_the_line_of_another_result_is_told() -> None:
    assert parse("1..1", "ok 1 a not ok 2 b").problems == (
        "a not ok 2 b: a failure stands in the line of this result",
    )


def test_a_long_line_of_text_is_cut() -> None:
    (case,) = ktap.parse(["1..1", "x" * 3000, "not ok 1 a"]).cases
    assert case.diagnostics == ("x" * ktapline.MAX_LINE,)


def test_a_failure_out_of_nowhere_tells_of_no_others() -> None:
    said = ktap.parse(["1..1", "  not ok 3 maps", "not ok 1 a"])
    assert [child.name for child in said.cases[0].children] == ["maps"]
    assert said.problems == ()


def test_a_program_that_never_ended_is_told_when_there_is_no_room() -> None:
    lines = ["selftests: net: a.sh", RULER, "ok 1 x", "selftests: net: b.sh", RULER]
    said = ktap.parse(lines, max_cases=1)
    assert brief(said.cases)[:1] == [("selftests: net: a.sh", M)]


def test_a_number_of_too_many_digits_is_huge() -> None:
    plan = ktapline.read(f"1..{'9' * 30}")
    assert isinstance(plan, Plan)
    assert plan.count == 10**18
