# SPDX-License-Identifier: GPL-2.0
"""A run that did not do everything is not a pass, and says what it did, in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import JUnitXml, Skipped

from kseries.model import (
    SCHEMA_VERSION,
    Case,
    Request,
    RunResult,
    Scope,
    StageRecord,
    StageState,
    Status,
    TestCount,
    TestProgram,
    Verdict,
)
from kseries.names import RUN_STAGES
from kseries.report import changes, html, junit, kcidb, mail, runlist, terminal
from kseries.run.baseline import STAGES
from kseries.run.provenance import arguments
from kseries.verdict import document, scope
from kseries.verdict.comparison import compare
from kseries.verdict.runs import ListedRun
from kseries.verdict.verdict import decided
from tests.toyproject import ToyProject, set_up

DONE = StageState.DONE


def until(result: RunResult, stage: str) -> RunResult:
    """Give the run as if it had been asked for up to a stage."""
    stages = result.stages[: RUN_STAGES.index(stage) + 1]
    tested = {"programs": result.programs, "scope": result.scope} if "test" in stage else {}
    bare = replace(result, stages=stages, programs=(), suites=(), scope=Scope())
    return decided(replace(bare, **tested))  # type: ignore[arg-type]


def chosen(result: RunResult) -> RunResult:
    """Give the run as if three tests had been asked for."""
    asked = Scope(only=("ping", "stats"), chosen=TestCount(1, 3), planned=TestCount(2, 393))
    return decided(replace(result, programs=result.programs[:1], suites=("zcrx",), scope=asked))


def without_suite(result: RunResult) -> RunResult:
    return decided(replace(result, scope=replace(result.scope, left_out=("iou-zcrx",))))


def without_base(result: RunResult) -> RunResult:
    return decided(replace(result, stages=result.stages[:-1]))


def without_tests(result: RunResult) -> RunResult:
    return decided(replace(result, programs=(), suites=(), scope=Scope()))


PARTIAL: dict[str, Callable[[RunResult], RunResult]] = {
    "READ": lambda result: until(result, "series"),
    "FETCHED": lambda result: until(result, "fetch"),
    "APPLIES": lambda result: until(result, "apply"),
    "CONFIGURES": lambda result: until(result, "config"),
    "BUILDS": lambda result: until(result, "build"),
    "PASS of 3 chosen tests": chosen,
    "PASS without iou-zcrx": without_suite,
    "PASS without a part of zcrx": lambda result: decided(
        replace(result, scope=Scope(left_out=("zcrx",)))
    ),
    "PASS, not compared with the base": without_base,
}


def test_the_stages_of_a_whole_run_are_all_there_are() -> None:
    assert tuple(stage.name for stage in STAGES) == RUN_STAGES


def test_a_whole_run_passes(passing_run: RunResult) -> None:
    assert (passing_run.verdict, passing_run.reasons) == (Verdict.PASS, ())
    assert scope.heading(passing_run) == "PASS"
    # Without a series there is no base to compare with.
    plain = replace(passing_run, under_test="", stages=passing_run.stages[:-1])
    assert decided(plain).verdict is Verdict.PASS


@pytest.mark.parametrize("heading", PARTIAL)
def test_a_part_is_no_pass_and_says_what_it_is(heading: str, passing_run: RunResult) -> None:
    part = PARTIAL[heading](passing_run)
    assert (part.verdict, part.exit_code) == (Verdict.PARTIAL, 0)
    assert part.reasons
    assert scope.heading(part) == heading
    assert json.loads(document.to_json(part))["verdict"] == "partial"


@pytest.mark.parametrize("heading", PARTIAL)
def test_each_report_says_what_it_is(heading: str, passing_run: RunResult) -> None:
    part = PARTIAL[heading](passing_run)
    text = terminal.render(part, width=100, color=False)
    assert text.startswith(f"{heading}  zcrx-v7")
    letter = mail.render(part).replace("\n", " ")
    assert f"{heading}, and not everything was done, so it is not a pass:" in letter
    assert "It passes" not in letter
    page = html.render(part)
    assert f"<title>{heading} zcrx-v7</title>" in page
    assert f"<b>{heading}</b>" in page
    assert f"{part.run}: {heading}" in junit.render(part)
    listed = runlist.render((ListedRun("r", part),), width=300, color=False)
    assert heading.lower() in listed
    told = changes.render(compare(passing_run, part), width=300, color=False)
    assert f"({heading})" in told
    for reason in part.reasons:
        assert reason in " ".join(text.split())
        assert reason in " ".join(letter.split())


@pytest.mark.parametrize("heading", PARTIAL)
def test_junit_has_what_was_not_done_as_skipped(heading: str, passing_run: RunResult) -> None:
    part = PARTIAL[heading](passing_run)
    parsed = JUnitXml.fromstring(junit.render(part).encode())
    suites = {suite.name: list(suite) for suite in parsed}
    assert [case.name for case in suites["not done"]] == list(part.reasons)
    skipped = {c.name for c in suites["stages"] if c.result and isinstance(c.result[0], Skipped)}
    assert skipped == set(part.scope.not_asked)
    assert parsed.skipped >= len(part.reasons)


def submitted(result: RunResult) -> dict[str, list[dict[str, object]]]:
    told: dict[str, list[dict[str, object]]] = json.loads(kcidb.render(result))
    return told


def test_kcidb_states_nothing_of_what_was_not_done(passing_run: RunResult) -> None:
    for stage in ("series", "fetch"):
        part = submitted(until(passing_run, stage))
        assert "valid" not in part["checkouts"][0]
        assert (part["builds"], part["tests"]) == ([], [])
    for stage in ("apply", "config"):
        part = submitted(until(passing_run, stage))
        assert part["checkouts"][0]["valid"] is True
        assert (part["builds"], part["tests"]) == ([], [])
    part = submitted(until(passing_run, "build"))
    assert [build["status"] for build in part["builds"]] == ["PASS"]
    assert part["tests"] == []
    (checkout,) = submitted(chosen(passing_run))["checkouts"]
    assert str(checkout["comment"]).endswith(": PASS of 3 chosen tests")
    misc = checkout["misc"]
    assert isinstance(misc, dict)
    assert misc["verdict"] == "partial"
    assert misc["scope"]["chosen"] == {"programs": 1, "tests": 3}
    assert misc["scope"]["only"] == ["ping", "stats"]


def test_the_document_says_how_far_it_came(passing_run: RunResult) -> None:
    part = until(passing_run, "config").scope
    assert (part.asked, part.reached) == ("config", "config")
    assert part.not_asked == ("build", "install", "test", "baseline")
    stages = (*passing_run.stages[:2], StageRecord("apply", StageState.INTERRUPTED))
    rest = (StageRecord(name, StageState.NOT_RUN) for name in RUN_STAGES[3:])
    ended = decided(replace(passing_run, stages=(*stages, *rest), programs=())).scope
    assert (ended.asked, ended.reached, ended.not_asked) == ("baseline", "fetch", ())


def test_a_run_of_no_tests_builds(passing_run: RunResult) -> None:
    part = without_tests(passing_run)
    assert (part.verdict, scope.heading(part)) == (Verdict.PARTIAL, "BUILDS")
    assert part.reasons == ("no test was run",)


@pytest.mark.parametrize("last", ["test", "baseline"])
def test_a_run_whose_test_stage_had_nothing_to_run_builds(
    last: str, passing_run: RunResult
) -> None:
    part = until(without_tests(passing_run), last)
    assert (part.verdict, part.scope.reached, scope.heading(part)) == (
        Verdict.PARTIAL, last, "BUILDS"
    )  # fmt: skip


def test_what_no_heading_fits_is_partial(passing_run: RunResult) -> None:
    other = replace(passing_run, stages=(StageRecord("other", DONE),), suites=())
    for programs in ((), passing_run.programs):
        assert scope.heading(decided(replace(other, programs=programs))) == "PARTIAL"


def test_one_chosen_test_is_one(passing_run: RunResult) -> None:
    one = replace(passing_run, scope=Scope(only=("a",), chosen=TestCount(1, 1)))
    assert scope.heading(decided(one)) == "PASS of 1 chosen test"
    two = replace(passing_run, scope=Scope(only=("a",), chosen=TestCount(1, 2)))
    assert scope.heading(decided(two)) == "PASS of 2 chosen tests"


def test_a_run_that_came_to_no_test_left_none_out(passing_run: RunResult) -> None:
    assert scope.tests(replace(passing_run, scope=Scope(planned=TestCount(2, 5)))) == ""


def test_without_a_series_a_run_goes_up_to_its_tests(passing_run: RunResult) -> None:
    plain = replace(without_tests(passing_run), under_test="")
    for stage, left in (("build", "install, test"), ("install", "test")):
        part = until(plain, stage)
        assert part.reasons == (f"these stages were not asked for: {left}",)
    assert until(plain, "test").reasons == ("no test was run",)


def test_a_log_that_was_read_had_no_stages(passing_run: RunResult) -> None:
    read = replace(passing_run, stack="", stages=())
    assert scope.seen(read).not_asked == ()
    assert scope.lacking(read) == ()


def test_chosen_tests_are_counted_where_that_is_known(passing_run: RunResult) -> None:
    some = Scope(only=("a", "b"), chosen=TestCount(1, 2), planned=TestCount(2, 5))
    for asked, of in ((some, ": 2 of 5"), (replace(some, planned=TestCount()), "")):
        told = scope.lacking(replace(passing_run, scope=asked))
        assert told == (f"only tests chosen with -k (a, b) were to run{of}",)


def test_a_search_or_another_tool_is_no_pass(passing_run: RunResult) -> None:
    stages = (*passing_run.stages[:2], StageRecord("bisect", DONE))
    found = decided(replace(passing_run, stages=stages, programs=(), suites=()))
    assert (found.verdict, scope.heading(found)) == (Verdict.PARTIAL, "SEARCHED")
    assert "It passes" not in mail.render(found)


@pytest.mark.parametrize("state", [StageState.FAILED, StageState.LOST, StageState.USAGE])
def test_a_part_that_went_wrong_is_what_it_would_be(
    state: StageState, passing_run: RunResult
) -> None:
    stages = (*passing_run.stages[:2], StageRecord("apply", state, 1.0, "why"))
    part = decided(replace(passing_run, stages=stages, programs=(), suites=()))
    assert part.verdict is (Verdict.FAIL if state is StageState.FAILED else Verdict.INCOMPLETE)
    assert part.exit_code != 0


def test_tests_that_take_minutes_are_told_and_a_pass(passing_run: RunResult) -> None:
    asked = Scope(chosen=TestCount(18, 393), planned=TestCount(22, 420))
    run = decided(replace(passing_run, scope=asked))
    assert run.verdict is Verdict.PASS
    sentence = "393 of 420 tests, 18 of 22 programs"
    for text in (terminal.render(run, width=100, color=False), html.render(run), junit.render(run)):
        assert sentence in text
    # Below "What was not tested".
    assert "- 27 tests in 4 programs that take minutes (--extended" in mail.render(run)


def test_counts(passing_run: RunResult) -> None:
    planned = (
        TestProgram("zcrx", "zcrx_register", (), "", 1.0, cases=("a", "b", "c", "d", "e")),
        TestProgram("netdevsim", "ping.py", (), "", 1.0),
        TestProgram("netdevsim", "stats.py", (), "", 1.0),
    )
    assert scope.counts(planned, passing_run.programs) == (TestCount(2, 5), TestCount(3, 7))
    silent = replace(passing_run.programs[1], cases=())
    assert scope.counts(planned, (silent,)) == (TestCount(1, 1), TestCount(3, 7))
    many = replace(passing_run.programs[1], cases=(Case("a", Status.PASS), Case("b", Status.PASS)))
    assert scope.counts(planned, (many,)) == (TestCount(1, 2), TestCount(3, 8))


def test_a_run_that_did_less_does_not_tell(passing_run: RunResult, failing_run: RunResult) -> None:
    for part in (until(passing_run, "build"), chosen(passing_run)):
        found = compare(failing_run, part)
        assert (found.worse, found.exit_code) == (False, 3)
        assert "was to do less" in changes.render(found, width=100, color=False)
        assert compare(part, passing_run).exit_code == 0
        assert compare(part, part).exit_code == 0
    assert compare(passing_run, without_base(passing_run)).exit_code == 0


def test_an_old_document_is_no_pass_for_more_than_it_did(passing_run: RunResult) -> None:
    def old(result: RunResult, *options: str) -> RunResult:
        written = json.loads(document.to_json(result))
        facts = {**written["provenance"], "options": options}
        del written["scope"]
        written |= {"schema_version": 1, "verdict": "pass", "exit_code": 0, "provenance": facts}
        return document.parse(json.dumps(written).encode(), "x")

    assert old(passing_run).verdict is Verdict.PASS
    assert scope.heading(old(until(passing_run, "build"))) == "BUILDS"
    assert scope.heading(old(passing_run, "-k", "ping")) == "PASS of chosen tests"
    asked = old(passing_run, "--config", "debug", "-k", "ping", "--extended", "-k", "stats")
    assert (asked.scope.only, asked.scope.extended) == (("ping", "stats"), True)
    assert not old(passing_run, "--jobs", "2").scope.extended
    assert asked.schema_version == SCHEMA_VERSION


def test_a_request_is_told_with_its_last_stage() -> None:
    assert arguments(Request(until="baseline")) == ()
    assert arguments(Request(until="build")) == ("--until", "build")
    assert arguments(Request(until="test")) == ("--until", "test")
    assert arguments(Request(until="test", baseline=False)) == ("--no-baseline",)


# ---- on the toy kernel


@pytest.fixture
def toyproject(tmp_path: Path, toy_kernel: Path) -> ToyProject:
    return set_up(tmp_path / "project", toy_kernel)


def test_runs_up_to_a_stage(toyproject: ToyProject) -> None:
    for stage, heading in (("series", "READ"), ("apply", "APPLIES"), ("build", "BUILDS")):
        code, output = toyproject.kseries("run", "--until", stage)
        assert code == 0
        assert f"\n{heading}  good (stack" in f"\n{output}"
        assert "PASS" not in output
        latest = toyproject.latest()
        assert latest["verdict"] == "partial"
        assert latest["scope"]["asked"] == latest["scope"]["reached"] == stage
        script = (toyproject.root / "out/runs/latest/reproduce.sh").read_text()
        assert script.rstrip().endswith(f"./nox -s selftest -- --until {stage}")
        code, output = toyproject.kseries("report", "--format", "mail")
        assert code == 0
        assert "It passes" not in output


def finished(toyproject: ToyProject, whole: RunResult) -> Path:
    """Make the latest run one that went through all stages and passed."""
    run = (toyproject.root / "out/runs/latest").resolve()
    there = document.parse((run / "results.json").read_bytes(), "x")
    later = (StageRecord(name, DONE, 1.0, "well") for name in RUN_STAGES[len(there.stages) :])
    result = replace(
        there,
        stages=(*there.stages, *later),
        programs=whole.programs,
        events=whole.events,
        findings=whole.findings,
        baseline=whole.baseline,
        suites=whole.suites,
        notes=("the base was tested",),
        scope=whole.scope,
    )
    (run / "results.json").write_text(document.to_json(decided(result)))
    for name in ("install", "test", "baseline"):
        (run / f"{name}.json").write_text("{}")
    return run


def test_a_stage_on_a_finished_run_keeps_nothing_of_later_ones(
    toyproject: ToyProject, compared_run: RunResult
) -> None:
    assert toyproject.kseries("run", "--until", "build")[0] == 0
    run = finished(toyproject, compared_run)
    assert toyproject.latest()["programs"]
    assert toyproject.latest()["baseline"]
    code, output = toyproject.kseries("build", "--run", run.name)
    assert code == 0, output
    assert "BUILDS  good" in output
    latest = toyproject.latest()
    assert latest["verdict"] == "partial"
    assert [latest[name] for name in ("programs", "events", "findings", "suites")] == [[]] * 4
    assert latest["baseline"] is None
    assert latest["notes"] == []
    assert list(toyproject.states()) == list(RUN_STAGES[:5])
    assert latest["patches"]
    # What they left is gone, too: tests of another kernel would be taken for tests of this one.
    code, output = toyproject.kseries("test", "--run", run.name)
    assert code == 2
    assert "has not come to the stage 'install'" in output


def test_resuming_a_finished_run_keeps_nothing_that_is_not_done_again(
    toyproject: ToyProject, passing_run: RunResult
) -> None:
    assert toyproject.kseries("run", "--until", "apply")[0] == 0
    finished(toyproject, passing_run)
    code, output = toyproject.kseries("run", "--resume", "latest")
    assert code == 0, output
    assert "APPLIES  good" in output
    assert list(toyproject.states()) == ["series", "fetch", "apply"]
    assert toyproject.latest()["programs"] == []
