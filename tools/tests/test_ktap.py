# SPDX-License-Identifier: GPL-2.0
"""The KTAP parser, on logs that real programs printed and on what may come in between."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from kseries.model import Case, Status
from kseries.parse import ktap, ktaplevel, ktapline
from kseries.parse.running import RunningCases, Span

LOGS = Path(__file__).parent / "data" / "ktap"

P, S, X, F, M = Status.PASS, Status.SKIP, Status.XFAIL, Status.FAIL, Status.MISSING


def recorded(name: str) -> ktap.KtapResult:
    with (LOGS / f"{name}.log").open() as lines:
        return ktap.parse(lines)


def parse(text: str) -> ktap.KtapResult:
    return ktap.parse(text.split("\n"))


def brief(cases: Sequence[Case]) -> list[tuple[str, Status]]:
    return [(case.name, case.status) for case in cases]


def test_harness_program() -> None:
    result = recorded("harness")
    assert result.planned == 9
    assert result.problems == ()
    assert brief(result.cases) == [
        ("global.skips", S),
        ("global.prints_without_newline", P),
        ("global.compares_strings", F),
        ("global.dies", F),
        ("global.last", P),
        ("queue.small.holds_entries", P),
        ("queue.small.is_small", P),
        ("queue.large.holds_entries", P),
        ("queue.large.is_small", F),
    ]
    reasons = {case.name: case.reason for case in result.cases}
    assert reasons["global.skips"] == "no such device"
    assert reasons["global.dies"] == "dies: Test terminated unexpectedly by signal 11"
    assert reasons["queue.large.is_small"] == (
        "demo/harness.c:11:is_small:Expected 8 (8) == self->entries (4096)"
    )


def test_diagnostics_stay_with_their_case() -> None:
    cases = {case.name: case for case in recorded("harness").cases}
    assert cases["global.last"].diagnostics == (
        "#  RUN           global.last ...",
        "#            OK  global.last",
    )
    assert "# is_small: Test failed" in cases["queue.large.is_small"].diagnostics


def test_kselftest_h_program_with_every_outcome() -> None:
    result = recorded("plain")
    assert result.problems == ()  # the Totals line agrees, xfail and error included
    assert [(case.name, case.status, case.reason) for case in result.cases] == [
        ("opens", P, ""),
        ("maps", F, ""),
        ("test 3", X, "unmaps twice"),
        ("test 4", S, "needs a card"),
        ("test 5", F, "error no memory"),
    ]


def test_python_program() -> None:
    result = recorded("py")
    assert result.problems == ()
    assert [(case.name, case.status, case.reason) for case in result.cases] == [
        ("py.passes", P, ""),
        ("py.compares", F, "Check failed 1 != 2 queues differ"),
        ("py.raises", F, "KeyError: 'tx-queues'"),
        ("py.skips", S, "no queue api"),
        ("py.known", X, "not yet"),
    ]


def test_runner_nests_by_prefix() -> None:
    result = recorded("runner")
    assert result.planned == 8
    names = [case.name.removeprefix("selftests: demo: ") for case in result.cases]
    statuses = [case.status for case in result.cases]
    assert names == [
        "harness", "plain", "nodevice", "py.py", "needs.sh", "silent.sh", "slow.sh", "crash"
    ]  # fmt: skip
    assert statuses == [F, F, S, F, S, P, Status.TIMEOUT, F]
    assert [len(case.children) for case in result.cases] == [9, 5, 0, 5, 0, 0, 0, 4]
    by_name = dict(zip(names, result.cases, strict=True))
    assert by_name["nodevice"].reason == "no device to test"
    assert by_name["needs.sh"].reason == "SKIP: Could not run test without jq"
    assert by_name["slow.sh"].reason == "2 seconds"
    assert by_name["py.py"].reason == "py.compares: Check failed 1 != 2 queues differ"
    assert brief(by_name["crash"].children) == [
        ("opens", P), ("maps", P), ("test 3", M), ("test 4", M)
    ]  # fmt: skip
    assert result.problems == ("selftests: demo: crash: 2 of 4 planned results are missing",)


def test_nested_children_are_those_of_the_program_alone() -> None:
    inside = recorded("runner").cases[0].children
    alone = recorded("harness").cases
    assert brief(inside) == brief(alone)


def test_program_that_died() -> None:
    result = recorded("crash")
    assert brief(result.cases) == [("opens", P), ("maps", P), ("test 3", M), ("test 4", M)]
    assert result.problems == ("2 of 4 planned results are missing",)


def test_bail_out() -> None:
    result = recorded("bails")
    assert brief(result.cases) == [("opens", P), ("test 2", M), ("test 3", M)]
    assert result.problems == (
        "Bail out! cannot map the ring",
        "2 of 3 planned results are missing",
    )


def test_everything_skipped() -> None:
    result = recorded("nodevice")
    assert (result.cases, result.planned) == ((), 0)
    assert result.skipped == "no device to test"
    assert result.problems == ()


@pytest.mark.parametrize(
    "text", ["", "\n\n", "hello\n", "TAP version 13\n", "KTAP version 1\n1..0"]
)
def test_no_result_is_a_problem(text: str) -> None:
    result = parse(text)
    assert result.cases == ()
    assert result.problems == ("no result: the log holds no KTAP result line",)


KTAP = """\
KTAP version 1
1..2
  KTAP version 1
  1..2
    KTAP version 1
    1..2
    not ok 1 test_1
    ok 2 test_2
  not ok 1 test_3
  ok 2 test_4 # SKIP
