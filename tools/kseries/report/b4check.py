# SPDX-License-Identifier: GPL-2.0
"""A result as check commands of b4 print it. Pure.

`b4 review` reads JSON: a list of {tool, status, summary, details}, where status is pass, warn or
fail. `b4 prep --check` reads lines as of checkpatch, and takes none for a pass. Both keep what they
got, so what is not known yet is never said as if it were a result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from kseries.model import PatchState, RunResult, StageState, Verdict
from kseries.report import mail, mailfacts
from kseries.report.printable import printable
from kseries.verdict import known_failures, scope

TOOL = "kseries"
PASS, WARN, FAIL = "pass", "warn", "fail"

_OF_SERIES = {Verdict.PASS: PASS, Verdict.PARTIAL: WARN, Verdict.FAIL: FAIL}
_PREFIXES = {WARN: "WARNING", FAIL: "ERROR"}

UNKNOWN = "no run has a verdict on this patch: `kseries run`, then check again with --no-cache"


def series(result: RunResult) -> str:
    """Give JSON for `b4 review` on a whole series."""
    told = {"tool": TOOL, "status": _OF_SERIES[result.verdict], "summary": _summary(result)}
    return _json({**told, "details": mail.render(result)})


def patch(result: RunResult, index: int) -> str:
    """Give JSON for `b4 review` on one patch of it, from 1."""
    found = list(_findings(printable(result), index))
    status = _worst([status for status, _ in found])
    summary = found[0][1] if found else f"of a series: {_summary(result)}"
    lines = [f"{status}: {text}" for status, text in found]
    return _json({"tool": TOOL, "status": status, "summary": summary, "details": "\n".join(lines)})


def prep(result: RunResult | None, index: int) -> str:
    """Give lines for `b4 prep --check` on one patch; None: where there is no result."""
    if result is None:
        return f"WARNING: {UNKNOWN}\n"
    found = _findings(printable(result), index)
    return "".join(f"{_PREFIXES[status]}: {text}\n" for status, text in found)


def _findings(result: RunResult, index: int) -> Iterator[tuple[str, str]]:
    """Give what is wrong with a patch, and that something is wrong with the series as a whole."""
    own = tuple(_own(result, index))
    yield from own
    if not own and result.verdict is not Verdict.PASS:
        first = mailfacts.first_bad(result)
        yield WARN, f"the series: {_summary(result)}{f'; {first}' if first else ''}"


def _own(result: RunResult, index: int) -> Iterator[tuple[str, str]]:
    own = [one for one in result.patches if one.series == result.under_test]
    for one in own:
        if one.index == index and one.state is PatchState.CONFLICT:
            yield FAIL, f"does not apply to {result.provenance.source}"
        if one.index == index and one.state is PatchState.IN_BASE:
            yield WARN, f"is in the base already, as {one.found_as}"
    for stage in result.stages:
        is_each = stage.name == mailfacts.EACH_PATCH and stage.state is StageState.FAILED
        if is_each and stage.summary.startswith(f"patch {index} of "):
            yield FAIL, stage.summary
    for finding in known_failures.found(result):
        suspect = finding.suspect
        if suspect and (suspect.series, suspect.index) == (result.under_test, index):
            yield WARN, f"wrote {suspect.at}, where the kernel complained: {finding.title}"


def _worst(found: list[str]) -> str:
    return next((status for status in (FAIL, WARN) if status in found), PASS)


def _summary(result: RunResult) -> str:
    reason = f": {result.reasons[0]}" if result.reasons else ""
    return f"{scope.heading(result)}{reason}"


def _json(told: dict[str, str]) -> str:
    return json.dumps([told], indent=2) + "\n"
