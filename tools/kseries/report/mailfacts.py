# SPDX-License-Identifier: GPL-2.0
"""The facts of a run for who reads nothing else: base, what applies, builds and passes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kseries.model import (
    PatchState,
    RunResult,
    Severity,
    StageRecord,
    StageState,
    Verdict,
)
from kseries.report import against
from kseries.report.words import author_base, counted, duration
from kseries.verdict import known_failures
from kseries.verdict.scope import skipped, tests

SHORT = 12  # digits of a commit
EACH_PATCH = "patches"  # the stage that compiles the series up to each of its patches
LEFT_OUT = "left out"  # what its summary begins with where it was done without compiling


def facts(result: RunResult) -> Iterator[tuple[str, str]]:
    """Give what is known of a run as (what, value); "" for what is not known."""
    made = result.provenance
    yield "source", made.source
    yield "base commit", made.base_commit
    yield "its base", author_base(result.author_base)
    yield "applies", _applies(result)
    yield "builds", _builds(result)
    yield "tests", _tests(result)
    yield "against", _base(result)
    yield "first bad", first_bad(result)
    yield "config", made.config
    yield "kernel", made.kernel_release
    yield "compiler", made.compiler
    yield "machine", " ".join(filter(None, (made.qemu, made.accelerator)))
    yield "time", duration(result.seconds)


def first_bad(result: RunResult) -> str:
    """Name the first patch with which something is wrong, or say that none is known.

    "" where nothing is wrong.
    """
    for patch in result.patches:
        if patch.state is PatchState.CONFLICT:
            return f"patch {patch.index} does not apply: {patch.title}"
    each = _stage(result, EACH_PATCH)
    if each is not None and each.state is StageState.FAILED:
        return each.summary
    for finding in known_failures.found(result):
        if finding.suspect is not None and finding.suspect.series == result.under_test:
            one = finding.suspect
            return f"perhaps patch {one.index}, which wrote {one.at} ({one.title})"
    return "not searched for" if result.verdict is Verdict.FAIL and result.under_test else ""


def builds_each(result: RunResult) -> bool | None:
    """Whether the series builds up to each of its patches; None where that was not tried."""
    each = _stage(result, EACH_PATCH)
    if each is None or each.state not in (StageState.DONE, StageState.FAILED):
        return None
    if each.summary.startswith(LEFT_OUT):
        return None
    return each.state is StageState.DONE


def untested(result: RunResult) -> Iterator[str]:
    """Say in sentences what was not tested and is no reason against a pass."""
    left = [stage.name for stage in result.stages if stage.state is StageState.NOT_RUN]
    if left and result.stack:
        yield f"these stages were not reached: {', '.join(left)}"
    chosen, planned = result.scope.chosen, result.scope.planned
    if tests(result):
        left_out = counted(planned.tests - chosen.tests, "test")
        programs = counted(planned.programs - chosen.programs, "program")
        yield f"{left_out} in {programs} that take minutes (--extended has them run)"
    for suite in dict.fromkeys(program.suite for program in result.programs):
        if said := skipped(suite, result.programs):
            yield said
    if result.stack and result.programs:
        yield "nothing was run on hardware, nor on another architecture than x86-64"


def _applies(result: RunResult) -> str:
    own = [patch for patch in result.patches if patch.series == result.under_test]
    if not own:
        return ""
    applied = sum(patch.state is PatchState.APPLIED for patch in own)
    others = sum(patch.state is PatchState.APPLIED for patch in result.patches) - applied
    told = f"{applied} of {counted(len(own), 'patch')}"
    there = sum(patch.state is PatchState.IN_BASE for patch in own)
    if there:
        told += f", {there} in the base already"
    return f"{told}; {counted(others, 'patch')} of other series" if others else told


def _builds(result: RunResult) -> str:
    build, each = _stage(result, "build"), builds_each(result)
    if build is None or build.state not in (StageState.DONE, StageState.FAILED):
        return ""
    if build.state is StageState.FAILED:
        return "no"
    warnings = sum(one.severity is Severity.WARNING for one in result.diagnostics)
    told = f"yes, {counted(warnings, 'warning') if warnings else 'no warnings'}"
    return told if each is None else f"{told}; {'' if each else 'not '}each patch on its own"


def _tests(result: RunResult) -> str:
    if not result.programs:
        return ""
    tally = known_failures.tally(result)
    return f"{tally.passed} pass, {tally.failed} fail, {tally.skipped} skipped"


def _base(result: RunResult) -> str:
    compared = _stage(result, "baseline")
    if result.baseline is not None:
        return against.counts(result.baseline)
    return compared.summary if compared and compared.state is StageState.DONE else ""


def _stage(result: RunResult, name: str) -> StageRecord | None:
    return next((stage for stage in result.stages if stage.name == name), None)
