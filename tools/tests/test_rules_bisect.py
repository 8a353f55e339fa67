# SPDX-License-Identifier: GPL-2.0
"""Rules of a search for the first bad patch that one small change of a line would break."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kseries.bisect import bisect
from kseries.lib import atomicfile
from kseries.lib.errors import CheckFailed, InfraError, UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import Baseline, Case, ProgramResult, Status
from kseries.run import baseline, stages
from kseries.run.context import RunContext
from kseries.verdict.bisection import (
    SOUGHT,
    Bisection,
    BisectStep,
    Conclusion,
    KeptAnswer,
    Seen,
    Sought,
)
from tests.quickrun import BAD, GOOD, SAYS, WARNS, QuickRun, conflict, series, set_up_quick

CASE = Sought(test="ping: a")


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QuickRun:
    return set_up_quick(tmp_path, monkeypatch)


def search(work: RunContext, sought: Sought = CASE) -> Bisection:
    return bisect.stage(sought).carry_out(work)


def bad_from(title: str, script: str = BAD) -> Any:
    """Have the test go wrong with this patch and those after it."""
    return lambda titles: {"pong": GOOD, "ping": script if title in titles else GOOD}


def steps(found: Bisection) -> dict[int, BisectStep]:
    return {step.patches: step for step in found.steps}


def test_each_step_is_run_twice_in_folders_of_its_own(quick: QuickRun) -> None:
    quick.says = bad_from("3")
    work = quick.work()
    found = search(work)
    assert (found.conclusion, found.first, found.last) == (Conclusion.FOUND, 3, 3)
    assert (found.series, len(found.patches)) == ("toys", 4)
    assert found.sought == Sought(test="ping: a", program="demo/ping", case="a")
    assert work.run.load("sought", SOUGHT) == found.sought  # for who goes on with the search
    assert found.commits == ("commit-1", "commit-2", "commit-3", "commit-4")
    assert found.tree == str(work.stack_folder.with_name("st-toy-bisect") / "linux")
    assert [step.patches for step in found.steps] == [0, 2, 3, 4]
    for patches, step in steps(found).items():
        wrong = patches >= 3
        assert [trial.folder for trial in step.trials] == [
            f"steps/{patches}/run-1", f"steps/{patches}/run-2"
        ]  # fmt: skip
        assert {trial.seen for trial in step.trials} == {Seen.BAD if wrong else Seen.GOOD}
        for trial in step.trials:
            log = work.run.path / trial.folder / "tests/demo/ping.log"
            assert ("not ok 1 a" in log.read_text()) == wrong
            assert trial.seconds > 0
        assert step.head == (f"commit-{patches}" if patches else "0" * 40)
        assert step.seconds == round(step.seconds, 3) > 0
    # Each step is built once, all in one place, and of its tests only the one that is meant runs.
    assert list(map(len, quick.made)) == [4, 0, 2, 3]
    assert len(quick.places) == 1
    assert len(quick.machines) == 8
    assert not list(work.run.path.glob("steps/*/run-*/tests/demo/pong*"))
    # What is told on the way: what is done, and what was seen.
    told = [text for text in quick.heard.updates if text.startswith(("patch", "the base"))]
    assert told[:3] == ["patch 4 of 4: building", "patch 4 of 4: run 1", "patch 4 of 4: run 2"]
    assert told[3:6] == ["the base: building", "the base: run 1", "the base: run 2"]
    assert quick.heard.notes[1:3] == ["patch 4 of 4: bad (fail)", "the base: good (pass)"]


def test_only_the_case_that_is_meant_is_run_where_a_program_can(quick: QuickRun) -> None:
    echoes = f'{SAYS}echo "# $*"; echo ok 1 a; echo 1..1\n'
    quick.says = lambda _: {"ping": echoes}
    work = quick.work()
    with pytest.raises(CheckFailed, match="not broken with the whole series"):
        search(work)
    log = work.run.path / "steps/4/run-1/tests/demo/ping.log"
    assert "# -r a" in log.read_text()
    # Where it cannot, or does not plan the case, it runs whole.
    for option, cases in (("", ("a", "b")), ("-r", ())):
        quick.case_option, quick.cases = option, cases
        with pytest.raises(CheckFailed):
            search(quick.work(f"again{option}"))
        log = quick.root / f"again{option}" / "steps/4/run-1/tests/demo/ping.log"
        assert ("# \n" in log.read_text(), "# -r" in log.read_text()) == (True, False)


def test_a_test_that_takes_minutes_is_run_where_it_is_sought(quick: QuickRun) -> None:
    quick.says = bad_from("3")
    quick.extended = ("ping",)
    assert search(quick.work()).first == 3


def test_a_search_goes_on_with_what_is_missing(quick: QuickRun) -> None:
    quick.says = bad_from("2")
    work = quick.work()
    given = quick.target

    def target(folder: RunFolder, number: int) -> Any:
        if len(quick.machines) == 3:
            raise InfraError("The disk is gone.")
        return given(folder, number)

    quick.target = target  # type: ignore[method-assign]
    # What was found before is not told of an attempt that does not come so far.
    (work.run.path / "bisect.json").touch()
    with pytest.raises(InfraError):
        search(work)
    assert not (work.run.path / "bisect.json").exists()
    litter = work.run.path / "steps/0/run-2/tests"
    litter.mkdir(parents=True, exist_ok=True)
    (litter / "old").touch()
    quick.target = given  # type: ignore[method-assign]
    found = search(quick.work())
    assert (found.first, len(quick.machines)) == (2, 2 * len(found.steps))
    assert not (litter / "old").exists()
    # What was found stays until another search, and not until it is over.
    quick.stack = replace(quick.stack, under_test="")
    with pytest.raises(UserError, match="no series under test") as caught:
        search(quick.work())
    assert "--series" in caught.value.do
    assert (work.run.path / "bisect.json").exists()


def test_what_does_not_build_is_no_answer(quick: QuickRun) -> None:
    def says(titles: frozenset[str]) -> dict[str, str]:
        if "2" in titles and "4" not in titles:
            raise CheckFailed("It does not build.", where="here")
        return {"ping": BAD if "4" in titles else GOOD}

    quick.says = says
    work = quick.work()
    found = search(work)
    assert (found.conclusion, found.first, found.last) == (Conclusion.RANGE, 2, 4)
    broken = steps(found)[2]
    assert (broken.untestable, broken.head, broken.trials) == ("It does not build.", "", ())
    assert "It does not build." in (work.run.path / "steps/2/error.txt").read_text()
    assert "patch 2 of 4: It does not build." in quick.heard.notes
    assert broken.seconds > 0


def test_a_series_that_does_not_build_as_a_whole_is_an_error(quick: QuickRun) -> None:
    def says(titles: frozenset[str]) -> dict[str, str]:
        if titles:
            raise CheckFailed("It does not build.", where="here")
        return {"ping": GOOD}

    quick.says = says
    work = quick.work()
    with pytest.raises(CheckFailed, match="It does not build"):
        search(work)
    assert (work.run.path / "steps/4/error.txt").is_file()
    assert not (work.run.path / "steps/4/step.json").exists()


def test_what_was_left_out_of_a_step_is_told(quick: QuickRun) -> None:
    def says(titles: frozenset[str]) -> dict[str, str]:
        if "t" in titles and "4" not in titles:
            raise conflict("top")
        return {"ping": BAD if "3" in titles else GOOD}

    quick.says = says
    quick.stack = replace(quick.stack, series=(*quick.stack.series, series("top", "t")))
    found = steps(search(quick.work()))
    told = {patches: (step.left_out, step.notes) for patches, step in found.items()}
    note = "top is left out: it does not apply"
    assert told[4] == ((), ())
    assert told[3] == told[2] == (("top",), (note,))
    assert told[0] == (("toys", "top"), (note,))


def test_where_the_test_is_not_there_nothing_is_built(quick: QuickRun) -> None:
    quick.says = lambda titles: {"pong": GOOD, **({"ping": BAD} if "3" in titles else {})}
    work = quick.work()
    found = search(work)
    assert (found.conclusion, found.first) == (Conclusion.FOUND, 3)
    assert list(map(len, quick.made)) == [4, 3]
    base = steps(found)[0]
    (trial,) = base.trials
    assert (trial.seen, trial.what, trial.folder) == (
        Seen.ABSENT, "the test is not there yet", "steps/0"
    )  # fmt: skip
    assert "the base: the test is not there yet" in quick.heard.notes


def test_a_line_of_the_kernel_log_is_looked_for(quick: QuickRun) -> None:
    quick.says = bad_from("2", WARNS)
    work = quick.work()
    found = search(work, Sought(log="end trace"))
    assert (found.conclusion, found.first) == (Conclusion.FOUND, 2)
    assert (found.sought.program, found.sought.test) == ("", "")
    (trial, _) = steps(found)[2].trials
    assert trial.what == "---[ end trace 0000000000000000 ]---"
    # All tests run, since any may have it said.
    assert list(work.run.path.glob("steps/0/run-1/tests/demo/pong.log"))


def test_what_is_said_in_the_end(quick: QuickRun) -> None:
    quick.says = bad_from("none")
    work = quick.work()
    with pytest.raises(CheckFailed) as caught:
        search(work)
    assert caught.value.where == str(work.run.path / "steps")
    assert "not broken with the whole series" in caught.value.what
    assert json.loads((work.run.path / "bisect.json").read_text())["conclusion"] == "not broken"


# ---- a kept baseline


def kept(quick: QuickRun, *programs: ProgramResult, **more: Any) -> Baseline:
    """Keep a baseline for what the whole series was tested on."""
    found = Baseline("9" * 40, (), "run-7", "2026-11-30T10:00:00+00:00", programs, (), ())
    found = replace(found, **more)
    work = quick.work("earlier")
    quick.through(work, (stages.APPLY, stages.CONFIG, stages.BUILD, stages.INSTALL))
    quick.through(work, (stages.TEST,))
    atomicfile.write_bytes(baseline._place(work), baseline.BASELINE.dump_json(found))
    quick.made.clear()
    quick.machines.clear()
    quick.heard.notes.clear()
    return found


def passed(name: str = "ping") -> ProgramResult:
    cases = (Case("a", Status.PASS), Case("b", Status.PASS))
    return ProgramResult("demo", name, Status.PASS, 0, 1.0, cases)


def test_a_kept_baseline_stands_for_the_base(quick: QuickRun) -> None:
    quick.says = bad_from("3")
    quick.stack = replace(
        quick.stack, series=(*quick.stack.series, series("top", "5", requires=("toys",)))
    )
    base = kept(quick, passed(), passed("pong"))
    work = quick.work()
    found = search(work)
    step = steps(found)[0]
    assert step == BisectStep(
        0,
        "9" * 40,
        left_out=("toys", "top"),
        notes=("top is left out",),
        baseline=KeptAnswer(Seen.GOOD, "pass", "run-7", base.made, "steps/0/baseline.json"),
    )
    assert found.commits == ("commit-1", "commit-2", "commit-3", "commit-4")
    copy = baseline.BASELINE.validate_json((work.run.path / "steps/0/baseline.json").read_bytes())
    assert copy == base
    assert frozenset() not in quick.made
    assert "the base: good (pass, in the baseline that run-7 made)" in quick.heard.notes
    assert "top is left out" not in quick.heard.notes


@pytest.mark.parametrize(
    "more",
    [
        {"not_run": ("demo/ping",), "programs": (passed("pong"),)},
        {"programs": (replace(passed(), status=Status.FAIL, cases=(Case("a", Status.FAIL),)),)},
    ],
)
def test_a_baseline_that_does_not_tell_is_not_taken(quick: QuickRun, more: dict[str, Any]) -> None:
    quick.says = bad_from("3")
    kept(quick, **more)
    step = steps(search(quick.work()))[0]
    assert step.baseline is None
    assert [trial.seen for trial in step.trials] == [Seen.GOOD, Seen.GOOD]
    assert frozenset() in quick.made


def test_the_base_is_run_where_the_answer_rests_on_it(quick: QuickRun) -> None:
    quick.says = bad_from("1")
    base = kept(quick, passed(), passed("pong"))
    work = quick.work()
    found = search(work)
    assert (found.conclusion, found.first) == (Conclusion.FOUND, 1)
    step = steps(found)[0]
    assert [trial.seen for trial in step.trials] == [Seen.GOOD, Seen.GOOD]
    assert step.baseline is not None
    assert (step.baseline.run, step.baseline.made) == (base.run, base.made)
    assert step.head == "0" * 40


def test_the_base_that_has_not_the_test_is_looked_at_where_the_answer_rests_on_it(
    quick: QuickRun,
) -> None:
    quick.says = lambda titles: {"pong": GOOD, **({"ping": BAD} if "1" in titles else {})}
    kept(quick, passed("pong"))
    found = search(quick.work())
    assert (found.conclusion, found.first) == (Conclusion.FOUND, 1)
    step = steps(found)[0]
    assert [trial.seen for trial in step.trials] == [Seen.ABSENT]
    assert step.baseline is not None
    assert step.baseline.seen is Seen.ABSENT


def test_a_baseline_tells_of_complaints_and_of_no_other_line(quick: QuickRun) -> None:
    quick.says = bad_from("2", WARNS)
    kept(quick, passed(), passed("pong"))
    # Of the base neither has its log; a complaint would be among its events.
    complaint = search(quick.work("one"), Sought(log="WARNING: .* net_poll"))
    assert steps(complaint)[0].baseline is not None
    line = quick.work("two")
    with pytest.raises(CheckFailed, match="on the base already"):
        search(line, Sought(log="Linux version"))
    step = json.loads((line.run.path / "steps/0/step.json").read_text())
    assert (step["baseline"], len(step["trials"])) == (None, 2)
