# SPDX-License-Identifier: GPL-2.0
"""The answer of a run, and why. Pure; the result document goes in and comes out decided.

A pass needs every stage of a whole run done, every planned suite seen, every planned test with a
result line and a fitting exit status, and a clean kernel log. Nothing seen is never a pass, and a
run that was asked for less than everything is partial at best. Where the run was compared with the
base without the series, known failures do not count. A series of which nothing was
compiled was not tested, and does not pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kseries.lib.errors import UserError
from kseries.model import (
    AgainstBase,
    AppliedPatch,
    ChangedFile,
    Finding,
    PatchState,
    ProgramResult,
    RunResult,
    StageRecord,
    StageState,
    Status,
    Verdict,
)
from kseries.parse.casetree import leaves
from kseries.parse.outcome import label_of
from kseries.verdict import findings, known_failures, scope, uncompiled
from kseries.verdict.known_failures import UNREACHED_WORDS, unreached
from kseries.verdict.named import CASE

_LOST_WORDS = {
    StageState.LOST: "was lost to the infrastructure",
    StageState.INTERRUPTED: "was interrupted",
    StageState.USAGE: "could not be carried out as asked",
}

_STATUS_WORDS = {
    Status.FAIL: "failed",
    Status.MISSING: "has no result",
    Status.ERROR: "could not be judged",
    Status.TIMEOUT: "did not end in time",
    Status.CRASH: "took the kernel down",
}


@dataclass(frozen=True)
class Decision:
    """The verdict, and a sentence for each thing that is in the way of a pass."""

    verdict: Verdict
    reasons: tuple[str, ...]


def decide(
    stages: Sequence[StageRecord],
    programs: Sequence[ProgramResult],
    found: Sequence[Finding],
    suites: Sequence[str],
    patches: Sequence[AppliedPatch] = (),
    baseline: AgainstBase | None = None,
    changed: Sequence[ChangedFile] | None = None,
    lacking: Sequence[str] = (),
    chosen_suites: Sequence[str] = (),
) -> Decision:
    """Decide from what the stages left.

    programs, found: what of the tests and of the kernel log counts. suites: the planned ones.
    baseline: what the run was compared with. changed: what the series changes, and what the build
    did with it; None where that is not known. lacking: what was not to be done, in sentences.
    chosen_suites: those that nobody named: they may find nothing to do here.

    A run that was lost or interrupted is INCOMPLETE even where failures were seen: it did not
    see everything. The failures are among the reasons all the same.
    """
    lost = [*_lost_reasons(stages)]
    rest = [stage.name for stage in stages if stage.state is StageState.NOT_RUN]
    failed = [
        *uncompiled.failures(changed),
        *_stage_failures(stages),
        *_patch_failures(patches),
        *_program_failures(programs),
        *_unreached_failures(baseline),
        *_kernel_failures(found),
    ]
    if not (lost or rest):
        failed += _suite_failures(suites, programs, chosen_suites)
    if lost:
        return Decision(Verdict.INCOMPLETE, (*lost, *failed))
    if failed:
        return Decision(Verdict.FAIL, tuple(failed))
    if rest or not stages:
        left = ", ".join(rest) or "every stage"
        return Decision(Verdict.INCOMPLETE, (f"not carried out: {left}",))
    return Decision(Verdict.PARTIAL if lacking else Verdict.PASS, tuple(lacking))


def decided(result: RunResult) -> RunResult:
    """Give the document with verdict, reasons, exit code, and how far it came."""
    decision = decide(
        result.stages,
        known_failures.of(result).programs,
        known_failures.found(result),
        result.suites,
        result.patches,
        result.baseline,
        changed=result.changed,
        lacking=scope.lacking(result),
        chosen_suites=result.scope.chosen_suites,
    )
    usage = any(stage.state is StageState.USAGE for stage in result.stages)
    exit_code = UserError.exit_code if usage else decision.verdict.exit_code
    return replace(
        result,
        verdict=decision.verdict,
        reasons=decision.reasons,
        exit_code=exit_code,
        scope=scope.seen(result),
    )


def _lost_reasons(stages: Sequence[StageRecord]) -> Iterator[str]:
    for stage in stages:
        if stage.state.lost:
            words = _LOST_WORDS[stage.state]
            # The summary of an interruption says so itself.
            told = stage.summary and not stage.summary.startswith(words.split()[-1])
            yield f"the stage '{stage.name}' {words}" + (f": {stage.summary}" if told else "")


def _stage_failures(stages: Sequence[StageRecord]) -> Iterator[str]:
    for stage in stages:
        if stage.state is StageState.FAILED:
            yield f"the series does not pass the stage '{stage.name}': {stage.summary}"


def _patch_failures(patches: Sequence[AppliedPatch]) -> Iterator[str]:
    for patch in patches:
        if patch.state is PatchState.CONFLICT:
            yield f"patch {patch.index} of {patch.series} does not apply: {patch.title}"


def _program_failures(programs: Sequence[ProgramResult]) -> Iterator[str]:
    for program in programs:
        if not program.status.good:
            yield f"{label_of(program)} {_STATUS_WORDS[program.status]}{_detail(program)}"


def _detail(program: ProgramResult) -> str:
    cases = leaves(program.cases)
    bad = [case for case in cases if not case.status.good]
    if program.status in (Status.CRASH, Status.TIMEOUT) and program.problems:
        return f": {program.problems[0]}"
    if len(bad) == 1:
        told = ", ".join(filter(None, [bad[0].reason, "flaky" if bad[0].flaky else ""]))
        return f": {bad[0].name}" + (f" ({told})" if told else "")
    if bad:
        flaky = sum(case.flaky for case in bad)
        some = f", {flaky} of them flaky" if flaky else ""
        return f": {len(bad)} of {len(cases)} cases{some}, the first is {bad[0].name}"
    return f": {program.problems[0]}" if program.problems else ""


def _suite_failures(
    suites: Sequence[str], programs: Sequence[ProgramResult], chosen: Sequence[str]
) -> Iterator[str]:
    for suite in suites:
        if not any(program.suite == suite for program in programs):
            yield f"the suite '{suite}' was planned, but none of its programs ran"
        elif suite not in chosen and (told := scope.skipped(suite, programs)):
            yield told


def _unreached_failures(baseline: AgainstBase | None) -> Iterator[str]:
    tests = unreached(baseline)
    for label in dict.fromkeys(test.test.partition(CASE)[0] for test in tests):
        own = [test for test in tests if test.test.partition(CASE)[0] == label]
        case = own[0].test.partition(CASE)[2]
        named = f": {case}" if case else ""
        more = f" and {len(own) - 1} more" if len(own) > 1 else ""
        why = f" ({own[0].why_after})" if own[0].why_after else ""
        yield f"{label} {UNREACHED_WORDS[own[0].effect]}{named}{more}{why}"


def _kernel_failures(found: Sequence[Finding]) -> Iterator[str]:
    for finding in found:
        yield f"the kernel log is not clean, {findings.sentence(finding)}"
