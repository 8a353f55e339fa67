# SPDX-License-Identifier: GPL-2.0
"""What is run again, and what its second time says of the first."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from kseries.lib.runfolder import RunFolder
from kseries.model import Case, ProgramResult, Status, TestProgram
from kseries.test import rerun
from tests.hosttarget import HostTarget
from tests.test_rules_scheduler import loses
from tests.test_teststage import GOOD, Bench, add_by_case, bench

__all__ = ["bench"]  # a fixture

P, S, F, X = Status.PASS, Status.SKIP, Status.FAIL, Status.XFAIL
MISSING, TIMEOUT, CRASH = Status.MISSING, Status.TIMEOUT, Status.CRASH

CASES = ("a", "b", "c")
PROGRAM = TestProgram("demo", "long", ("./long",), "demo", 20.0, CASES, case_option="-r")
GOOD_CASES = tuple(Case(name, P) for name in CASES)
RESULT = ProgramResult("demo", "long", F, 1, 1.0, (Case("a", F), Case("b", P), Case("c", F)))


def chosen(result: ProgramResult, program: TestProgram = PROGRAM) -> list[TestProgram]:
    shards, left_out = rerun._choose([program], [result])
    assert left_out == []
    return [shard.program for shard in shards]


# ---- what is run again


def test_bounds() -> None:
    assert (rerun.TIMES, rerun.BUDGET_S, rerun.LEAST_TIMEOUT_S) == (2, 300.0, 60.0)


def test_of_a_program_its_bad_cases_are_run_again() -> None:
    (program,) = chosen(RESULT)
    assert (program.argv, program.cases) == (("./long", "-r", "a", "-r", "c"), ("a", "c"))


@pytest.mark.parametrize(
    ("program", "cases"),
    [
        (replace(PROGRAM, case_option=""), RESULT.cases),
        # A case that was not planned cannot be asked for.
        (replace(PROGRAM, cases=("a",)), RESULT.cases),
        (replace(PROGRAM, cases=()), RESULT.cases),
        (PROGRAM, GOOD_CASES),  # the kernel complained
    ],
)
def test_else_all_of_it(program: TestProgram, cases: tuple[Case, ...]) -> None:
    assert chosen(replace(RESULT, cases=cases), program) == [program]


@pytest.mark.parametrize(
    "result",
    [
        replace(RESULT, status=P, cases=GOOD_CASES),
        replace(RESULT, status=X, cases=(Case("a", X),)),
        # What was good once is flaky: that is known then.
        replace(RESULT, cases=(Case("a", F, reruns=(P,)), Case("b", P))),
        replace(RESULT, cases=GOOD_CASES, reruns=(P,)),
        # What did not run at all.
        replace(RESULT, status=MISSING, exit_status=None, seconds=0.0, cases=(Case("a", MISSING),)),
    ],
)
def test_what_is_not_run_again(result: ProgramResult) -> None:
    assert chosen(result) == []


@pytest.mark.parametrize(
    "result",
    [
        replace(RESULT, seconds=0.0),
        replace(RESULT, exit_status=None, status=TIMEOUT, seconds=0.5),
        replace(RESULT, cases=(Case("a", F, reruns=(F,)),)),
        replace(RESULT, cases=(Case("all", F, children=(Case("a", F), Case("b", P))),)),
    ],
)
def test_what_was_bad_each_time_is(result: ProgramResult) -> None:
    assert len(chosen(result)) == 1


@pytest.mark.parametrize(
    ("own_s", "seconds", "timeout_s"),
    [
        (20.0, (1.0, 2.0), 20.0),
        (1000.0, (1.0, 2.0), 60.0),
        (1000.0, (10.0, 20.0), 90.0),
        (80.0, (10.0, 20.0), 80.0),
        (1000.0, (None, 40.0), 120.0),
    ],
)
def test_what_hangs_the_second_time_is_not_waited_for_so_long(
    own_s: float, seconds: tuple[float | None, float], timeout_s: float
) -> None:
    program = replace(PROGRAM, timeout_s=own_s)
    cases = (Case("a", F, seconds=seconds[0]), Case("c", F, seconds=seconds[1]))
    (asked,) = chosen(replace(RESULT, cases=cases, seconds=500.0), program)
    assert asked.timeout_s == timeout_s
    # Where all of it is run, all of its time counts.
    whole = replace(RESULT, cases=cases, seconds=sum(filter(None, seconds)))
    (asked,) = chosen(whole, replace(program, case_option=""))
    assert asked.timeout_s == timeout_s


def test_a_round_takes_no_longer_than_its_budget() -> None:
    took = {"one": 100.0, "two": 200.1, "three": 150.0, "four": 50.0, "five": 0.1}
    programs = [replace(PROGRAM, name=name, case_option="") for name in took]
    results = [replace(RESULT, name=name, seconds=seconds) for name, seconds in took.items()]
    shards, left_out = rerun._choose(programs, results)
    assert [shard.program.name for shard in shards] == ["one", "three", "four"]
    assert left_out == [
        "demo/two was not rerun: it takes too long", "demo/five was not rerun: it takes too long"
    ]  # fmt: skip


# ---- what the second time says


def test_what_was_not_run_again_stays() -> None:
    assert rerun._told(RESULT, None) == RESULT


@pytest.mark.parametrize(
    ("second", "problems"), [(P, ("x", rerun.FLAKY)), (F, ("x",)), (CRASH, ("x",))]
)
def test_a_program_that_was_bad_by_itself(second: Status, problems: tuple[str, ...]) -> None:
    first = replace(RESULT, cases=GOOD_CASES, problems=("x",), reruns=(TIMEOUT,))
    told = rerun._told(first, replace(first, status=second, problems=("y",)))
    assert (told.status, told.reruns, told.problems) == (F, (TIMEOUT, second), problems)
    assert told.cases == GOOD_CASES


@pytest.mark.parametrize(
    ("status", "cases", "reruns"),
    [
        (P, (P, P), ((P,), (P,))),
        (P, (S, P), ((S,), (P,))),
        (F, (F, P), ((F,), (P,))),
        # The kernel complained meanwhile, of none of them.
        (F, (P, P), ((F,), (F,))),
        (CRASH, (P, CRASH), ((P,), (CRASH,))),
    ],
)
def test_cases_that_were_bad(
    status: Status, cases: tuple[Status, Status], reruns: tuple[tuple[Status], tuple[Status]]
) -> None:
    second = replace(RESULT, status=status, cases=(Case("a", cases[0]), Case("c", cases[1])))
    told = rerun._told(RESULT, second)
    assert [case.reruns for case in told.cases] == [reruns[0], (), reruns[1]]
    assert [case.status for case in told.cases] == [F, P, F]
    assert (told.status, told.reruns) == (F, ())


def test_cases_below_others_and_such_as_were_not_run_again() -> None:
    flaky = Case("b", F, reruns=(P,))
    first = replace(
        RESULT,
        cases=(Case("all", F, children=(Case("a", F, reruns=(F,)), flaky)), Case("c", F)),
    )
    second = replace(RESULT, status=P, cases=(Case("a", P), Case("b", P)))
    told = rerun._told(first, second)
    (a, b), c = told.cases[0].children, told.cases[1]
    assert (a.reruns, b, c) == ((F, P), flaky, Case("c", F))


# ---- rounds


def test_a_machine_that_is_lost_meanwhile_takes_nothing_back(bench: Bench) -> None:
    lost = 'if [ $(count) -gt 1 ]; then echo LOST >>"$KMSG"; echo dying; fi; false'
    add_by_case(bench, "bad", f"if [ $c = demo.case_2 ]; then {lost}; fi")
    for _ in range(2):  # also in a folder that an earlier run has left
        told = bench.test(reruns=True)
        assert told.notes == ("failed tests could not be rerun: The machine is gone.",)
        assert [case.status for case in told.programs[0].cases] == [P, F, P]
        assert told.programs[0].cases[1].reruns == ()
        (bench.path / "state/demo.case_2").unlink()


def test_what_was_good_once_is_run_no_third_time(bench: Bench) -> None:
    add_by_case(bench, "moody", "[ $c != demo.case_2 ] || [ $(count) = 2 ]")
    folders: list[bool] = []
    opened = bench.open

    def open_in(folder: RunFolder, number: int) -> AbstractContextManager[HostTarget]:
        folders.append(folder.path.is_dir())
        return opened(folder, number)

    bench.open = open_in  # type: ignore[method-assign]
    told = bench.test(reruns=True)
    assert told.programs[0].cases[1].reruns == (P,)
    assert sorted(each.name for each in bench.run.path.glob("rerun-*")) == ["rerun-1"]
    assert folders == [True, True]


def test_rounds_are_told_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun, "BUDGET_S", 0.5)
    unlucky = f"{loses(2).replace('-le 2', '= 2')}; [ $c = demo.case_2 ] && false"
    add_by_case(bench, "bad", f"{unlucky}; [ $c != demo.case_2 ]")
    slow = GOOD.replace("ok $n", "not ok $n")
    bench.add("slow", f"{slow}sleep 0.6; exit 1\n")
    told = bench.test(reruns=True)
    assert told.notes == (
        "demo/slow was not rerun: it takes too long",
        "a machine was lost, demo/bad was rerun: The machine is gone.",
    )
    assert told.programs[0].cases[1].reruns == (F, F)
    assert told.facts["boots"] == "4"
