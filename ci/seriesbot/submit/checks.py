# SPDX-License-Identifier: GPL-2.0
"""A result as checks of Patchwork. Pure.

Checks hang on patches. "apply": it applies, on those before it. "build": the series builds up to
it. "tests", on each patch: what was found of the whole series, where it came to tests. What is not
known is no check: a patch without one is shown as such.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.model import (
    AppliedPatch,
    PatchState,
    RunResult,
    Severity,
    StageRecord,
    StageState,
    Verdict,
)
from kseries.report import mailfacts
from kseries.report.words import counted, plain
from kseries.verdict import scope

APPLY, BUILD, TESTS = "apply", "build", "tests"
SUCCESS, WARNING, FAIL = "success", "warning", "fail"
MAX_TEXT = 250  # characters of a description

_VERDICTS = {Verdict.PASS: SUCCESS, Verdict.PARTIAL: WARNING, Verdict.FAIL: FAIL}
_APPLIES = {
    PatchState.APPLIED: (SUCCESS, "applies to {source}"),
    PatchState.IN_BASE: (WARNING, "is in {source} already"),
    PatchState.CONFLICT: (FAIL, "does not apply to {source}"),
}
_FIRST_BAD = re.compile(r"patch ([0-9]{1,6}) of ")


@dataclass(frozen=True)
class Check:
    """What Patchwork is told of a patch. patch: its place in the series, from 1."""

    patch: int
    name: str
    state: str
    description: str


def checks(result: RunResult, patches: int) -> list[Check]:
    """Give what a document says. patches: how many the series has."""
    if result.verdict is Verdict.INCOMPLETE:
        return []
    found = (*_applied(result), *_built(result, patches), *_tested(result, patches))
    return [one for one in found if 1 <= one.patch <= patches]


def unjudged(base: str, patches: int) -> list[Check]:
    """Give what is known where there is no document. base: what `kseries base --json` says."""
    try:
        found = json.loads(base)
        tried = [str(one["source"]) for one in found["candidates"]]
        fits = bool(found["fits"])
    except (ValueError, KeyError, TypeError):
        return []
    if fits or not tried:
        return []
    told = _text(f"the series applies to none of: {', '.join(tried)}")
    return [Check(number, APPLY, FAIL, told) for number in range(1, patches + 1)]


def _applied(result: RunResult) -> Iterator[Check]:
    for patch in _own(result):
        state, told = _APPLIES[patch.state]
        source = result.provenance.source or "the base"
        yield Check(patch.index, APPLY, state, _text(told.format(source=source)))


def _own(result: RunResult) -> list[AppliedPatch]:
    return [one for one in result.patches if one.series == result.under_test]


def _built(result: RunResult, patches: int) -> Iterator[Check]:
    """Tell of the whole series, which is up to its last patch, and of those before it."""
    stage = next((one for one in map(_stages(result).get, ("config", "build")) if _bad(one)), None)
    if stage is not None:
        yield Check(patches, BUILD, FAIL, _text(f"the series does not build: {stage.summary}"))
        return
    if not _is(_stages(result).get("build"), StageState.DONE):
        return
    warnings = sum(one.severity is Severity.WARNING for one in result.diagnostics)
    told = f"the series builds, {counted(warnings, 'warning') if warnings else 'no warnings'}"
    yield Check(patches, BUILD, WARNING if warnings else SUCCESS, _text(told))
    each = mailfacts.builds_each(result)
    good = patches - 1 if each else 0
    if each is False:
        # Those behind the first that does not build were tried, too; which do is not told.
        summary = _stages(result)[mailfacts.EACH_PATCH].summary
        found = _FIRST_BAD.match(summary)
        bad = int(found[1]) if found else 0
        if not 1 <= bad < patches:
            return
        good = bad - 1
        yield Check(bad, BUILD, FAIL, _text(summary))
    for number in range(1, good + 1):
        yield Check(number, BUILD, SUCCESS, "the series builds up to this patch")


def _tested(result: RunResult, patches: int) -> Iterator[Check]:
    reached = _stages(result).get("test")
    if not result.programs or reached is None or reached.state is StageState.NOT_RUN:
        return
    reason = f": {result.reasons[0]}" if result.reasons else ""
    told = _text(f"the series: {scope.heading(result)}{reason}")
    for number in range(1, patches + 1):
        yield Check(number, TESTS, _VERDICTS[result.verdict], told)


def _stages(result: RunResult) -> dict[str, StageRecord]:
    return {stage.name: stage for stage in result.stages}


def _bad(stage: StageRecord | None) -> bool:
    return _is(stage, StageState.FAILED)


def _is(stage: StageRecord | None, state: StageState) -> bool:
    return stage is not None and stage.state is state


def _text(text: str) -> str:
    told = plain(text, 4 * MAX_TEXT)
    return told if len(told) <= MAX_TEXT else f"{told[: MAX_TEXT - 4]} ..."
