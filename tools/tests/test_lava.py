# SPDX-License-Identifier: GPL-2.0
"""Signals of tests on LAVA, alone and beside the results that they repeat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import Case, ProgramResult, Status
from kseries.parse.lava import LOOSE, NO_END, Signals, unreported
from kseries.verdict.savedlog import Kind
from tests.log_strategies import read, verdict

P, F, S, ERROR = Status.PASS, Status.FAIL, Status.SKIP, Status.ERROR


def signal(name: str, result: str, more: str = "") -> str:
    return f"<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={name} RESULT={result}{more}>"


BEGIN, END = "<LAVA_SIGNAL_STARTRUN 0_net 12_1.2>", "<LAVA_SIGNAL_ENDRUN 0_net 12_1.2>"
STAMP = "<8>[   12.345678] "


def log_of(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("stamp", ["", STAMP, "2024-11-05T12:00:01.123456 ", "half a line"])
def test_signals_alone_are_results(stamp: str) -> None:
    lines = [BEGIN, signal("a", "pass"), signal("b", "fail"), signal("c", "skip"), END]
    log = read(log_of(*(stamp + line for line in lines)))
    (program,) = log.programs
    assert (log.kind, program.suite, program.name) == (Kind.LAVA, "LAVA", "0_net")
    assert [(case.name, case.status) for case in program.cases] == [("a", P), ("b", F), ("c", S)]
    assert verdict(log).exit_code == 1
    good = read(log_of(*(stamp + line for line in lines if "fail" not in line)))
    assert verdict(good).exit_code == 0


def test_a_run_without_an_end_is_no_pass() -> None:
    (program,) = read(log_of(BEGIN, signal("a", "pass"))).programs
    assert (program.status, program.problems) == (ERROR, (NO_END,))
    (program,) = read(log_of(signal("a", "pass"))).programs
    assert (program.status, program.problems) == (ERROR, (NO_END,))


def test_a_result_that_nobody_knows_is_no_pass() -> None:
    (program,) = read(log_of(BEGIN, signal("a", "unknown"), END)).programs
    assert program.cases[0].status is ERROR


def test_what_was_measured_is_the_reason() -> None:
    more = " UNITS=lines MEASUREMENT=3"
    (program,) = read(log_of(BEGIN, signal("alert", "fail", more), END)).programs
    assert program.cases[0].reason == "3 lines"


KSELFTEST = (
    "TAP version 13",
    "1..2",
    "# selftests: net: a.sh",
    "# 1..1",
    "# {} 1 opens",
    "{} 1 selftests: net: a.sh",
    "# selftests: net: b.sh",
    "ok 2 selftests: net: b.sh",
)


def test_a_failure_that_only_a_signal_tells_is_no_pass() -> None:
    results = [line.format("ok") for line in KSELFTEST]
    log = read(log_of(*results, BEGIN, signal("net_a_sh", "pass"), signal("net_b_sh", "fail"), END))
    assert log.kind is Kind.KSELFTEST
    assert [(p.suite, p.name, p.status) for p in log.programs] == [
        ("net", "a.sh", P), ("net", "b.sh", P), ("LAVA", "0_net", F)
    ]  # fmt: skip
    assert [case.name for case in log.programs[-1].cases] == ["net_b_sh"]
    assert verdict(log).exit_code == 1


@pytest.mark.parametrize("name", ["net_a_sh", "a.sh", "net_a_sh_opens", "opens", "net:a.sh.opens"])
def test_signals_that_repeat_results_are_no_others(name: str) -> None:
    results = [line.format("not ok") for line in KSELFTEST]
    log = read(log_of(*results, BEGIN, signal(name, "fail"), signal("net_b_sh", "pass"), END))
    assert [(p.name, p.status) for p in log.programs] == [("a.sh", F), ("b.sh", P)]


def test_signals_that_pass_prove_nothing_beside_results() -> None:
    results = [line.format("ok") for line in KSELFTEST[:-1]]
    log = read(log_of(*results, BEGIN, signal("net_a_sh", "pass"), signal("net_b_sh", "pass"), END))
    assert verdict(log).exit_code == 1


def test_a_script_that_is_shown_signals_nothing() -> None:
    shown = 'printf "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=%s RESULT=fail>" "$name"'
    other = 'echo "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=$name RESULT=fail>"'
    results = [line.format("ok") for line in KSELFTEST]
    assert verdict(read(log_of(shown, other, *results))).exit_code == 0


def test_a_failure_in_a_run_without_an_end_is_a_failure() -> None:
    signals = Signals(10)
    signals.feed("<LAVA_SIGNAL_STARTRUN 0_net 1.2>\n" + signal("a", "fail"))
    (program,) = signals.programs()
    assert (program.status, program.problems) == (Status.FAIL, (NO_END,))


def test_a_failure_is_kept_where_there_is_no_room_for_passes() -> None:
    signals = Signals(1)
    signals.feed("\n".join((signal("a", "pass"), signal("b", "pass"), signal("c", "fail"))))
    (program,) = signals.programs()
    assert [case.name for case in program.cases] == ["a", "c"]


def told(*lines: str) -> list[tuple[str, Status, int]]:
    """Give name, status, and number of cases of each run."""
    signals = Signals(10)
    signals.feed("\n".join(lines))
    return [(run.name, run.status, len(run.cases)) for run in signals.programs()]


def test_a_run_in_which_nothing_was_signalled_is_told() -> None:
    assert told(BEGIN) == [("0_net", ERROR, 0)]
    other = BEGIN.replace("0_net", "1_mm")
    assert [name for name, *_ in told(BEGIN, END, other, END)] == ["0_net", "1_mm"]


def test_behind_the_end_of_a_run_a_signal_is_of_none() -> None:
    lines = (BEGIN, signal("a", "pass"), END, signal("b", "pass"))
    assert told(*lines) == [("0_net", P, 1), (LOOSE, ERROR, 1)]
    # Of a run that has not begun the end says nothing.
    assert told(BEGIN, END.replace("0_net", "1_mm"), signal("a", "pass")) == [("0_net", ERROR, 1)]


def test_what_is_told_beside_other_results_are_failures_alone() -> None:
    cases = (Case("a", P), Case("b", F), Case("c", Status.SKIP))
    run = ProgramResult("LAVA", "0_net", ERROR, None, 0.0, cases, (NO_END,))
    (added,) = unreported([run], [])
    assert (added.status, added.problems, added.cases) == (F, (), cases[1:2])
    for suite, program, case in (
        ("net", "ping.sh", "b"),
        ("net", "ping.sh", "B".lower()),
        ("net", "b", "x"),
        ("n", "et_b", "x"),
    ):
        other = ProgramResult(suite, program, F, None, 0.0, (Case(case, F),))
        signalled = Case(f"{suite}-{program}_b" if case == "b" else f"{suite}__{program}", F)
        for name in (signalled, replace(signalled, name=case)):
            assert unreported([replace(run, cases=(name,))], [other]) == ()
    good = ProgramResult("net", "b", P, None, 0.0, (Case("x", P),))
    assert unreported([replace(run, cases=(Case("b", F),))], [good]) != ()
    other = ProgramResult("net", "ping.sh", F, None, 0.0, (Case("b", F),))
    for repeated, count in (("ping_sh-b", 0), ("net_ping.sh_b", 0), ("c", 1), ("ping.sh_c", 1)):
        assert len(unreported([replace(run, cases=(Case(repeated, F),))], [other])) == count
