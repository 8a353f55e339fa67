# SPDX-License-Identifier: GPL-2.0
"""What changed between two runs, and the list of runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.model import Case, PatchState, RunResult, StageState, Status, Verdict
from kseries.report import changes, runlist
from kseries.verdict import document
from kseries.verdict.comparison import Change, Comparison, compare
from kseries.verdict.runs import listed
from kseries.verdict.verdict import decided


def shown(found: Comparison) -> str:
    return changes.render(found, width=100, color=False)


def with_case(run: RunResult, name: str, **changed: object) -> RunResult:
    """Give the run with one case of its first program changed."""
    first, *rest = run.programs
    cases = tuple(replace(c, **changed) if c.name == name else c for c in first.cases)  # type: ignore[arg-type]
    return decided(replace(run, programs=(replace(first, cases=cases), *rest)))


def test_a_run_compared_with_itself(passing_run: RunResult, failing_run: RunResult) -> None:
    for run in (passing_run, failing_run):
        found = compare(run, run)
        changed = (found.failing, found.passing, found.added, found.removed, found.otherwise)
        assert changed == ((), (), (), (), ())
        around = (found.facts, found.patches, found.events, found.slower, found.stages)
        assert around == ((), (), (), (), ())
        assert found.exit_code == 0  # a failure that was there before is no new one
        assert "No new failure." in shown(found)


def test_newly_failing_and_newly_passing(passing_run: RunResult) -> None:
    worse = with_case(passing_run, "registration.plain", status=Status.FAIL, reason="no luck")
    found = compare(passing_run, worse)
    name = "zcrx/zcrx_register: registration.plain"
    assert found.failing == (Change(name, "pass", "fail: no luck"),)
    assert found.exit_code == 1
    assert "Newly failing (1)" in shown(found)
    back = compare(worse, passing_run)
    assert back.passing == (Change(name, "fail", "pass"),)
    assert back.exit_code == 0


def test_a_new_test_that_fails_is_a_new_failure(failing_run: RunResult) -> None:
    before = decided(replace(failing_run, programs=failing_run.programs[2:]))
    found = compare(before, failing_run)
    assert found.worse
    assert Change("zcrx/zcrx_refill: ring.wraps", "", found.failing[1].after) in found.failing
    assert "zcrx/zcrx_refill (2 cases)" in shown(found)
    back = compare(failing_run, before)
    assert "zcrx/zcrx_lifetime: lifetime.kill" in back.removed
    assert back.exit_code == 0


def test_other_outcomes_are_neither(passing_run: RunResult) -> None:
    skips = with_case(passing_run, "registration.plain", status=Status.SKIP)
    found = compare(passing_run, skips)
    assert [(c.before, c.after) for c in found.otherwise] == [("pass", "skip")]
    assert found.exit_code == 0


def test_slower(passing_run: RunResult) -> None:
    slow = with_case(passing_run, "registration.flags_bit_0", seconds=2.0)
    (test,) = compare(passing_run, slow).slower
    assert (test.name, test.before, test.after) == (
        "zcrx/zcrx_register: registration.flags_bit_0", 0.75, 2.0
    )  # fmt: skip
    assert compare(passing_run, slow, factor=3).slower == ()
    # Half a second more is nothing, whatever the factor.
    little = with_case(passing_run, "registration.flags_bit_0", seconds=1.5)
    assert compare(passing_run, little).slower == ()
    assert "0.8 s → 2.0 s (2.7 times)" in shown(compare(passing_run, slow))


def test_kernel_log(passing_run: RunResult, failing_run: RunResult) -> None:
    event = failing_run.events[0]
    before = decided(replace(passing_run, events=(event,)))
    later = replace(event, line=900, during="")
    assert compare(before, replace(passing_run, events=(later,))).events == ()
    found = compare(before, replace(passing_run, events=(event, later)))
    assert found.events == (later,)
    assert found.exit_code == 1
    assert "New in the kernel log (1)" in shown(found)


def on(run: RunResult, target: str) -> RunResult:
    """Give a run as a lab machine leaves it."""
    return replace(run, provenance=replace(run.provenance, qemu="", accelerator=target))


def test_two_machines_stand_side_by_side(passing_run: RunResult) -> None:
    reason = "the driver has no queue API"
    skips = with_case(passing_run, "registration.plain", status=Status.SKIP, reason=reason)
    second = passing_run.programs[1]
    lab = on(replace(skips, programs=skips.programs[:1]), "lab1")
    found = compare(passing_run, lab)
    assert found.machines == ("vm", "lab1")
    name = "zcrx/zcrx_register: registration.plain"
    assert found.sides[0] == Change(name, "pass", f"skip: {reason}")
    # Of a program that one has not, no cases are told.
    assert [side.what for side in found.sides[1:]] == [
        f"{program.suite}/{program.name}" for program in passing_run.programs[1:]
    ]
    text = shown(found)
    assert re.search(r"test +vm +lab1\n", text)
    assert re.search(rf"registration\.plain +pass +skip: {reason}\n", text)
    assert re.search(rf"{second.suite}/{second.name} +pass +not run\n", text)
    assert "Newly failing" not in text
    assert f"{passing_run.run} on vm" in text
    assert found.exit_code == 0
    told = changes.for_programs(found)
    assert [told[side]["machine"] for side in ("before", "after")] == ["vm", "lab1"]  # type: ignore[index]


def test_what_fails_on_the_second_machine_alone_is_worse(passing_run: RunResult) -> None:
    bad = with_case(passing_run, "registration.plain", status=Status.FAIL, reason="no luck")
    found = compare(passing_run, on(bad, "lab1"))
    assert found.exit_code == 1
    assert re.search(r"registration\.plain +pass +fail: no luck\n", shown(found))
    back = compare(on(bad, "lab1"), passing_run)
    assert back.machines == ("lab1", "vm")
    assert back.exit_code == 0
    assert "Nothing fails on vm that does not on lab1." in shown(back)


def test_one_machine_is_told_as_before(passing_run: RunResult) -> None:
    lab = on(passing_run, "lab1")
    assert compare(lab, lab).machines is None
    # Neither is one that ran nothing another machine.
    built = replace(on(passing_run, ""), programs=())
    assert compare(passing_run, built).machines is None
    slow = with_case(passing_run, "registration.flags_bit_0", seconds=2.0)
    assert compare(passing_run, on(slow, "lab1")).slower == ()


def test_patches_and_what_it_ran_with(passing_run: RunResult) -> None:
    first, second = passing_run.patches
    after = replace(
        passing_run,
        patches=(replace(first, patch_id="other"), replace(second, title="net: use it twice")),
        provenance=replace(passing_run.provenance, config_sha256="f" * 64, kernel_release="6.13"),
    )
    found = compare(passing_run, after)
    assert found.patches == (
        Change("zcrx-v7: net: add a hook", "applied", "revised"),
        Change("zcrx-v7: net: use it", "applied", ""),
        Change("zcrx-v7: net: use it twice", "", "applied"),
    )
    text = shown(found)
    assert f".config: {'e' * 12} → {'f' * 12}" in text
    assert "kernel: 6.12.117 → 6.13" in text
    assert "net: use it: applied → not there" in text


def test_a_stage_or_patch_that_fails_is_a_new_failure(passing_run: RunResult) -> None:
    *stages, test = passing_run.stages
    failed = replace(passing_run, stages=(*stages, replace(test, state=StageState.FAILED)))
    assert compare(passing_run, failed).exit_code == 1
    assert compare(failed, failed).exit_code == 0
    conflict = replace(passing_run.patches[0], state=PatchState.CONFLICT)
    assert compare(passing_run, replace(passing_run, patches=(conflict,))).exit_code == 1


def test_a_run_that_was_lost_does_not_tell(passing_run: RunResult) -> None:
    lost = replace(passing_run, verdict=Verdict.INCOMPLETE, programs=())
    found = compare(passing_run, lost)
    assert found.exit_code == 3
    assert "does not tell" in shown(found)


def test_names_that_come_twice(passing_run: RunResult) -> None:
    first = passing_run.programs[0]
    twice = replace(first, cases=(Case("a", Status.PASS), Case("a", Status.FAIL)))
    before = replace(passing_run, programs=(replace(first, cases=(Case("a", Status.PASS),)),))
    found = compare(before, replace(passing_run, programs=(twice,)))
    assert [change.what for change in found.failing] == ["zcrx/zcrx_register: a #2"]


def test_nothing_is_obeyed(hostile_run: RunResult, passing_run: RunResult) -> None:
    text = shown(compare(passing_run, hostile_run))
    assert "\x1b" not in text
    assert "\x07" not in text


# ---- the list


@pytest.fixture
def runs(tmp_path: Path, passing_run: RunResult, failing_run: RunResult) -> Path:
    documents = {
        "20260102T000000-b": document.to_json(failing_run),
        "20260101T000000-a": document.to_json(passing_run),
        "20260103T000000-new": '{"schema_version": 9}',
        "20260104T000000-cut": document.to_json(passing_run)[:100],
        "20260105T000000-empty": "",
    }
    for name, text in documents.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(text)
    (tmp_path / "20260106T000000-begun").mkdir()
    (tmp_path / "20260107T000000-strange" / "results.json").mkdir(parents=True)
    (tmp_path / ".part-x").mkdir()
    (tmp_path / "a-file").write_text("")
    (tmp_path / "latest").symlink_to("20260101T000000-a")
    return tmp_path


def test_runs_newest_first_with_the_broken_ones(runs: Path) -> None:
    found = listed(runs)
    assert [run.name[8:] for run in found] == [
        "T000000-strange", "T000000-begun", "T000000-empty", "T000000-cut", "T000000-new",
        "T000000-b", "T000000-a",
    ]  # fmt: skip
    assert [run.result is None for run in found] == [True] * 5 + [False] * 2
    text = runlist.render(found, width=120, color=False)
    lines = text.splitlines()
    assert lines[6].split() == [
        "20260102T000000-b", "fail", "zcrx-v7", "zcrx-v7", "6.12.117", "6", "11", "1",
        "5", "min", "7", "s",
    ]  # fmt: skip
    assert lines[1].split() == ["20260107T000000-strange", "unreadable"]
    assert "20260103T000000-new: The result document is of version 9" in text
    narrow = runlist.render(found, width=80, color=False).splitlines()[:8]
    assert max(map(len, narrow)) <= 80
    assert narrow[6].split() == [
        "20260102T000000-b", "fail", "6.12.117", "6", "11", "1", "5", "min", "7", "s",
    ]  # fmt: skip
    assert "20260106T000000-begun: The run 20260106T000000-begun has no result document" in text


def test_no_runs_yet(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "not-there"):
        assert listed(folder) == ()
    assert "no runs yet" in runlist.render((), width=80, color=False)


def test_the_list_obeys_nobody(runs: Path, hostile_run: RunResult) -> None:
    (runs / "20270101T000000-\x1b[2J").mkdir()
    file = runs / "20260101T000000-a" / "results.json"
    # Its programs hold half a character, which cannot be written.
    file.write_text(document.to_json(replace(hostile_run, programs=())))
    assert "\x1b" not in runlist.render(listed(runs), width=120, color=False)
