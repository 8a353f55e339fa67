# SPDX-License-Identifier: GPL-2.0
"""Rules of comparing two runs that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import (
    AppliedPatch,
    Case,
    EventKind,
    KernelEvent,
    PatchState,
    ProgramResult,
    RunResult,
    Scope,
    StageRecord,
    StageState,
    Status,
    Verdict,
)
from kseries.verdict.comparison import Change, Slower, compare

P, F, E, S = Status.PASS, Status.FAIL, Status.ERROR, Status.SKIP
DONE, FAILED, NOT_RUN = StageState.DONE, StageState.FAILED, StageState.NOT_RUN
WARN = KernelEvent(EventKind.WARN, "WARNING: at a.c:1 f", "f", 3, (), "net/ping")


def program(
    name: str, status: Status, *cases: Case, seconds: float = 1.0, problems: tuple[str, ...] = ()
) -> ProgramResult:
    return ProgramResult("net", name, status, 0, seconds, cases, problems)


@pytest.fixture
def run(passing_run: RunResult) -> RunResult:
    """A run without tests."""
    return replace(passing_run, programs=(), patches=(), events=())


def test_each_fact_that_is_another_is_told(run: RunResult) -> None:
    facts = {
        "source": "source",
        "base_commit": "base commit",
        "config": "config",
        "config_sha256": ".config",
        "kernel_release": "kernel",
        "compiler": "compiler",
        "qemu": "machine",
        "accelerator": "accelerator",
        "kseries_commit": "kseries",
    }
    old = dict.fromkeys(facts, "old")
    before = replace(run, provenance=replace(run.provenance, **old))  # type: ignore[arg-type]
    for name, word in facts.items():
        after = replace(before, provenance=replace(before.provenance, **{name: "new"}))  # type: ignore[arg-type]
        assert compare(before, after).facts == (Change(word, "old", "new"),)
    other = replace(before, stack="s", under_test="u")
    assert compare(before, other).facts == (
        Change("stack", run.stack, "s"),
        Change("series", run.under_test, "u"),
    )


@pytest.mark.parametrize(
    ("before", "after", "failing", "passing", "otherwise"),
    [
        (P, F, True, False, False),
        (F, P, False, True, False),
        (F, E, False, False, True),
        (P, S, False, False, True),
        (F, F, False, False, False),
    ],
)
def test_what_became_of_a_test(
    run: RunResult, before: Status, after: Status, *, failing: bool, passing: bool, otherwise: bool
) -> None:
    runs = [replace(run, programs=(program("ping", one, problems=("why",)),)) for one in
            (before, after)]  # fmt: skip
    found = compare(runs[0], runs[1])
    told = Change("net/ping", before.value, f"{after.value}: why")
    assert found.failing == ((told,) if failing else ())
    assert found.passing == ((replace(told, after=after.value),) if passing else ())
    assert found.otherwise == ((told,) if otherwise else ())
    assert (found.worse, found.exit_code) == (failing, int(failing))


def test_a_test_without_a_reason_is_told_by_its_status(run: RunResult) -> None:
    bad = replace(run, programs=(program("ping", F, Case("a", F)),))
    assert compare(run, bad).failing == (
        Change("net/ping", "", "fail"),
        Change("net/ping: a", "", "fail"),
    )
    assert compare(run, bad).added == ("net/ping", "net/ping: a")
    assert compare(bad, run).removed == ("net/ping", "net/ping: a")


def test_slower_by_a_factor_and_by_a_second(run: RunResult) -> None:
    def took(*seconds: float) -> RunResult:
        made = (program(str(number), P, seconds=s) for number, s in enumerate(seconds))
        return replace(run, programs=tuple(made))

    def slower(before: RunResult, after: RunResult) -> list[str]:
        return [test.name for test in compare(before, after).slower]

    assert slower(took(1.0), took(2.0)) == ["net/0"]
    assert slower(took(0.5), took(1.4)) == []
    assert slower(took(4.0), took(7.9)) == []
    assert slower(took(2.0), took(1.0)) == []
    # The worst first.
    found = compare(took(1.0, 1.0, 1.0), took(3.0, 9.0, 4.0)).slower
    assert found == (Slower("net/1", 1, 9), Slower("net/2", 1, 4), Slower("net/0", 1, 3))


def test_a_case_that_was_not_timed_is_not_slower(run: RunResult) -> None:
    runs = [
        replace(run, programs=(program("ping", P, Case("a", P, seconds=seconds)),))
        for seconds in (None, 0.0, 9.0)
    ]
    assert compare(runs[0], runs[2]).slower == ()
    assert compare(runs[2], runs[0]).slower == ()
    assert len(compare(runs[1], runs[2]).slower) == 1


def test_stages_that_ended_otherwise(run: RunResult) -> None:
    before = replace(run, stages=(StageRecord("apply", DONE), StageRecord("build", DONE)))
    after = replace(
        run,
        stages=(
            StageRecord("apply", DONE, 9.0),
            StageRecord("build", FAILED),
            StageRecord("test", NOT_RUN),
        ),
    )
    assert compare(before, after).stages == (
        Change("build", "done", "failed"),
        Change("test", "", "not run"),
    )


def patch(
    title: str, state: PatchState = PatchState.APPLIED, *, series: str = "s", made_of: str = "1"
) -> AppliedPatch:
    return AppliedPatch(series, 1, title, made_of, state)


def test_patches_are_told_apart_by_series_and_title(run: RunResult) -> None:
    def patches(before: AppliedPatch | None, after: AppliedPatch | None) -> list[tuple[str, str]]:
        runs = [replace(run, patches=(one,) if one else ()) for one in (before, after)]
        return [(c.before, c.after) for c in compare(runs[0], runs[1]).patches]

    one = patch("a")
    assert patches(one, replace(one, index=2)) == []
    assert patches(one, patch("a", made_of="2")) == [("applied", "revised")]
    assert patches(one, patch("a", PatchState.IN_BASE)) == [("applied", "already in base")]
    assert patches(one, patch("a", PatchState.IN_BASE, made_of="2")) == [
        ("applied", "already in base")
    ]
    assert patches(one, None) == [("applied", "")]
    assert patches(None, one) == [("", "applied")]
    assert patches(one, patch("a", series="t")) == [("applied", ""), ("", "applied")]
    assert compare(run, replace(run, patches=(one,))).patches[0].what == "s: a"


@pytest.mark.parametrize(
    "other",
    [
        replace(WARN, title="WARNING: at b.c:1 f"),
        replace(WARN, where="g"),
        replace(WARN, kind=EventKind.BUG),
    ],
)
def test_another_complaint_is_new(run: RunResult, other: KernelEvent) -> None:
    before = replace(run, events=(WARN,))
    found = compare(before, replace(run, events=(other, replace(WARN, line=9, during="boot"))))
    assert (found.events, found.worse) == ((other,), True)
    assert compare(before, replace(run, events=(WARN,) * 3)).events == (WARN,) * 2


def test_a_stage_that_failed_before_is_no_new_failure(run: RunResult) -> None:
    fine, bad = StageRecord("build", DONE), StageRecord("build", FAILED)
    other = StageRecord("test", FAILED)
    good, failed, both = (replace(run, stages=stages) for stages in ((fine,), (bad,), (bad, other)))
    assert compare(good, failed).worse
    assert not compare(failed, failed).worse
    assert compare(failed, both).worse
    assert not compare(failed, good).worse


def test_a_patch_that_did_not_apply_before_is_no_new_failure(run: RunResult) -> None:
    conflict = patch("a", PatchState.CONFLICT)
    good, failed = (replace(run, patches=(one,)) for one in (patch("a"), conflict))
    assert compare(good, failed).worse
    assert not compare(failed, failed).worse
    assert not compare(failed, good).worse
    for other in (replace(conflict, series="t"), replace(conflict, title="b")):
        assert compare(failed, replace(run, patches=(other,))).worse


def test_a_run_that_was_to_do_less_does_not_tell(run: RunResult) -> None:
    def scoped(**words: tuple[str, ...]) -> RunResult:
        return replace(run, scope=replace(run.scope, **words))  # type: ignore[arg-type]

    stages = (StageRecord("build", DONE), StageRecord("test", FAILED))
    before = replace(run, stages=stages)
    for name, less in (("build", True), ("test", False), ("baseline", False)):
        found = compare(before, scoped(not_asked=(name,)))
        assert (found.less, found.exit_code) == (less, 3 if less else 0)
    whole = replace(run, stages=(*stages, StageRecord("baseline", DONE)))
    assert not compare(whole, scoped(not_asked=("baseline",))).less
    # Chosen tests tell of all there were, unless some are gone.
    tested = replace(run, programs=(program("ping", P),))
    assert not compare(run, scoped(only=("ping",))).less
    assert compare(tested, scoped(only=("ping",))).less
    assert not compare(tested, scoped()).less
    assert compare(tested, scoped(only=("ping",))).exit_code == 3


def test_a_lost_run_does_not_tell_and_a_failure_counts_all_the_same(run: RunResult) -> None:
    lost = replace(run, verdict=Verdict.INCOMPLETE)
    assert compare(run, lost).exit_code == 3
    assert compare(lost, run).exit_code == 0
    failed = replace(lost, programs=(program("ping", F),), scope=Scope())
    assert compare(run, failed).exit_code == 1
