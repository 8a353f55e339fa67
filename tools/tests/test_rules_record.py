# SPDX-License-Identifier: GPL-2.0
"""Rules of the result document in the making: what stays, what is dropped, what is taken over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.errors import CheckFailed
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    AgainstBase,
    AppliedPatch,
    AuthorBase,
    BaseTree,
    BuildPlace,
    Case,
    ChangedFile,
    ChangedFunction,
    DebianSource,
    Diagnostic,
    EventKind,
    FileState,
    FunctionState,
    GitSource,
    InstalledSuites,
    Kernel,
    KernelConfig,
    KernelEvent,
    LocalSource,
    NamedSource,
    NoBaseline,
    Patch,
    PatchState,
    ProgramResult,
    Provenance,
    RunResult,
    Scope,
    Series,
    Severity,
    Source,
    Stack,
    StageState,
    Status,
    Subject,
    TestCount,
    TestOutcome,
    Tree,
    Verdict,
)
from kseries.names import RUN_STAGES
from kseries.run.record import RUNNING, STATE_OF, Record
from kseries.series.archive import ArchiveConfig
from kseries.stacks.stack import Plan
from kseries.test import checkpoint
from kseries.verdict import document
from tests.toysuites import suites

SUITES = ("zcrx", "netdevsim")
DONE, FAILED = StageState.DONE, StageState.FAILED
SOURCE = NamedSource("toy", LocalSource("local", Path("/toy")))
PLAN = Plan(
    name="toys",
    source=SOURCE,
    series=(),
    under_test="toy-v1",
    fragments=(),
    suites=suites(*SUITES),
    trusted=False,
    incremental=False,
    archive=ArchiveConfig.from_settings(),
    notes=("of the plan",),
)
FACTS = Provenance(("kseries", "run"), "0.1.0", "c" * 40, "Linux", "3.11", compiler="none yet")
BASE = BaseTree(SOURCE, Path("/toy.git"), "b" * 40, "6.99", "a folder")
TREE = Tree(path=Path("/tree"), base=BASE, head="d" * 40, patches=())
PASSES = ProgramResult("zcrx", "ping", Status.PASS, 0, 1.0, (Case("a", Status.PASS),))
BASELINE = AgainstBase("b" * 40, ("toy-v1",), "r", "", True, (), (), ())
WARN = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 7, (), "")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def begun(run: RunFolder, *stages: str, plan: Plan = PLAN) -> Record:
    return Record(run, plan, stages, FACTS)


def written(run: RunFolder) -> RunResult:
    return document.read(run)


def passed(run: RunFolder) -> Record:
    """A run of all stages that passed."""
    record = begun(run, *RUN_STAGES)
    for stage in RUN_STAGES:
        record.begin(stage)
        if stage == "test":
            record.add(TestOutcome((PASSES, replace(PASSES, suite="netdevsim")), (), {}))
        if stage == "baseline":
            record.add(BASELINE)
        record.end(stage, DONE, "fine")
    assert written(run).verdict is Verdict.PASS
    return record


def test_errors_and_what_they_say_of_a_stage() -> None:
    assert STATE_OF == {1: FAILED, 2: StageState.USAGE, 3: StageState.LOST}


def test_a_document_that_was_just_begun(run: RunFolder) -> None:
    begun(run, "apply", "test").write()
    told = written(run)
    assert (told.run, told.stack, told.under_test) == (run.name, "toys", "toy-v1")
    assert (told.verdict, told.seconds) == (Verdict.INCOMPLETE, 0.0)
    assert [(s.name, s.state) for s in told.stages] == [
        ("apply", StageState.NOT_RUN),
        ("test", StageState.NOT_RUN),
    ]
    assert (told.suites, told.notes) == (SUITES, PLAN.notes)
    assert told.provenance == FACTS
    # UTC, to the second.
    assert told.started.endswith("+00:00")
    assert len(told.started) == len("2026-11-22T10:15:00+00:00")


def test_no_suite_is_planned_where_nothing_is_tested(run: RunFolder) -> None:
    begun(run, "apply", "build").write()
    assert written(run).suites == ()


def test_a_stage_that_runs_reads_as_interrupted(run: RunFolder) -> None:
    begun(run, "apply", "test").begin("apply")
    told = written(run)
    first, second = told.stages
    assert (first.state, first.message) == (StageState.INTERRUPTED, RUNNING)
    assert second.state is StageState.NOT_RUN
    assert told.verdict is Verdict.INCOMPLETE


def test_a_run_that_passed_and_is_built_again_does_not_pass_by_its_old_tests(
    run: RunFolder,
) -> None:
    passed(run)
    again = begun(run, "build")
    again.begin("build")
    again.end("build", DONE, "fine")
    told = written(run)
    assert [(s.name, s.state) for s in told.stages] == [
        (name, DONE) for name in RUN_STAGES[: RUN_STAGES.index("build") + 1]
    ]
    assert (told.verdict, told.programs, told.baseline) == (Verdict.PARTIAL, (), None)


def test_a_comparison_is_dropped_when_a_stage_begins_anew(run: RunFolder) -> None:
    passed(run)
    begun(run, "test").begin("test")
    assert written(run).baseline is None


def test_what_a_stage_said_is_kept_and_times_add_up(run: RunFolder) -> None:
    record = begun(run, "apply", "build")
    record.begin("apply")
    record.end("apply", DONE, "2 patches")
    record.begin("build")
    record.end("build", FAILED, "it breaks", "all of it")
    told = written(run)
    assert [(s.name, s.state, s.summary, s.message) for s in told.stages] == [
        ("apply", DONE, "2 patches", ""),
        ("build", FAILED, "it breaks", "all of it"),
    ]
    assert all(0 <= stage.seconds < 60 for stage in told.stages)
    assert told.seconds == round(sum(stage.seconds for stage in told.stages), 3)
    assert told.verdict is Verdict.FAIL


@pytest.mark.parametrize("state", [StageState.LOST, StageState.INTERRUPTED])
def test_of_tests_that_were_ended_the_programs_that_ended_are_known(
    run: RunFolder, state: StageState
) -> None:
    record = begun(run, "test")
    record.begin("test")
    checkpoint.save(run, PASSES)
    record.end("test", state, "why")
    assert [p.name for p in written(run).programs] == ["ping"]


def test_of_tests_that_came_to_their_end_the_stage_itself_tells(run: RunFolder) -> None:
    record = begun(run, "test")
    record.begin("test")
    checkpoint.save(run, PASSES)
    record.end("test", DONE, "fine")
    assert written(run).programs == ()


def test_another_stage_that_was_lost_says_nothing_of_tests(run: RunFolder) -> None:
    record = begun(run, "build")
    record.begin("build")
    checkpoint.save(run, PASSES)
    record.end("build", StageState.LOST, "why")
    assert written(run).programs == ()


def test_notes_come_once_and_in_order(run: RunFolder) -> None:
    record = begun(run, "apply")
    record.note("one", "two")
    record.note("one", "of the plan", "three")
    assert record.write().notes == ("of the plan", "one", "two", "three")


def series(name: str, *notes: str) -> Series:
    return Series(name, name, "", 1, 1, "", (), (), (), "", notes=notes)


def test_what_stages_leave_is_taken_over(run: RunFolder) -> None:
    record = begun(run, "test")
    both = (series("a", "of a"), series("b", "of b"))
    record.add(Stack("toys", SOURCE, both, "b", (), ()))
    assert record.write().provenance.source == "toy"
    record.add(BASE)
    patch = AppliedPatch("b", 1, "t", "", PatchState.APPLIED)
    record.add(replace(TREE, patches=(patch,)))
    config = KernelConfig(TREE, BuildPlace(Path("/out"), Path("/ccache")), "base+zcrx", "e" * 64, 7)
    record.add(config)
    warning = Diagnostic(Severity.WARNING, "a.c", 1, 2, "-Wunused", "unused")
    objects = (Path("/tree/bzImage"), "6.99.0-toy", "gcc 12", 3, 1.0, Path("/build.log"))
    function = ChangedFunction("f", "net/a.c", FunctionState.UNWATCHED)
    record.add(Kernel(config, *objects, diagnostics=(warning,), functions=(function,)))
    assert record.write().functions == (function,)
    told = record.write()
    assert told.notes == ("of the plan", "a: of a", "b: of b")
    assert told.patches == (patch,)
    assert told.diagnostics == (warning,)
    assert told.provenance == replace(
        FACTS,
        source="toy: a folder",
        base_commit="b" * 40,
        head_commit="d" * 40,
        config="base+zcrx",
        config_sha256="e" * 64,
        compiler="gcc 12",
        kernel_release="6.99.0-toy",
    )


@pytest.mark.parametrize(
    ("source", "head", "unchanged", "used", "on"),
    [
        (GitSource("git", "x", "0123" + "b" * 36), "", False, True, "toy (Linux 6.99)"),
        (GitSource("git", "x", "b" * 40), "", False, False, "toy (Linux 6.99)"),
        (SOURCE.source, "0123" + "b" * 36, True, True, "toy (Linux 6.99, 0123bbbbbbbb)"),
        (
            SOURCE.source, "0123" + "b" * 36, False, False,
            "toy (Linux 6.99, 0123bbbbbbbb with changes)",
        ),
        (SOURCE.source, "b" * 40, True, False, "toy (Linux 6.99, bbbbbbbbbbbb)"),
        (SOURCE.source, "", False, None, "toy (Linux 6.99)"),
        (DebianSource("debian", "linux-source-6.12"), "", False, None, "toy (Linux 6.99)"),
    ],
)  # fmt: skip
def test_the_base_that_an_author_named_is_held_against_the_one_used(
    run: RunFolder, source: Source, head: str, unchanged: bool, used: bool | None, on: str
) -> None:
    record = begun(run, "fetch")
    two = (Patch(1, "t", "a", "", Path("a"), "0" * 64),) * 2
    below = replace(series("a"), patches=two, base_commit="9999")
    mine = replace(series("b"), base_commit="0123bbbb")
    record.add(Stack("toys", SOURCE, (below, mine, series("c")), "b", (), ()))
    assert record.write().author_base == AuthorBase("0123bbbb", between=2)
    commit = source.commit if isinstance(source, GitSource) else "e" * 40
    record.add(replace(BASE, source=NamedSource("toy", source), commit=commit, head=head,
                       as_committed=unchanged))  # fmt: skip
    assert record.write().author_base == AuthorBase("0123bbbb", used, on, between=2)
    assert document.read(run).author_base == AuthorBase("0123bbbb", used, on, between=2)


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        (LocalSource("local", Path("/my/tree")), "/my/tree"),
        (DebianSource("debian", "linux-source"), ""),
    ],
)
def test_the_subject_is_the_series_under_test(run: RunFolder, source: Source, tree: str) -> None:
    record = begun(run, "series")
    mine = replace(series("b"), title="net: poll", author="A <a@b.c>", link="https://x/y")
    named = NamedSource("toy", source)
    record.add(Stack("toys", named, (series("a"), mine, series("c")), "b", (), ()))
    assert record.write().subject == Subject("net: poll", "A <a@b.c>", "https://x/y", tree)
    assert record.write().author_base is None  # it names none
    record.add(Stack("toys", named, (series("a"),), "", (), ()))
    assert record.write().subject == Subject(tree=tree)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "1 line more, WHY: CONFIG_0=y"),
        (8, "8 lines more, WHY: CONFIG_0=y, {}, CONFIG_7=y"),
        (9, "9 lines more, WHY: CONFIG_0=y, {}, CONFIG_7=y, …"),
    ],
)
def test_eight_lines_of_the_config_are_told(run: RunFolder, count: int, told: str) -> None:
    record = begun(run, "config")
    place = BuildPlace(Path("/out"), Path("/ccache"))
    added = tuple(f"CONFIG_{number}=y" for number in range(count))
    record.add(KernelConfig(TREE, place, "base+changed", "e" * 64, 7, added=added))
    middle, why = ", ".join(added[1:7]), "for what the series changes and tests want"
    assert record.write().notes[-1] == "the config has " + told.format(middle).replace("WHY", why)


def test_what_was_compiled_is_what_the_last_stage_knows(run: RunFolder) -> None:
    record = begun(run, "build", "install")
    place = BuildPlace(Path("/out"), Path("/ccache"))
    config = KernelConfig(TREE, place, "base", "e" * 64, 7)
    left = ChangedFile("net/a.c", (1,), FileState.NOT_COMPILED)
    objects = (Path("/bzImage"), "6.99", "gcc 12", 3, 1.0, Path("/build.log"))
    record.add(Kernel(config, *objects, changed=(left,)))
    assert record.write().changed == (left,)
    compiled = replace(left, state=FileState.COMPILED)
    record.add(InstalledSuites(Path("/installed"), (), changed=(compiled,)))
    assert record.write().changed == (compiled,)


def test_how_many_tests_were_chosen_is_told(run: RunFolder) -> None:
    record = Record(run, PLAN, ("test",), FACTS, scope=Scope(only=("ping",)))
    few, all_there = TestCount(1, 3), TestCount(2, 9)
    record.add(TestOutcome((PASSES,), (), {}, chosen=few, planned=all_there))
    told = record.write().scope
    assert (told.only, told.chosen, told.planned) == (("ping",), few, all_there)


@pytest.mark.parametrize("state", [DONE, FAILED])
def test_what_a_stage_before_left_is_taken_over_where_it_ended_well(
    run: RunFolder, state: StageState
) -> None:
    first = begun(run, "apply", "config")
    first.begin("apply")
    first.end("apply", state, "as it was")
    patch = AppliedPatch("toy-v1", 1, "t", "", PatchState.APPLIED)
    earlier = {"apply": replace(TREE, patches=(patch,))}
    told = Record(run, PLAN, ("config",), FACTS, earlier=earlier).write()
    assert told.patches == ((patch,) if state is DONE else ())


def test_where_nothing_is_done_all_stays(run: RunFolder) -> None:
    passed(run)
    begun(run).write()
    assert [(s.name, s.state) for s in written(run).stages] == [(n, DONE) for n in RUN_STAGES]


def test_what_was_found_before_an_error_is_taken_over(run: RunFolder) -> None:
    record = begun(run, "build")
    error = CheckFailed("It does not build.")
    record.add(error)
    assert record.write().diagnostics == ()
    broken = Diagnostic(Severity.ERROR, "a.c", 1, 2, "", "error")
    conflict = AppliedPatch("b", 1, "t", "", PatchState.CONFLICT)
    error.diagnostics, error.patches = (broken,), (conflict,)  # type: ignore[attr-defined]
    record.add(error)
    told = record.write()
    assert (told.diagnostics, told.patches) == ((broken,), (conflict,))


def test_what_is_not_known_changes_nothing(run: RunFolder) -> None:
    record = begun(run, "build")
    before = record.write()
    record.add(object())
    assert record.write() == before


def test_suites_that_do_not_fit_are_left_out_with_the_reason(run: RunFolder) -> None:
    record = begun(run, "test")
    record.add(InstalledSuites(Path("/s"), (), (("zcrx", "no header"),)))
    told = record.write()
    assert told.suites == ("netdevsim",)
    assert told.notes[1:] == ("the suite 'zcrx' is left out: no header",)


def test_where_no_suite_fits_all_stay_planned(run: RunFolder) -> None:
    record = begun(run, "test")
    record.add(InstalledSuites(Path("/s"), (), tuple((suite, "no") for suite in SUITES)))
    assert record.write().suites == SUITES


def test_a_missing_base_is_told(run: RunFolder) -> None:
    record = begun(run, "test")
    record.add(NoBaseline("the disk is full"))
    assert record.write().notes[1:] == (
        "not compared with the base without the series, so every failure counts as the series'"
        " own: the disk is full",
    )
    plain = begun(RunFolder(run.path / "plain"), "test", plan=replace(PLAN, under_test=""))
    plain.add(NoBaseline("no series"))
    assert plain.write().notes[1:] == ("there is nothing to compare with: no series",)


def test_a_comparison_is_taken_over(run: RunFolder) -> None:
    record = begun(run, "test")
    record.add(BASELINE)
    assert record.write().baseline == BASELINE


def test_what_the_tests_found_is_taken_over(run: RunFolder) -> None:
    record = begun(run, "test")
    facts = {"qemu": "QEMU 7.2", "accelerator": "tcg", "note": "slow", "other": "not told"}
    record.add(TestOutcome((PASSES,), (WARN,), facts, ("first",)))
    told = record.write()
    # What was not asked for is planned no more.
    assert (told.programs, told.suites) == ((PASSES,), ("zcrx",))
    assert told.notes == ("of the plan", "first", "slow")
    assert (told.provenance.qemu, told.provenance.accelerator) == ("QEMU 7.2", "tcg")
    # Of tests that were ended nobody has put the complaints together.
    (event,), (finding,) = told.events, told.findings
    assert event.fingerprint == finding.fingerprint != ""


def test_findings_of_the_tests_are_not_made_anew(run: RunFolder) -> None:
    record = begun(run, "test")
    record.add(TestOutcome((PASSES,), (WARN,), {}))
    (known,) = record.write().findings
    decoded = replace(known, stack=("f (a.c:1)",))
    record.add(TestOutcome((PASSES,), (WARN,), {}, findings=(decoded,)))
    told = record.write()
    assert told.findings == (decoded,)
    assert told.events == (WARN,)


def test_tests_that_found_no_program_leave_all_suites_planned(run: RunFolder) -> None:
    record = begun(run, "test")
    record.add(TestOutcome((), (), {}))
    assert record.write().suites == SUITES
