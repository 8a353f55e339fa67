# SPDX-License-Identifier: GPL-2.0
"""Rules of liburing's runner, of logs of many writers, of saved logs and of config fragments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kseries.config import fragments
from kseries.config import stage as config
from kseries.config.fragments import Promise
from kseries.lib.errors import UserError
from kseries.model import Case, EventKind, ProgramResult, RunResult, StageState, Status, Verdict
from kseries.parse import ktap, liburing
from kseries.parse.demux import hear
from kseries.parse.liburing import RUNNER
from kseries.parse.stamps import CONSOLE, Style
from kseries.verdict import savedlog
from kseries.verdict.savedlog import Kind

P, F, S, M = Status.PASS, Status.FAIL, Status.SKIP, Status.MISSING
ERROR, TIMEOUT = Status.ERROR, Status.TIMEOUT

# ---- liburing's runner

DONE = "Test run complete, kernel: 6.18"
PASSED = "All tests passed"


def began(name: str, rest: str = "") -> str:
    return f"Running test {name:<55}{rest}"


def runner(*lines: str, cut: str = "") -> tuple[ProgramResult, ...]:
    tests = liburing.Runner()
    for line in lines:
        tests.feed(line)
    if cut:
        tests.feed(cut, cut=True)
    return tests.end()


def problems(programs: Sequence[ProgramResult]) -> tuple[str, ...]:
    """What is wrong with the log as a whole."""
    return next((p.problems for p in programs if p.name == RUNNER), ())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([began("a.t", "5 sec")], ("a.t", P, 0, 5.0)),
        ([began("a.t", "12 sec [34]")], ("a.t", P, 0, 12.0)),
        ([began("a.t"), "words", "5 sec"], ("a.t", P, 0, 5.0)),
        ([began("a.t", "words5 sec")], ("a.t", P, 0, 5.0)),
        ([began("a.t", "Skipped")], ("a.t", S, 77, 0.0)),
        ([began("a.t", "Test skipped")], ("a.t", S, None, 0.0)),
        ([began("a.t"), "Test a.t failed with ret 13"], ("a.t", F, 13, 0.0)),
        ([began("a.t"), "Test a.t failed dmesg check"], ("a.t", F, None, 0.0)),
        (
            [began("a.t"), "Test a.t timed out (may not be a failure)"],
            ("a.t", TIMEOUT, None, 0.0),
        ),
        ([began("a.t"), "words"], ("a.t", M, None, 0.0)),
        ([began("a.t dev/x", "5 sec")], ("a.t dev/x", P, 0, 5.0)),
        ([began("a.t dev/x"), "Test a.t failed with ret 1"], ("a.t dev/x", F, 1, 0.0)),
    ],
)
def test_what_the_runner_says_of_a_test(
    lines: list[str], expected: tuple[str, Status, int | None, float]
) -> None:
    first = runner(*lines, began("next.t", "1 sec"), DONE, PASSED)[0]
    assert (first.name, first.status, first.exit_status, first.seconds) == expected
    assert first.suite == "liburing"
    assert [case.name for case in first.cases] == [first.name]


def test_why_a_test_of_the_runner_is_not_good() -> None:
    lines = [began("a.t", "first words"), "second", "Test a.t failed with ret 13"]
    failed, *_ = runner(*lines)
    told = ("first words", "second", "Test a.t failed with ret 13")
    assert failed.cases == (Case("a.t", F, "first words (failed with ret 13)", told),)
    assert failed.tail == told
    failed, *_ = runner(began("a.t"), "Test a.t failed with ret 13")
    assert failed.cases[0].reason == "failed with ret 13"


def test_why_a_test_of_the_runner_was_skipped() -> None:
    skipped, *_ = runner(began("a.t", "first"), "no zcrxSkipped", DONE)
    assert skipped.cases == (Case("a.t", S, "no zcrx", ("first", "no zcrx")),)
    assert skipped.tail == ()
    skipped, *_ = runner(began("a.t", "Skipped"), DONE)
    assert skipped.cases[0].reason == "no reason given"


def test_what_a_good_test_wrote_is_not_kept() -> None:
    passed, *_ = runner(began("a.t", "words"), "5 sec", DONE, PASSED)
    assert (passed.cases[0].diagnostics, passed.tail) == ((), ())


def test_a_run_that_is_whole_has_no_problem() -> None:
    assert problems(runner(began("a.t", "5 sec"), DONE, PASSED)) == ()
    assert problems(runner(began("a.t", "5 sec"), PASSED, DONE)) == ()
    failed = [began("a.t"), "Test a.t failed with ret 1", DONE, "Tests failed (1): <a.t>"]
    assert problems(runner(*failed)) == ()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([began("a.t", "5 sec")], "the log ends before the runner does"),
        ([began("a.t", "5 sec"), DONE], "the log ends before the runner does"),
        ([DONE, PASSED], "no result: the log holds no verdict of a test"),
        (
            [began("a.t"), "Test a.t failed with ret 1", DONE, PASSED],
            "the runner does not name a.t in the end",
        ),
        (
            [began("a.t", "5 sec"), DONE, "Tests failed (2): <b.t>"],
            "2 tests failed, but 1 are named",
        ),
        (
            ["words   5 sec", began("a.t", "5 sec"), DONE, PASSED],
            "a result without its test: words   5 sec",
        ),
        (
            ["x   Skipped", began("a.t", "5 sec"), DONE, PASSED],
            "a result without its test: x   Skipped",
        ),
        (
            [began("a.t", "5 sec"), DONE, PASSED, began("b.t", "5 sec")],
            "the log ends before the runner does",
        ),
    ],
)
def test_what_is_wrong_with_a_log_of_the_runner(lines: list[str], problem: str) -> None:
    *_, last = runner(*lines)
    assert (last.name, last.status, last.exit_status) == (RUNNER, ERROR, None)
    assert problem in last.problems


def test_of_a_long_line_without_its_test_the_end_is_told() -> None:
    (problem, *_) = problems(runner("x" * 3000 + "   5 sec"))
    assert problem == "a result without its test: " + "x" * 1992 + "   5 sec"


def test_a_list_of_timeouts_ends_no_run() -> None:
    lines = [began("a.t"), "Test a.t timed out (may not be a failure)", DONE]
    told = runner(*lines, "Tests timed out (1): <a.t>")
    assert problems(told) == ("the log ends before the runner does",)
    assert problems(runner(*lines, "Tests timed out (1): <a.t>", PASSED)) == ()


def test_what_is_only_named_in_the_end_is_not_good() -> None:
    lines = [began("a.t", "5 sec"), DONE, "Tests timed out (1): <b.t>", "Tests failed (1): <c.t>"]
    told = {p.name: (p.status, p.cases[0].reason) for p in runner(*lines)}
    assert told["b.t"] == (TIMEOUT, "the runner names it in the end")
    assert told["c.t"] == (F, "the runner names it in the end")


def test_a_verdict_of_another_test_is_one_of_its_own() -> None:
    told = runner(began("a.t"), "Test b.t failed with ret 1", "5 sec", DONE, PASSED)
    assert [(p.name, p.status) for p in told[:2]] == [("b.t", F), ("a.t", P)]


def test_words_of_the_runner_that_a_test_writes_end_nothing() -> None:
    told = runner(began("a.t"), PASSED, DONE, "5 sec", DONE, PASSED)
    assert [(p.name, p.status) for p in told] == [("a.t", P)]


@pytest.mark.parametrize(
    "line",
    ["Running test : a.t", "Running test a.c  ", "Running test a.t: x", "Running tests a.t  "],
)
def test_what_begins_no_test(line: str) -> None:
    assert [p.name for p in runner(line, DONE, PASSED)] == [RUNNER]


def test_two_tests_in_one_line() -> None:
    told = runner(began("a.t", "words5 sec" + began("b.t", "7 sec")), DONE, PASSED)
    assert [(p.name, p.seconds) for p in told] == [("a.t", 5.0), ("b.t", 7.0)]


def test_a_verdict_that_is_cut_off_is_none() -> None:
    assert [p.status for p in runner(cut=began("a.t", "5 sec"))] == [M, ERROR]
    assert [p.status for p in runner(began("a.t", "words5 sec"))] == [M, ERROR]


def test_of_many_words_the_first_and_the_last_are_kept() -> None:
    words = [str(n) for n in range(200)]
    (test, *_) = runner(began("a.t"), *words, "Test a.t failed with ret 1")
    lines = test.cases[0].diagnostics
    assert len(lines) == 100
    assert (lines[:50], lines[-2:]) == (tuple(words[:50]), ("199", "Test a.t failed with ret 1"))


def test_so_many_tests_of_the_runner_are_kept() -> None:
    good = [began("a.t", "5 sec")] * 10_001
    told = runner(*good, DONE, PASSED)
    assert len(told) == 10_001  # and what is wrong with the log
    assert problems(told) == ("more than 10000 results; the rest was left out",)
    bad = [
        line for n in range(1002) for line in (began("b.t"), f"Test b.t failed with ret {n % 9}")
    ]
    told = runner(*good, *bad)
    assert len(told) == 11_001
    assert "more than 10000 results; the rest was left out" in problems(told)


# ---- logs that the kernel and programs write together


def heard(
    *blocks: str, alone: bool = False, style: Style = CONSOLE
) -> tuple[ktap.KtapResult, ktap.KtapResult, list[tuple[EventKind, int]]]:
    """Give what programs said, what the kernel said, and the complaints with their lines."""
    programs = ktap.Parser()
    told = hear(blocks, programs, style, alone=alone, max_cases=100)
    return programs.end(), told.kernel, [(event.kind, event.line) for event in told.events]


STAMP = "[    1.000000] "


def names(said: ktap.KtapResult) -> list[str]:
    return [case.name for case in said.cases]


def test_who_wrote_what() -> None:
    log = f"1..1\n{STAMP}KTAP version 1\nok 1 a\n{STAMP}1..1\n{STAMP}ok 1 b\n{STAMP}BUG: x\n"
    for blocks in ([log], log.splitlines(keepends=True)):
        programs, kernel, events = heard(*blocks)
        assert (names(programs), names(kernel)) == (["a"], ["b"])
        assert events == [(EventKind.BUG, 6)]


def test_a_log_of_the_kernel_alone_without_time_stamps() -> None:
    programs, kernel, events = heard("KTAP version 1\n1..1\nok 1 b\nBUG: x\n", alone=True)
    assert (names(programs), names(kernel), events) == ([], ["b"], [(EventKind.BUG, 4)])


def test_ordinary_lines_are_counted() -> None:
    log = f"{STAMP}eth0: up\n" * 5 + "words\n" * 5 + f"{STAMP}BUG: x\n"
    assert heard(log)[2] == [(EventKind.BUG, 11)]
    log = "eth0: up\n" * 5 + "BUG: x\n"
    assert heard(log, alone=True)[2] == [(EventKind.BUG, 6)]


def test_lines_of_a_complaint_are_its_own_in_the_middle_of_ordinary_ones() -> None:
    log = f"{STAMP}BUG: x\n{STAMP}eth0: up\nwords\n{STAMP}more\n"
    told = hear([log], ktap.Parser(), CONSOLE, alone=False, max_cases=1)
    assert [event.lines for event in told.events] == [("BUG: x", "eth0: up", "more")]


def test_what_the_kernel_says_before_a_failure_is_told() -> None:
    log = f"{STAMP}KTAP version 1\n{STAMP}1..1\n{STAMP}# why\n{STAMP}not ok 1 b\n"
    assert heard(log)[1].cases[0].reason == "why"


def test_what_a_program_says_before_a_failure_is_told() -> None:
    assert heard("1..1\nwords\nwhy\nnot ok 1 a\n")[0].cases[0].diagnostics == ("words", "why")


def test_a_last_line_that_is_cut_off() -> None:
    programs, _, _ = heard("1..1\nok 1 a")
    assert programs.problems[-1] == "a line is cut off and does not count: ok 1 a"
    _, kernel, _ = heard(f"{STAMP}1..1\n{STAMP}ok 1 b")
    assert kernel.problems[-1] == "a line is cut off and does not count: ok 1 b"
    # What a program wrote in front of the kernel's words has its end.
    programs, _, _ = heard(f"1..1\nok 1 a{STAMP}word")
    assert (names(programs), programs.problems) == (["a"], ())


def test_a_program_shows_its_last_words_behind_a_carriage_return() -> None:
    programs, _, events = heard(f"1..2\nok 1 a\r{STAMP}BUG: x\rok 2 b\n")
    assert (names(programs), events) == (["a", "b"], [(EventKind.BUG, 2)])


# ---- saved logs


def read(text: str) -> savedlog.Saved:
    return savedlog.read([text], "log")


def document(log: savedlog.Saved) -> RunResult:
    return savedlog.result(
        log, "log", started="2026-01-01T00:00:00+00:00", seconds=1.5, version="7"
    )


GOOD = "TAP version 13\n1..2\nok 1 a\nok 2 b\n"


def test_a_saved_log_as_a_document() -> None:
    told = document(read(GOOD))
    assert (told.run, told.started, told.seconds) == ("log", "2026-01-01T00:00:00+00:00", 1.5)
    assert told.verdict is Verdict.PASS
    (stage,) = told.stages
    assert (stage.name, stage.state, stage.seconds) == ("parse", StageState.DONE, 1.5)
    assert stage.summary == "TAP log, 1 program"
    assert told.provenance.kseries_version == "7"
    assert told.provenance.command == ("kseries", "parse", "log")
    assert (told.stack, told.under_test, told.suites) == ("", "", ())


def test_a_saved_log_in_which_all_is_skipped_is_no_pass() -> None:
    told = document(read("TAP version 13\n1..0 # SKIP no card\n"))
    assert told.suites == ("TAP",)
    assert told.verdict is Verdict.FAIL
    some = document(read("TAP version 13\n1..2\nok 1 a # SKIP\nok 2 b\n"))
    assert some.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (GOOD, Kind.TAP),
        ("1..1\nok 1 selftests: net: ping.sh\n", Kind.KSELFTEST),
        ("TAP version 13\n1..1\n# selftests: net: a\n# 1..1\n# ok 1 x\nok 1 a\n", Kind.KSELFTEST),
        (f"{STAMP}KTAP version 1\n{STAMP}1..1\n{STAMP}ok 1 a\n", Kind.KUNIT),
        ("KTAP version 1\n1..1\n    # Subtest: a\n    1..1\n    ok 1 x\nok 1 a\n", Kind.KUNIT),
        ("KTAP version 1\n1..1\n# Subtest: a\n  1..1\n  ok 1 x\nok 1 a\n", Kind.KUNIT),
        (f"{STAMP}ok 1 a\n", Kind.KUNIT),
        # A program that shows what the kernel said.
        ("KTAP version 1\n1..1\n  # Subtest: a\nok 1 selftests: net: a\n", Kind.KSELFTEST),
        ("KTAP version 1\n1..1\n  # Subtest: a\nnot ok 1 selftests: net: a\n", Kind.KSELFTEST),
        ("KTAP version 1\n1..1\n  # Subtest: a\n# selftests: net: a\nok 1 a\n", Kind.KSELFTEST),
        (f"{STAMP}eth0: up\n", Kind.KERNEL),
        (f"words\n{STAMP}eth0: up\n", Kind.KERNEL),
        ("words\n", Kind.TAP),
        (began("a.t", "5 sec") + "\n", Kind.LIBURING),
    ],
)
def test_who_wrote_a_log(text: str, kind: Kind) -> None:
    assert read(text).kind is kind


def test_programs_of_the_kselftest_runner_have_their_names() -> None:
    text = "TAP version 13\n1..2\n# selftests: net: a.sh\nok 1 selftests: net: a.sh\n"
    first, second, whole = read(text + "# selftests: mm: b\n").programs
    assert (first.suite, first.name, first.status) == ("net", "a.sh", P)
    assert (second.name, second.status) == (savedlog.NO_RESULT, M)
    assert (whole.name, whole.status) == (savedlog.LOG, ERROR)


def test_problems_of_a_program_are_its_own() -> None:
    text = (
        "TAP version 13\n1..2\n# 1..2\n# ok 1 x\nok 1 selftests: net: a\nok 2 selftests: net: b\n"
    )
    one, other = read(text).programs
    assert (one.name, one.status) == ("a", F)
    assert one.problems[0] == "1 of 2 planned results are missing"
    assert (other.name, other.status, other.problems) == ("b", P, ())


def test_what_a_program_that_is_not_good_wrote_is_kept() -> None:
    words = [f"# {n}" for n in range(90)]
    text = "\n".join(["TAP version 13", "1..1", *words, "not ok 1 selftests: net: a", ""])
    (program,) = read(text).programs
    assert program.tail == tuple(words[-60:])
    (program,) = read(text.replace("not ok", "ok")).programs
    assert program.tail == ()


def test_a_log_without_a_plan_is_no_pass() -> None:
    (program,) = read("TAP version 13\nok 1 a\n").programs
    assert (program.status, program.problems) == (ERROR, (savedlog.NO_PLAN,))


def test_a_failure_stays_one_whatever_else_is_wrong() -> None:
    (program,) = read("TAP version 13\n1..1\nnot ok 1 a\nBail out! x\n").programs
    assert (program.status, program.problems) == (F, ("Bail out! x",))


def test_a_log_that_begins_with_a_pass_is_none() -> None:
    assert read("ok 1 a\n1..1\n").programs[0].problems == (savedlog.NO_BEGINNING,)
    assert read("not ok 1 a\n1..1\n").programs[0].problems == ()
    assert read("words\nok 1 a\n1..1\n").programs[0].problems == ()


def test_suites_of_the_kernel_without_a_plan_are_a_note() -> None:
    text = f"{STAMP}KTAP version 1\n{STAMP}ok 1 a\n"
    told = read(text)
    assert (told.notes, [p.status for p in told.programs]) == ((savedlog.NO_PLAN,), [P])
    assert read(text.replace("ok 1", "1..1\n[    1.000000] ok 1")).notes == ()


def test_a_message_that_looks_like_a_result_is_none_beside_others() -> None:
    text = f"{GOOD}{STAMP}ok 1 then\n"
    assert [p.suite for p in read(text).programs] == ["TAP"]
    assert [p.suite for p in read(text.replace("] ok", "] not ok")).programs] == ["TAP", "kunit"]
    # Nor does it say that one before it is missing.
    assert [p.suite for p in read(text.replace("] ok 1", "] ok 2")).programs] == ["TAP"]


def test_a_program_that_bailed_out_is_told_beside_the_kernel() -> None:
    kernel = f"{STAMP}KTAP version 1\n{STAMP}1..1\n{STAMP}ok 1 a\n"
    told = read(f"Bail out! x\n{kernel}")
    assert [(p.suite, p.status) for p in told.programs] == [("TAP", ERROR), ("kunit", P)]
    assert document(told).stages[0].summary == "TAP log, 2 programs"
    assert [p.suite for p in read(f"words\n{kernel}").programs] == ["kunit"]


# ---- config fragments


def fragment(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "value", ["y", "m", "n", "7", "-7", "0x1F", "0Xff", '""', '"a b"', r'"a\"b"']
)
def test_what_a_symbol_can_be_promised_to_be(tmp_path: Path, value: str) -> None:
    file = fragment(tmp_path / "f", f"  CONFIG_A_1={value}  ")
    assert fragments.parse(file, "6.99.0") == [Promise("A_1", value, file, 1)]


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("CONFIG_A=", "not a value: (nothing)"),
        ("CONFIG_A=yes", "not a value: yes"),
        ("CONFIG_A=0x", "not a value: 0x"),
        ("CONFIG_A=7a", "not a value: 7a"),
        ('CONFIG_A="a"b"', 'not a value: "a"b"'),
        ("A=y", "not understood: A=y"),
        ("CONFIG_A y", "not understood: CONFIG_A y"),
        ("x CONFIG_A=y", "not understood: x CONFIG_A=y"),
    ],
)
def test_lines_that_promise_nothing(tmp_path: Path, line: str, mistake: str) -> None:
    file = fragment(tmp_path / "f", "CONFIG_B=y", line, "=")
    with pytest.raises(UserError) as told:
        fragments.parse(file, "6.99.0")
    first, second = told.value.where.split("\n")
    assert first.startswith(f"{file}:2: {mistake}")
    assert second == f"{file}:3: not understood: (not shown)"


def test_comments_and_what_is_promised_not_to_be_set(tmp_path: Path) -> None:
    file = fragment(
        tmp_path / "f", "", "# a comment", "# CONFIG_A is not set", "# CONFIG_B is not set yet"
    )
    (promise,) = fragments.parse(file, "6.99.0")
    assert promise == Promise("A", "n", file, 3)
    assert (promise.where, promise.text) == (f"{file}:3", "# CONFIG_A is not set")


def test_the_later_promise_wins_and_is_told(tmp_path: Path) -> None:
    one = fragment(tmp_path / "one", "CONFIG_A=y", "CONFIG_B=y", "CONFIG_C=y")
    two = fragment(tmp_path / "two", "CONFIG_C=y", "CONFIG_A=7")
    merged = fragments.read([one, two], "6.99.0")
    assert merged.text == "CONFIG_A=7\nCONFIG_B=y\nCONFIG_C=y\n"
    assert merged.notes == (f"{two}:2: CONFIG_A=7 overrides y of {one}:1",)


TEXT = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_S="x"\n# CONFIG_D=y\n'


@pytest.mark.parametrize(
    ("symbol", "value", "found"),
    [
        ("A", "y", None),
        ("B", "n", None),
        ("C", "n", None),
        ("S", '"x"', None),
        ("A", "n", "y"),
        ("A", "m", "y"),
        ("B", "y", "n"),
        ("C", "y", "n"),
        ("S", '"y"', '"x"'),
        ("D", "y", "n"),
    ],
)
def test_a_promise_is_held_against_the_text_of_the_config(
    symbol: str, value: str, found: str | None
) -> None:
    broken = config._broken([Promise(symbol, value, Path("f"), 1)], TEXT)
    assert [(told.symbol, told.found) for told in broken] == ([(symbol, found)] if found else [])


def test_a_mark_of_the_old_runner_behind_a_program_s_text_is_a_result() -> None:
    said = read(f"selftests: net: a.sh\n{'=' * 20}\nno newline selftests: net: a.sh [FAIL]\n")
    assert [(program.name, program.status) for program in said.programs] == [("a.sh", Status.FAIL)]
