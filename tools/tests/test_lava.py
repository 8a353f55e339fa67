# SPDX-License-Identifier: GPL-2.0
"""Signals of tests on LAVA, alone and beside the results that they repeat."""

from __future__ import annotations

import pytest

from kseries.model import Status
from kseries.parse.lava import NO_END, Signals
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
