# SPDX-License-Identifier: GPL-2.0
"""A case made of a result line and of what came before it. Pure."""

from __future__ import annotations

from kseries.model import Case, Status
from kseries.parse.ktaplevel import EMPTY, Budget, Level
from kseries.parse.ktapreason import failure_reason, skip_reason
from kseries.parse.ktaptoken import Result


def case_of(level: Level, result: Result, number: int, budget: Budget) -> Case:
    """Give the case of a result; what came before it on its level is its own."""
    status, reason = result.status, result.text
    if level.below:
        if status in (Status.PASS, Status.SKIP) and not all(c.status.good for c in level.below):
            status = Status.FAIL
    elif status is Status.PASS and level.empty_below:
        status, reason = Status.ERROR, EMPTY
    elif status is Status.PASS and level.skipped_below:
        status = Status.SKIP  # it planned nothing and left with status 0
    if result.directive == "XPASS":
        reason = f"passes, but a failure was expected: {reason}".rstrip(": ")
    elif status is Status.SKIP:
        reason = reason or level.skipped_below or skip_reason(level.lines)
    elif not status.good and (not reason or reason.startswith(("exit=", "time="))):
        # The runner's "exit=1" is the least telling of all, beside the time that a test took.
        reason = failure_reason(level.lines, level.below) or reason
    return Case(
        name=result.name or f"test {number}",
        status=status,
        reason=reason,
        diagnostics=budget.keep(level.lines, status.good),
        children=tuple(level.below),
    )


def disagreement(case: Case, result: Result) -> str:
    """Say where a parent's result is not what its children's make it."""
    bad = [child for child in case.children if not child.status.good]
    if result.status in (Status.PASS, Status.SKIP) and bad:
        said = "ok" if result.status is Status.PASS else "skip"
        return f"{case.name}: says {said}, but {bad[0].name} below it is {bad[0].status.value}"
    if result.status is Status.FAIL and case.children and not bad:
        return f"{case.name}: says not ok, but all {len(case.children)} cases below it are good"
    return ""
