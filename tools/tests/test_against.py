# SPDX-License-Identifier: GPL-2.0
"""Reports of a run that was compared with its base: what the series did stands apart.

KSERIES_UPDATE_GOLDEN=1 writes the golden files anew; read the difference before keeping it.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from kseries.model import (
    ChangedTest,
    ComplaintCount,
    Effect,
    ProgramResult,
    RunResult,
    SourceChanges,
    Status,
    TestEffect,
    Verdict,
)
from kseries.report import against, html, junit, kcidb, mail, terminal
from kseries.verdict import document
from kseries.verdict.known_failures import having
from kseries.verdict.regressions import by_sources
from kseries.verdict.verdict import decided
from tests.conftest import EVIL

GOLDEN = Path(__file__).parent / "data" / "report"
CRASHED = "zcrx/zcrx_lifetime: lifetime.kill"
BROKE = "zcrx/zcrx_refill: ring.wraps"


def excused(run: RunResult) -> RunResult:
    """Give the run without what counts in it."""
    assert run.baseline is not None
    tests = tuple(test for test in run.baseline.tests if not test.effect.is_regression)
    every = tuple(range(len(run.events)))
    baseline = replace(run.baseline, tests=tests, events_on_base=every)
    return decided(replace(run, programs=run.programs[1:], baseline=baseline))


def is_golden(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("KSERIES_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def test_on_the_terminal(compared_run: RunResult) -> None:
    is_golden("against", terminal.render(compared_run, width=100, color=False))


def test_in_a_mail(compared_run: RunResult) -> None:
    text = mail.render(compared_run)
    is_golden("mail-against", text)
    assert max(map(len, text.splitlines())) <= 72


def test_what_was_broken_before_is_no_reason_and_stands_apart(compared_run: RunResult) -> None:
    assert compared_run.verdict is Verdict.FAIL
    assert not [reason for reason in compared_run.reasons if "lifetime" in reason]
    assert not [reason for reason in compared_run.reasons if "kmemleak" in reason]
    passed = excused(compared_run)
    assert (passed.verdict, passed.reasons) == (Verdict.PASS, ())
    said = against.excuse(passed)
    assert said.startswith("10 tests and 2 complaints of the kernel log are as bad without")
    for text in (
        terminal.render(passed, width=200, color=False),
        html.render(passed),
        mail.render(passed).replace("\n", " "),
    ):
        assert said in text
        assert "CRASH  zcrx" not in text


def test_both_sides_of_a_failure_stand_side_by_side(compared_run: RunResult) -> None:
    assert compared_run.baseline is not None
    tests = (
        TestEffect("zcrx/a: x", Effect.DIFFERS, "fail", "timeout", "errno 14", "it still ran"),
        TestEffect("zcrx/a: y", Effect.PRE_EXISTING, "fail", "fail", "errno 14", "errno 14"),
    )
    title = compared_run.events[1].title
    baseline = replace(
        compared_run.baseline, tests=tests, complaints=(ComplaintCount(title, 1, 50),)
    )
    run = decided(replace(compared_run, baseline=baseline))
    for text in (
        terminal.render(run, width=300, color=False),
        html.render(run),
        " ".join(mail.render(run).split()),
    ):
        assert "zcrx/a: x (before: fail: errno 14; after: timeout: it still ran)" in text
        assert "zcrx/a: y (before: fail: errno 14; after: fail: errno 14)" in text
        assert f"{title} (before: 1 time, after: 50 times)" in text


def test_a_base_that_was_not_built(passing_run: RunResult) -> None:
    removed = TestEffect("zcrx/old", Effect.REMOVED, "planned", why_after="the tree has no old")
    changed = ChangedTest("zcrx/other", "other.py")
    told = by_sources(SourceChanges("d" * 40, (removed,), (changed,)), left_out=("x",))
    run = decided(replace(passing_run, baseline=told))
    assert run.verdict is Verdict.FAIL
    for text in (
        terminal.render(run, width=300, color=False),
        html.render(run),
        " ".join(mail.render(run).split()),
    ):
        assert "sources of the base dddddddddddd, not built, as no test failed" in text
        assert "removed 1, changed 1" in text
        assert "zcrx/old (the tree has no old)" in text
        assert "zcrx/other (other.py)" in text
    read = JUnitXml.fromstring(junit.render(run).encode())
    (gone,) = [case for suite in read for case in suite if case.name == "zcrx/old"]
    assert isinstance(gone.result[0], Failure)
    assert gone.result[0].message == "is a test of the base that the series removes"
    tests = {test["comment"]: test for test in json.loads(kcidb.render(run))["tests"]}
    assert tests["zcrx/old"]["status"] == "MISS"
    passed = decided(replace(passing_run, baseline=replace(told, tests=())))
    assert passed.verdict is Verdict.PASS


def test_when_nothing_passes_it_is_said(compared_run: RunResult) -> None:
    passed = excused(compared_run)
    bad = replace(passed, programs=passed.programs[:1])
    crashed = tuple(case for case in bad.programs[0].cases if not case.status.good)
    bad = decided(replace(bad, programs=(replace(bad.programs[0], cases=crashed),), suites=()))
    assert bad.verdict is Verdict.PASS
    assert against.excuse(bad).endswith("and not counted; no test passes at all")


def test_the_page_marks_each_test(compared_run: RunResult) -> None:
    page = html.render(compared_run)
    failures = page[page.index('id="failures"') : page.index('id="base"')]
    assert "ring.wraps" in failures
    assert "lifetime.kill" not in failures
    base = page[page.index('id="base"') : page.index('id="stages"')]
    for told in (
        "Passed on the base, gone",
        "netdevsim/pong.py",
        "Broken before",
        CRASHED,
        "Fixed",
    ):
        assert told in base
    assert '<th scope="col" class="number">pre-existing</th>' in page
    assert '<span class="where">(pre-existing)</span>' in page[page.index('id="tests"') :]


def test_ci_systems_see_what_counts_as_failures(compared_run: RunResult) -> None:
    read = JUnitXml.fromstring(junit.render(compared_run).encode())
    found: dict[str, Any] = {
        f"{suite.name}: {case.name}": case.result for suite in read for case in suite
    }
    assert isinstance(found[BROKE][0], Failure)
    (skipped,) = found[CRASHED]
    assert isinstance(skipped, Skipped)
    assert skipped.message.startswith("pre-existing: it was running then")
    assert isinstance(found["zcrx/zcrx_lifetime: (the whole program)"][0], Skipped)
    assert isinstance(found["gone: netdevsim/pong.py"][0], Failure)
    (complaint,) = (name for name in found if name.startswith("kernel log"))
    assert complaint.startswith("kernel log: line 812: WARNING")  # the other one is the base's
    passed = JUnitXml.fromstring(junit.render(excused(compared_run)).encode())
    wrong = [c.name for s in passed for c in s for r in c.result if isinstance(r, Failure | Error)]
    assert wrong == []


def test_kcidb_is_told_what_was_seen_and_what_the_base_does(compared_run: RunResult) -> None:
    report = json.loads(kcidb.render(compared_run))
    tests = {test["comment"]: test for test in report["tests"]}
    assert tests["lifetime.kill"]["status"] == "FAIL"
    assert tests["lifetime.kill"]["misc"]["against_base"] == "pre-existing"
    assert tests["ring.wraps"]["misc"]["against_base"] == "broke"
    assert tests["netdevsim/pong.py"]["status"] == "MISS"
    assert tests["netdevsim/pong.py"]["path"] == "kselftest.netdevsim.pong_py"
    assert report["checkouts"][0]["misc"]["against_base"]["commit"] == "9" * 40


def test_the_document_is_read_as_it_was_written(compared_run: RunResult) -> None:
    assert document.parse(document.to_json(compared_run).encode(), "x") == compared_run
    written = json.loads(document.to_json(compared_run))
    del written["baseline"]
    assert document.parse(json.dumps(written).encode(), "x").baseline is None


def test_hostile_names(hostile_run: RunResult, compared_run: RunResult) -> None:
    assert compared_run.baseline is not None
    evil = tuple(
        replace(test, test=f"{EVIL}: {EVIL}", after="") for test in compared_run.baseline.tests
    )
    baseline = replace(compared_run.baseline, run=EVIL, tests=evil, events_gone=(EVIL,))
    run = decided(replace(hostile_run, baseline=replace(baseline, events_on_base=(0,))))
    assert "<script>ran" not in html.render(run)
    assert "\x1b" not in terminal.render(run, width=80, color=False)
    JUnitXml.fromstring(junit.render(run).encode())
    kcidb.render(run)
    assert max(map(len, mail.render(run).splitlines())) <= 72


@pytest.mark.parametrize("effect", list(Effect))
def test_each_effect_has_a_place(effect: Effect, compared_run: RunResult) -> None:
    """What the series does to a test is told somewhere, whatever it is."""
    assert compared_run.baseline is not None
    first, *others = compared_run.programs
    status = Status.FAIL if effect.is_regression or effect is Effect.PRE_EXISTING else Status.PASS
    case = replace(first.cases[0], name="the.test", status=status)
    program = ProgramResult("zcrx", "one", status, 0 if status.good else 1, 1.0, (case,))
    test = replace(
        compared_run.baseline.tests[0], test="zcrx/one: the.test", effect=effect, after=status
    )
    baseline = replace(compared_run.baseline, tests=(test,))
    run = decided(replace(compared_run, programs=(program, *others), baseline=baseline))
    assert "the.test" in html.render(run)
    if effect is not Effect.ADDED:
        assert "the.test" in terminal.render(run, width=100, color=False)
    assert having(run.baseline, effect) == (test,)
