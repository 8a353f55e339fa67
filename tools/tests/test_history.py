# SPDX-License-Identifier: GPL-2.0
"""The history of tests, in a real file."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.errors import InfraError
from kseries.model import Case, ProgramResult, RunResult, Status
from kseries.report import flakelist
from kseries.verdict import history
from kseries.verdict.history import Past

P, F = Status.PASS, Status.FAIL


def program(*cases: Case) -> ProgramResult:
    status = P if all(case.status.good for case in cases) else F
    return ProgramResult("zcrx", "recv", status, 0, 1.0, cases)


def run_of(base: RunResult, name: str, *cases: Case) -> RunResult:
    started = f"2026-11-0{name[-1]}T00:00:00+00:00"
    return replace(base, run=name, started=started, programs=(program(*cases),))


FLAKY = Case("slow", F, reruns=(F, P))
FIRM = Case("slow", F, reruns=(F, F))
GOOD = Case("slow", P)


def test_history_counts_runs_failures_and_flakes(tmp_path: Path, passing_run: RunResult) -> None:
    file = tmp_path / "cache" / "history.sqlite"
    assert history.read(file) == ()
    for name, case in (
        ("r1", FLAKY),
        ("r2", GOOD),
        ("r3", FIRM),
        ("r4", Case("slow", Status.SKIP)),
    ):
        history.add(file, run_of(passing_run, name, case, Case("quick", P)))
    assert history.read(file) == (
        Past(
            test="zcrx/recv: slow",
            runs=3,
            failed=2,
            flaky=1,
            last_flaky="2026-11-01T00:00:00+00:00",
            last_failed="2026-11-03T00:00:00+00:00",
        ),
    )
    bad, good = (run_of(passing_run, "r5", case).programs for case in (FIRM, GOOD))
    assert history.about(file, bad) == ("zcrx/recv: slow was flaky in 1 of 3 runs and failed in 1",)
    assert history.about(file, good) == ()


def test_a_run_counts_once(tmp_path: Path, passing_run: RunResult) -> None:
    file = tmp_path / "history.sqlite"
    for case in (FLAKY, FLAKY, FIRM):
        history.add(file, run_of(passing_run, "r1", case))
    (past,) = history.read(file)
    assert (past.runs, past.failed, past.flaky) == (1, 1, 0)


def test_a_program_that_is_bad_although_its_cases_are_not(
    tmp_path: Path, passing_run: RunResult
) -> None:
    file = tmp_path / "history.sqlite"
    told = replace(program(GOOD), status=F, reruns=(P,))
    history.add(file, replace(passing_run, programs=(told,)))
    (past,) = history.read(file)
    assert (past.test, past.failed, past.flaky) == ("zcrx/recv", 1, 1)


def test_old_runs_are_forgotten(
    tmp_path: Path, passing_run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT_RUNS", 2)
    file = tmp_path / "history.sqlite"
    for number in range(1, 6):
        history.add(file, run_of(passing_run, f"r{number}", FLAKY))
    (past,) = history.read(file)
    assert (past.runs, past.last_flaky[:10]) == (2, "2026-11-05")


@pytest.mark.parametrize("broken", ["text", "version", "folder"])
def test_a_file_that_is_no_history(tmp_path: Path, passing_run: RunResult, broken: str) -> None:
    file = tmp_path / "history.sqlite"
    if broken == "text":
        file.write_text("no database, but long enough to be taken for one\n" * 50)
    elif broken == "version":
        with sqlite3.connect(file) as base:
            base.execute("PRAGMA user_version = 77")
        base.close()
    else:
        file.mkdir()
    with pytest.raises(InfraError, match="history of tests cannot be used"):
        history.add(file, run_of(passing_run, "r1", FLAKY))


def test_list_of_tests() -> None:
    assert flakelist.render((), width=80, color=False) == f"{flakelist.NOTHING}\n"
    past = Past("zcrx/recv: a", 30, 3, 2, "2026-11-01T10:00:00+00:00", "2026-11-02T10:00:00+00:00")
    text = flakelist.render((past,), width=100, color=False)
    assert [line.split() for line in text.splitlines()] == [
        ["runs", "flaky", "failed", "last", "test"],
        ["30", "2", "1", "2026-11-02", "10:00", "UTC", "zcrx/recv:", "a"],
    ]
