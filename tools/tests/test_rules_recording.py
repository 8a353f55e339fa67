# SPDX-License-Identifier: GPL-2.0
"""What the result document takes over, and how it counts time; how tests are chosen and merged."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    InstalledSuites,
    ProgramResult,
    Scope,
    StageRecord,
    StageState,
    Status,
    TestProgram,
)
from kseries.run.record import Record
from kseries.test import merge, plan
from kseries.verdict import document
from tests.test_rules_record import FACTS, PLAN, SUITES

DONE = StageState.DONE


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_what_was_asked_for_is_in_the_document(run: RunFolder) -> None:
    Record(run, PLAN, ("test",), FACTS, scope=Scope(only=("ping",), extended=True)).write()
    scope = document.read(run).scope
    assert (scope.only, scope.extended) == (("ping",), True)


def test_suites_stay_planned_where_the_tests_ran_before(run: RunFolder) -> None:
    Record(run, PLAN, ("test", "baseline"), FACTS).write()
    Record(run, PLAN, ("baseline",), FACTS).write()
    assert document.read(run).suites == SUITES


def test_suites_that_do_not_fit_are_told_in_the_scope(run: RunFolder) -> None:
    record = Record(run, PLAN, ("install", "test"), FACTS)
    record.add(InstalledSuites(Path("x"), (), left_out=(("zcrx", "no io_uring"),)))
    record.write()
    assert document.read(run).scope.left_out == ("zcrx",)
    assert document.read(run).suites == ("netdevsim",)


def test_a_suite_of_which_a_part_is_left_out_stays_planned(run: RunFolder) -> None:
    record = Record(run, PLAN, ("install", "test"), FACTS)
    program = TestProgram("zcrx", "a", ("./a",), "f", 1.0)
    why = (("zcrx", "no b"), ("zcrx", "no c"), ("zcrx", "no d"), ("zcrx", "no e"))
    record.add(InstalledSuites(Path("x"), (program,), left_out=why))
    record.write()
    told = document.read(run)
    assert told.suites == SUITES
    assert told.scope.left_out == ("zcrx",)
    assert told.notes[-1] == (
        "a part of the suite 'zcrx' is left out: no b; no c; no d; and 1 more"
    )


def test_each_stage_has_its_own_time(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    record = Record(run, PLAN, ("apply", "build"), FACTS)
    clock[0] += 50
    for stage, seconds in (("apply", 1.23456), ("build", 2.0)):
        record.begin(stage)
        clock[0] += seconds
        record.end(stage, DONE, "fine")
        clock[0] += 50
    told = document.read(run)
    assert [stage.seconds for stage in told.stages] == [1.235, 2.0]
    assert told.seconds == 3.235


def test_times_are_told_to_the_millisecond(run: RunFolder) -> None:
    record = Record(run, PLAN, ("apply", "build"), FACTS)
    early = StageRecord("apply", DONE, 0.12345)
    record._result = replace(record._result, stages=(early, *record._result.stages[1:]))
    assert record.write().seconds == 0.123


def test_parts_together_are_called_as_the_first() -> None:
    one = ProgramResult("demo", "long", Status.PASS, 0, 1.0, log="tests/demo/long.log")
    assert merge.merged((), (one, replace(one, log="other"))).log == one.log


def test_a_pattern_that_names_nothing_is_told_with_what_comes_close() -> None:
    names = ("ring", "rings", "wrap", "full", "empty", "late")
    programs = [TestProgram("zcrx", name, ("x",), "zcrx", 9.0) for name in names]
    programs.append(replace(programs[0], suite="net", name="ping"))
    with pytest.raises(UserError) as caught:
        plan.select(programs, ("net/pinng",))
    assert caught.value.where == "7 programs of net, zcrx"
    assert caught.value.do.startswith("take for example: net/ping")
    with pytest.raises(UserError) as caught:
        plan.select(programs, ("~~~~",))
    some = ", ".join(f"zcrx/{name}" for name in names[:5])
    assert caught.value.do == f"take for example: {some}"
    for asked, close in (("ping-net", "net/ping"), ("demo.cose_1", "demo.case_1")):
        with pytest.raises(UserError) as caught:
            plan.select([*programs, replace(programs[0], cases=("demo.case_1",))], (asked,))
        assert caught.value.do.startswith(f"take for example: {close}")
