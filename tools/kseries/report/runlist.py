# SPDX-License-Identifier: GPL-2.0
"""A list of runs, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kseries.model import RunResult, Verdict
from kseries.report.printable import printable
from kseries.report.terminal import VERDICT_STYLES, printed
from kseries.report.words import duration
from kseries.verdict import known_failures
from kseries.verdict.runs import ListedRun
from kseries.verdict.scope import heading

NO_RUNS = "There are no runs yet. `kseries run` starts one."

WIDE = 110  # columns from which on all of it stands side by side
_WIDE = ("verdict", "stack", "series", "kernel", "pass", "fail", "skip", "time")
_NARROW = ("verdict", "kernel", "pass", "fail", "skip", "time")  # a run's name has its stack
_RIGHT = ("pass", "fail", "skip", "time")


def render(runs: tuple[ListedRun, ...], *, width: int, color: bool) -> str:
    """Give the list, in the order of `runs`. width: in columns."""
    return printed(_parts(printable(runs), width), width=width, color=color)


def for_programs(runs: Sequence[ListedRun]) -> list[dict[str, object]]:
    """Give the same for JSON; of a run that cannot be read, its name and why."""
    return [_for_programs(run) for run in runs]


def _for_programs(run: ListedRun) -> dict[str, object]:
    if run.result is None:
        return {"run": run.name, "problem": run.problem}
    result, tally = run.result, known_failures.tally(run.result)
    return {
        "run": run.name,
        "verdict": result.verdict.value,
        "heading": heading(result),
        "stack": result.stack,
        "series": result.under_test,
        "kernel": result.provenance.kernel_release,
        "started": result.started,
        "seconds": result.seconds,
        "passed": tally.passed,
        "failed": tally.failed,
        "skipped": tally.skipped,
        "exit_code": result.exit_code,
    }


def _parts(runs: Sequence[ListedRun], width: int) -> Iterator[RenderableType]:
    if not runs:
        yield Text(NO_RUNS)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("run", no_wrap=True)
    for title in _WIDE if width >= WIDE else _NARROW:
        side = "right" if title in _RIGHT else "left"
        table.add_column(title, justify=side, overflow="fold")  # type: ignore[arg-type]
    for run in runs:
        table.add_row(*_row(run, wide=width >= WIDE))
    yield table
    broken = [run for run in runs if run.result is None]
    if broken:
        yield Text()
    for run in broken:
        yield Text(f"{run.name}: {run.problem}", overflow="fold")


def _row(run: ListedRun, *, wide: bool) -> Iterator[RenderableType]:
    yield run.name
    if run.result is None:
        yield Text("unreadable", "yellow")
        return
    yield Text(heading(run.result).lower(), VERDICT_STYLES[run.result.verdict])
    yield from _facts(run.result, wide=wide)


def _facts(result: RunResult, *, wide: bool) -> Iterator[RenderableType]:
    tally = known_failures.tally(result)
    if wide:
        yield result.stack
        yield result.under_test
    yield result.provenance.kernel_release
    if tally.total or result.verdict is Verdict.FAIL:
        yield str(tally.passed)
        yield Text(str(tally.failed), "red" if tally.failed else "")
        yield str(tally.skipped)
    else:
        yield from ("", "", "")
    yield duration(result.seconds)