not ok 1 example_test_1
ok 2 example_test_2
"""


def test_nesting_by_indentation() -> None:
    result = parse(KTAP)
    assert result.problems == ()
    outer = result.cases[0]
    assert brief(result.cases) == [("example_test_1", F), ("example_test_2", P)]
    assert brief(outer.children) == [("test_3", F), ("test_4", S)]
    assert brief(outer.children[0].children) == [("test_1", F), ("test_2", P)]
    assert outer.reason == "test_3: test_1: fail"


def test_both_nestings_mixed() -> None:
    lines = ["TAP version 13", "1..1", *(f"# {line}" for line in KTAP.splitlines())]
    result = ktap.parse([*lines, "not ok 1 selftests: net: mixed # exit=1"])
    (program,) = result.cases
    assert result.problems == ()
    assert brief(program.children) == [("example_test_1", F), ("example_test_2", P)]
    assert brief(program.children[0].children[0].children) == [("test_1", F), ("test_2", P)]


def test_plan_at_the_end() -> None:
    assert parse("ok 1 a\nok 2 b\n1..2").problems == ()
    result = parse("ok 1 a\n1..3")
    assert brief(result.cases) == [("a", P), ("test 2", M), ("test 3", M)]


def test_more_than_planned() -> None:
    result = parse("1..1\nok 1 a\nok 2 b")
    assert brief(result.cases) == [("a", P), ("b", P)]
    assert result.problems == ("2 results, but 1 were planned",)


def test_two_plans() -> None:
    assert parse("1..1\n1..2\nok 1 a\nok 2 b").problems == ("two plans, for 1 and for 2 tests",)


def test_plan_of_another_program_does_not_skip_this_one() -> None:
    for text in ("1..2\n1..0 # SKIP no device", "1..0 # SKIP no device\n1..2"):
        result = parse(text)
        assert brief(result.cases) == [("test 1", M), ("test 2", M)]
        assert result.skipped is None


@pytest.mark.parametrize(
    ("line", "name", "status", "reason"),
    [
        ("ok 1 name", "name", P, ""),
        ("ok 1 - name with words", "name with words", P, ""),
        ("ok - name", "name", P, ""),
        ("ok name", "name", P, ""),
        ("not ok", "test 1", F, ""),
        ("ok 1", "test 1", P, ""),
        ("ok 1 a.b[c] 1..2 x", "a.b[c] 1..2 x", P, ""),
        ("ok 1 has#hash", "has#hash", P, ""),
        ("ok 1 name # SKIP", "name", S, ""),
        ("ok 1 name # skip: no net", "name", S, "no net"),
        ("ok 1 name # SKIPPED no net", "name", S, "no net"),
        ("not ok 1 name # SKIP no net", "name", S, "no net"),
        ("ok 1 # SKIP no net", "test 1", S, "no net"),
        ("ok 1 name # XFAIL known", "name", X, "known"),
        ("not ok 1 name # XFAIL known", "name", X, "known"),
        ("not ok 1 name # TODO later", "name", X, "later"),
        ("ok 1 name # TODO later", "name", P, "later"),
        ("ok 1 name # XPASS", "name", P, "passes, but a failure was expected"),
        ("not ok 1 name # TIMEOUT 45 seconds", "name", Status.TIMEOUT, "45 seconds"),
        ("not ok 1 name # ERROR no memory", "name", Status.ERROR, "no memory"),
        ("not ok 1 name # exit=139", "name", F, "exit=139"),
        ("ok 1 name #  took 3 ms", "name", P, "took 3 ms"),
        ("ok 1 name # error path is left", "name", P, "error path is left"),
        ("ok 1 name # timeout is kept", "name", P, "timeout is kept"),
    ],
)
def test_result_line(line: str, name: str, status: Status, reason: str) -> None:
    (case,) = parse(f"TAP version 13\n{line}\n").cases
    assert (case.name, case.status, case.reason) == (name, status, reason)


LONG = 1_500_000


@pytest.mark.parametrize("filling", ["x", " ", "\t", "# ", " #", "x#y ", "ok ", "# SKI", "\u20ac"])
def test_long_result_line(filling: str) -> None:
    long = filling * (LONG // len(filling))
    result = ktap.parse(
        [
            "1..4",
            f"ok 1 a{long} # SKIP no card",
            f"not ok 2 b{long} # XFAIL known {long}",
            f"half a line {long} not ok 3 c",
            f"not ok 4 d {long}",
        ]
    )
    assert [case.status for case in result.cases] == [S, X, F, F]
    kept = [text for case in result.cases for text in (case.name, case.reason, *case.diagnostics)]
    assert max(map(len, kept)) <= ktapline.MAX_LINE


@pytest.mark.parametrize(
    "line",
    [
        "okay 1 name",
        "ok, now the second part",
        "# ok 2 name",
        "  ok 2 name",
        "  ok name",
        "okness ok",
        "nok 1 name",
        "not  ok 1 name",
        "# 1..2 is a range",
        "1..2x",
        "ok now the second part",
    ],
)
def test_what_is_no_result(line: str) -> None:
    assert parse(line).cases == ()


def test_numbers_left_out_and_out_of_order() -> None:
    result = parse("1..4\nok 2 b\nok 1 a\nok - c\nok 4 d")
    assert brief(result.cases) == [("a", P), ("b", P), ("c", P), ("d", P)]
    assert result.problems == ()


def test_repeated_number() -> None:
    result = parse("1..3\nok 1 a\nok 1 b\nok 3 c")
    assert brief(result.cases) == [("a", P), ("b", P), ("c", P)]
    assert result.problems == ("1 result numbers came more than once",)


def test_result_behind_text_without_newline() -> None:
    result = parse("1..3\nok 1 a\nconnecting...not ok 2 b\nok 3 c")
    assert brief(result.cases) == [("a", P), ("b", F), ("c", P)]
    assert result.problems == ()


def test_result_behind_a_carriage_return() -> None:
    result = parse("1..3\r\nok 1 a\r\r\nat 10 %\rat 20 %\rok 2 b\r\nnear\rnot ok 3 c\r\n")
    assert brief(result.cases) == [("a", P), ("b", P), ("c", F)]
    assert result.problems == ()


def test_unexpected_passes_are_counted_among_the_passes() -> None:
    text = "1..2\nok 1 a\nok 2 b # XPASS\n# Totals: pass:{} fail:0 xfail:0 xpass:{} skip:0 error:0"
    for counts in ((1, 1), (2, 0)):
        assert parse(text.format(*counts)).problems == ()
    assert parse(text.format(1, 0)).problems == (
        "the Totals line says pass:1 fail:0 xfail:0 skip:0, the results are"
        " pass:2 fail:0 xfail:0 skip:0",
    )


def test_errors_are_counted_among_the_failures() -> None:
    text = "1..2\nok 1 a\nnot ok 2 b\n# Totals: pass:1 fail:{} xfail:0 xpass:0 skip:0 error:{}"
    for counts in ((0, 1), (1, 0)):
        assert parse(text.format(*counts)).problems == ()
    assert parse(text.format(1, 1)).problems


def test_a_dash_makes_a_result_without_a_plan_and_words_do_not() -> None:
    for line, cases in (
        ("ok - name", [("name", P)]),
        ("not ok - name", [("name", F)]),
        ("ok -", [("test 1", P)]),
        ("ok then", []),
        ("ok -name", []),
        ("ok", []),
    ):
        assert brief(parse(line).cases) == cases, line
        # Where a plan has declared a level, a word will do.
        assert len(parse(f"1..1\n{line}").cases) == 1


def test_two_programs_write_into_one_line() -> None:
    result = parse("ok 1 anot ok 1 b\nok 2 c")
    assert result.problems == ("anot ok 1 b: a failure stands in the line of this result",)


def test_result_behind_text_that_is_indented() -> None:
    result = parse("1..1\n# 1..1\n# \tERROR: no threadnot ok 1 # error waits\nnot ok 1 futex")
    assert brief(result.cases[0].children) == [("test 1", F)]
    assert result.problems == ()


def test_pass_behind_text_without_newline_must_be_confirmed() -> None:
    text = "1..3\nok 1 a\nconnecting...ok 2 b\nok 3 c\n"
    assert brief(parse(text).cases) == [("a", P), ("test 2", M), ("c", P)]
    assert parse(text).problems == (
        "1 results stand behind other text, and nothing else confirms them",
        "1 of 3 planned results are missing",
    )
    confirmed = [("a", P), ("b", P), ("c", P)]
    result = parse(f"{text}# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:0 error:0")
    assert (brief(result.cases), result.problems) == (confirmed, ())
    nested = "".join(f"# {line}\n" for line in text.splitlines())
    result = parse(f"TAP version 13\n1..1\n{nested}ok 1 parent")
    assert (brief(result.cases[0].children), result.problems) == (confirmed, ())
    assert parse(f"TAP version 13\n1..1\n{nested}not ok 1 parent").problems


@pytest.mark.parametrize(
    "line", ["n\ufffdt ok 2 b", "no\ufffd ok 2 b", "not  ok 2 b", "it is ok 2 b"]
)
def test_what_looks_like_a_pass_behind_text_is_none(line: str) -> None:
    result = parse(f"1..2\nok 1 a\n{line}\n")
    assert brief(result.cases) == [("a", P), ("test 2", M)]
    assert result.problems


def test_words_that_look_like_a_result_do_not_replace_it() -> None:
    result = parse("1..2\nok 1 a\nthe link is ok 2 times\nnot ok 2 b")
    assert brief(result.cases) == [("a", P), ("b", F)]


def test_words_out_of_turn_are_no_result() -> None:
    result = parse("1..3\nok 1 a\nthe link is ok 3 times")
    assert brief(result.cases) == [("a", P), ("test 2", M), ("test 3", M)]


def test_kernel_messages_between_the_lines() -> None:
    result = parse(
        "TAP version 13\n[    1.200000] eth0: renamed\n1..2\n[    1.300000][   T12] ok 7 times\n"
        "ok 1 a\nBUG: not ours\nnot ok 2 b"
    )
    assert brief(result.cases) == [("a", P), ("b", F)]
    assert result.cases[1].reason == "BUG: not ours"


def test_parent_says_ok_but_child_failed() -> None:
    result = parse("1..1\n# 1..2\n# ok 1 a\n# not ok 2 b\nok 1 parent")
    assert brief(result.cases) == [("parent", F)]
    assert result.problems == ("parent: says ok, but b below it is fail",)


def test_parent_says_not_ok_but_children_are_good() -> None:
    result = parse("1..1\n# 1..1\n# ok 1 a\nnot ok 1 parent # exit=1")
    assert result.problems == ("parent: says not ok, but all 1 cases below it are good",)


def test_parent_says_ok_but_skipped_all() -> None:
    (case,) = parse("TAP version 13\n1..1\n# TAP version 13\n# 1..0 # SKIP no card\nok 1 a").cases
    assert (case.status, case.reason) == (S, "no card")


def test_parent_says_skip_but_child_failed() -> None:
    result = parse("1..1\n# 1..1\n# not ok 1 a\nok 1 p # SKIP")
    assert brief(result.cases) == [("p", F)]
    assert result.problems == ("p: says skip, but a below it is fail",)


def test_parent_says_skip_and_planned_more_than_it_ran() -> None:
    text = "1..1\n# 1..3\n# {} 2 a{}\n# # Totals: pass:0 fail:0 xfail:0 skip:1\nok 1 p # SKIP"
    result = parse(text.format("ok", " # SKIP no root"))
    assert [case.status for case in result.cases[0].children] == [S, S, S]
    assert result.problems == ()
    result = parse(text.format("not ok", ""))
    assert [case.status for case in result.cases[0].children] == [M, F, M]
    assert result.problems


def test_cut_off_in_a_nested_level() -> None:
    result = parse("TAP version 13\n1..2\n# TAP version 13\n# 1..3\n# ok 1 a\n# still wor")
    assert brief(result.cases) == [("test 1", M), ("test 2", M)]
    assert brief(result.cases[0].children) == [("a", P), ("test 2", M), ("test 3", M)]
    assert "the result that 3 results belong to is missing" in result.problems


def test_totals_that_disagree() -> None:
    result = parse("1..2\nok 1 a\nok 2 b\n# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0")
    assert result.problems == (
        "the Totals line says pass:1 fail:1 xfail:0 skip:0,"
        " the results are pass:2 fail:0 xfail:0 skip:0",
    )


def test_totals_that_count_the_rest_as_skipped() -> None:
    text = (
        "1..4\nok 1 a\nok 2 # SKIP no root\n# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:{} error:0"
    )
    result = parse(text.format(3))
    assert [case.status for case in result.cases] == [P, S, S, S]
    assert result.problems == ()
    for other in (1, 2, 4):
        assert [case.status for case in parse(text.format(other)).cases] == [P, S, M, M]


def test_second_header_starts_anew() -> None:
    result = parse("TAP version 13\n1..1\nok 1 a\nTAP version 13\n1..2\nok 1 b\nnot ok 2 c")
    assert brief(result.cases) == [("a", P), ("b", P), ("c", F)]
    assert result.problems == ()


def test_second_header_ends_what_was_unfinished() -> None:
    result = parse("TAP version 13\n# 1..1\n# not ok 1 a\nTAP version 13\n1..1\nok 1 b")
    assert brief(result.cases) == [("unfinished", M), ("b", P)]
    assert brief(result.cases[0].children) == [("a", F)]


@pytest.mark.parametrize(
    "sequence",
    ["\x1b[31m", "\x1b[0m", "\x1b(B\x1b[m", "\x1b]0;title\x07", "\x1b]8;;x://y\x1b\\", "\x1bc",
     "\x1b7", "\x1b[?2004l", "\x07", "\x00", "\ufeff"],
)  # fmt: skip
def test_terminal_sequences_are_dropped(sequence: str) -> None:
    for lines in (("1..2", "not ok 1 red", "ok 2 b"), ("1..2 ", "not ok 1 red ", "ok 2 b ")):
        for text in (f"{sequence}{{}}", f"{{}}{sequence}", f"{sequence}{{}}{sequence}"):
            result = ktap.parse(text.format(line) for line in lines)
            assert brief(result.cases) == [("red", F), ("b", P)]
            assert result.planned == 2
            assert result.problems == ()


def test_hostile_plan_and_depth() -> None:
    result = parse("1..999999999\nok 1 a")
    assert brief(result.cases) == [("a", P), ("999999998 of the tests 1 to 999999999", M)]
    deep = "".join(f"{'  ' * depth}KTAP version 1\n" for depth in range(500))
    assert parse(deep + "ok 1 a\n").cases[-1].name == "a"
    failed = f"{'  ' * 499}not ok 1 b\n"
    assert "nested deeper than 16 levels" in parse(f"{deep}{failed}ok 1 a\n").problems[-1]
    many = ktap.parse(f"ok {number} x" for number in range(1, 30_000))
    assert len(many.cases) == ktaplevel.MAX_CASES
    assert many.problems == (f"more than {ktaplevel.MAX_CASES} results; the rest was left out",)


def test_failure_among_too_many_results_is_kept() -> None:
    lines = [f"ok {number} x" for number in range(1, 100)]
    nested = ["# 1..2", "# ok 1 y", "# not ok 2 z", "ok 101 program"]
    result = ktap.parse([*lines, "not ok 100 late", "ok 1 later", *nested], max_cases=50)
    assert brief(result.cases)[50:] == [("late", F), ("program", F)]
    assert brief(result.cases[-1].children) == [("z", F)]


def test_repeated_hostile_plans_stay_small() -> None:
    result = ktap.parse(line for _ in range(2000) for line in ("# 1..5000", "1..2"))
    total = sum(1 + len(case.children) for case in result.cases)
    assert total <= ktaplevel.MAX_CASES + 10


def test_diagnostics_are_bounded() -> None:
    lines = [f"# line {number}" for number in range(10_000)]
    (case,) = ktap.parse([*lines, "not ok 1 a"]).cases
    assert len(case.diagnostics) == ktaplevel.MAX_DIAGNOSTICS
    assert (case.diagnostics[0], case.diagnostics[-1]) == ("# line 0", "# line 9999")
    assert case.reason == "line 0"


PIECES = (
    "ok", "not ok", " 1", " 2", " 999999999999999", " - ", "# ", "#", "  ", "\t", "1..2", "1..",
    "TAP version 13", "KTAP version 1", "Bail out!", "# Totals: pass:1 fail:0", " SKIP", "XFAIL",
    "\x00", "\x1b[2J", "é", "\ud800", "name", "\r", " RUN           a.b ...", "           OK  a.b",
)  # fmt: skip


def test_never_raises() -> None:
    chance = random.Random(7)
    for _ in range(3000):
        count = chance.randrange(12)
        lines = ["".join(chance.choices(PIECES, k=chance.randrange(7))) for _ in range(count)]
        ktap.parse(lines)
        running = RunningCases(0.0)
        for at, line in enumerate(lines):
            running.feed(at, line)
        running.spans(99.0)


def test_cutting_a_log_anywhere_never_makes_it_better() -> None:
    text = (LOGS / "runner.log").read_text()
    for end in range(0, len(text) - 40, 97):
        result = parse(text[:end])
        good = all(case.status.good for case in result.cases) and not result.problems
        assert not good, text[:end][-80:]


def test_running_cases_of_the_harness() -> None:
    running = RunningCases(10.0)
    seen = []
    for at, line in enumerate((LOGS / "harness.log").read_text().splitlines(), 11):
        running.feed(at, line)
        seen.append(running.running)
    assert ("global.compares_strings",) in seen
    assert running.running == ()
    spans = running.spans(99.0)
    assert [span.name for span in spans][:3] == [
        "global.skips", "global.prints_without_newline", "global.compares_strings"
    ]  # fmt: skip
    assert len(spans) == 9
    assert spans[0] == Span("global.skips", 14.0, 16.0)


def test_running_case_of_a_program_that_hangs() -> None:
    running = RunningCases(0.0)
    running.feed(1.0, "# #  RUN           queue.small.hangs ...")
    assert running.running == ("queue.small.hangs",)
    assert running.spans(9.0) == (Span("queue.small.hangs", 1.0, 9.0),)


def test_running_cases_of_programs_that_say_only_the_end() -> None:
    running = RunningCases(0.0)
    for at, line in ((1.0, "KTAP version 1"), (2.0, "1..2"), (4.0, "ok 1 a"), (7.0, "ok 2 b")):
        running.feed(at, line)
    assert running.spans(9.0) == (Span("a", 1.0, 4.0), Span("b", 4.0, 7.0))


def test_nothing_is_missed_before_the_first_program_of_the_old_runner() -> None:
    program = f"selftests: net: a.sh\n{'=' * 40}\nselftests: net: a.sh [PASS]\n"
    for before in ("", "1..0\n"):
        said = parse(before + program)
        assert brief(said.cases) == [("selftests: net: a.sh", Status.PASS)]
        assert said.problems == ()
