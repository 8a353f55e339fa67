# SPDX-License-Identifier: GPL-2.0
"""Which changed functions ran: probes in a folder like the kernel's, and what reports say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.runfolder import RunFolder
from kseries.model import (
    ChangedFunction,
    FunctionState,
    RunResult,
    Scope,
    StageRecord,
    StageState,
    Verdict,
)
from kseries.report.terminal import render
from kseries.test.coverage import Coverage, ran
from kseries.verdict import functions
from kseries.verdict.scope import heading
from kseries.verdict.verdict import decided
from tests.hosttarget import HostTarget

RAN, NOT_RUN = FunctionState.RAN, FunctionState.NOT_RUN
SYMBOLS = ("first", "second", "third")


@pytest.fixture
def tracing(tmp_path: Path) -> Path:
    """Make what tracefs shows of a kernel that can watch the first two functions."""
    place = tmp_path / "tracing"
    for number in (0, 1):
        (place / f"instances/kseries/events/kseries/f{number}").mkdir(parents=True)
    (place / "kprobe_events").write_text("")
    return place


def coverage(tracing: Path, place: Path, symbols: tuple[str, ...] = SYMBOLS) -> Coverage:
    run = RunFolder(place / "run")
    (place / "root").mkdir(exist_ok=True)
    target = HostTarget(place / "root", place / "console", ())
    return Coverage(symbols, target, run, str(tracing))


def hit(tracing: Path, *counts: int) -> None:
    lines = (f"  f{number}   {count}   0\n" for number, count in enumerate(counts))
    (tracing / "kprobe_profile").write_text("".join(lines))


def test_the_program_that_ran_one_first_is_written_down(tracing: Path, tmp_path: Path) -> None:
    watch = coverage(tracing, tmp_path)
    watch.begin()
    assert (tracing / "kprobe_events").read_text().split("\n")[0] == "p:kseries/f0 first"
    assert (tracing / "instances/kseries/tracing_on").read_text() == "0\n"
    hit(tracing, 0, 0)
    watch.look("s/none")
    hit(tracing, 7, 0)
    watch.look("s/a")
    hit(tracing, 9, 1)
    watch.look("s/b")
    assert ran(watch.run) == {"first": "s/a", "second": "s/b", "third": ""}


def test_another_machine_adds_to_it(tracing: Path, tmp_path: Path) -> None:
    for label in ("s/a", "s/b"):
        watch = coverage(tracing, tmp_path)
        watch.begin()
        hit(tracing, 1, int(label == "s/b"))
        watch.look(label)
    assert ran(watch.run) == {"first": "s/a", "second": "s/b", "third": ""}


def test_probes_that_a_test_takes_away_are_asked_no_more(tracing: Path, tmp_path: Path) -> None:
    watch = coverage(tracing, tmp_path)
    watch.begin()
    hit(tracing)
    watch.look("s/ftrace")
    hit(tracing, 1, 1)
    watch.look("s/a")
    assert ran(watch.run) == {"third": ""}


def test_a_kernel_without_probes_tells_nothing(tmp_path: Path) -> None:
    watch = coverage(tmp_path / "none", tmp_path)
    watch.begin()
    watch.look("s/a")
    assert ran(watch.run) == dict.fromkeys(SYMBOLS, "")


def test_without_functions_nothing_is_asked(tracing: Path, tmp_path: Path) -> None:
    watch = coverage(tracing, tmp_path, ())
    watch.begin()
    watch.look("s/a")
    assert (tracing / "kprobe_events").read_text() == ""
    assert ran(watch.run) == {}


def changed(*states: FunctionState) -> tuple[ChangedFunction, ...]:
    return tuple(
        ChangedFunction(f"f{number}", "a.c", state, symbol=f"f{number}")
        for number, state in enumerate(states)
    )


def test_functions_get_what_was_seen() -> None:
    told = functions.seen(changed(NOT_RUN, NOT_RUN, NOT_RUN), {"f0": "s/a", "f1": ""})
    assert [(one.state, one.by) for one in told] == [
        (RAN, "s/a"),
        (FunctionState.UNWATCHED, functions.REFUSED),
        (NOT_RUN, ""),
    ]


def test_a_pass_says_how_many_ran(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, functions=changed(RAN, RAN, NOT_RUN)))
    assert (result.verdict, result.exit_code) == (Verdict.PASS, 0)
    assert heading(result) == "PASS, 2 of 3 changed functions ran"
    text = render(result, width=100, color=False)
    assert "PASS, 2 of 3 changed functions ran" in text
    assert "no test ran f2, which the series changes" in text


@pytest.mark.parametrize(
    ("only", "functions", "told"),
    [
        (("ping",), (RAN, NOT_RUN), "PASS of chosen tests, 1 of 2 changed functions ran"),
        (("ping",), (NOT_RUN,), "PASS of chosen tests, 0 of 1 changed function ran"),
    ],
)
def test_a_part_says_so_too(
    passing_run: RunResult, only: tuple[str, ...], functions: tuple[FunctionState, ...], told: str
) -> None:
    part = replace(passing_run, functions=changed(*functions), scope=Scope(only=only))
    assert heading(decided(part)) == told


def test_what_cannot_be_told_is_told(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, functions=changed(RAN, FunctionState.UNWATCHED)))
    assert heading(result) == "PASS, 1 of 2 changed functions ran, 1 cannot be watched"


def test_a_series_none_of_whose_functions_ran_is_no_plain_pass(passing_run: RunResult) -> None:
    result = decided(replace(passing_run, functions=changed(NOT_RUN, FunctionState.UNWATCHED)))
    assert result.verdict is Verdict.PARTIAL
    why = "no test ran any of the functions that the series changes: f0"
    assert why in result.reasons
    assert heading(result) == "PASS of tests that run nothing of what is changed"


@pytest.mark.parametrize("state", [FunctionState.UNWATCHED, FunctionState.NOT_COMPILED])
def test_where_nothing_can_be_watched_nothing_is_said(
    passing_run: RunResult, state: FunctionState
) -> None:
    result = decided(replace(passing_run, functions=changed(state)))
    assert (result.verdict, heading(result)) == (Verdict.PASS, "PASS")


def test_before_the_tests_nothing_is_said(passing_run: RunResult) -> None:
    stages = (StageRecord("build", StageState.DONE),)
    result = replace(passing_run, stages=stages, programs=(), functions=changed(NOT_RUN))
    assert functions.lacking(result) == functions.statement(result) == ""
