# SPDX-License-Identifier: GPL-2.0
"""Bounds of machines at work: how many may be lost, die, or end a program early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.lib.errors import InfraError
from kseries.lib.progress import Silent
from kseries.model import Case, ProgramResult, Status, TestProgram
from kseries.test import merge, stage
from tests.test_teststage import CASES, GOOD, KERNEL, Bench, add_by_case, bench, by_case

__all__ = ["bench"]  # a fixture

PASS, CRASH = Status.PASS, Status.CRASH


def loses(times: int) -> str:
    """A case whose machine is lost so many times."""
    lost = 'echo LOST >>"$KMSG"; echo dying'
    return f"if [ $c = demo.case_2 ] && [ $(count) -le {times} ]; then {lost}; fi"


def test_two_machines_may_be_lost(bench: Bench) -> None:
    add_by_case(bench, "unlucky", loses(2))
    told = bench.test()
    assert [program.status for program in told.programs] == [PASS]
    assert told.facts["boots"] == "3"


def test_a_third_loss_is_one_too_many(bench: Bench) -> None:
    add_by_case(bench, "unlucky", loses(3))
    with pytest.raises(InfraError, match="The machine is gone"):
        bench.test()


def test_one_program_may_end_early_four_times(bench: Bench) -> None:
    cases = (*CASES, "d", "e", "f")
    bench.add("killer", by_case("panic x"), cases=cases, case_option="-r")
    bench.add("after", "#!/bin/sh\necho 1..1; echo ok 1 a\n")
    killer, after = bench.test().programs
    assert [case.status for case in killer.cases].count(CRASH) == 4
    # The others are run all the same.
    assert after.status is PASS


def test_nine_kernels_may_die(bench: Bench) -> None:
    panic = 'echo "[    9.000000] Kernel panic - not syncing: x" >>"$KMSG"; echo dying; sleep 30'
    for number in range(10):
        bench.add(f"killer-{number}", f"#!/bin/sh\n{panic}\n")
    told = bench.test()
    assert [program.status for program in told.programs] == [CRASH] * 9 + [Status.MISSING]
    assert told.programs[9].problems == ("not run: the kernel died 9 times before",)
    assert told.notes == told.programs[9].problems


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("LOST", [Status.MISSING] * 3),
        ("[    9.000000] Kernel panic - not syncing: x", [PASS, CRASH, Status.MISSING]),
    ],
)
def test_what_another_machine_leaves_after_the_end_is_not_run(
    bench: Bench, end: str, expected: list[Status]
) -> None:
    # The first program is enough while the second still runs, whose machine then ends.
    wait = 'while [ ! -e "$STATE.{}" ]; do sleep 0.02; done'
    bench.add("enough", f"#!/bin/sh\n{wait.format('began')}\n{GOOD}", cases=CASES)
    die = f'touch "$STATE.began"; {wait.format("seen")}; echo "{end}" >>"$KMSG"; echo dying'
    bench.add("other", by_case(f"if [ $c = demo.case_2 ]; then {die}; sleep 30; fi"),
              cases=CASES, case_option="-r")  # fmt: skip

    def enough(result: ProgramResult) -> bool:
        (bench.path / "state.seen").touch()
        return result.name == "enough"

    told = stage.test(
        bench.installed, KERNEL, bench.open, bench.run, Silent(), machines=2, enough=enough
    )
    _, other = told.programs
    assert [case.name for case in other.cases] == list(CASES)
    assert [case.status for case in other.cases] == expected
    assert other.cases[2].reason == "not run: the outcome was known by then"
    lost = "a machine was lost, demo/other could not be rerun: The machine is gone."
    assert (lost in told.notes) == (end == "LOST")


def test_only_of_what_ended_early_the_rest_is_run() -> None:
    program = TestProgram("demo", "x", ("x",), "demo", 1.0, ("a", "b"), case_option="-r")
    cases = (Case("a", PASS), Case("b", Status.MISSING))
    result = ProgramResult("demo", "x", Status.FAIL, 1, 1.0, cases)
    assert merge.rest_of(program, result) == (result, None)
    for status in (CRASH, Status.TIMEOUT):
        kept, rest = merge.rest_of(program, replace(result, status=status))
        assert (kept.cases, rest and rest.cases) == (cases[:1], ("b",))
