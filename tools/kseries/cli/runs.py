# SPDX-License-Identifier: GPL-2.0
"""Commands that carry out runs: `run`, one for each stage, `config why`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kseries.cli.reports import show
from kseries.cli.request import on, request, with_settings
from kseries.cli.run_context import REQUEST, open_run, progress, resumable, take_up
from kseries.config import stage as config_stage
from kseries.model import Request, RunResult
from kseries.names import RUN_STAGES
from kseries.report.live import Shown
from kseries.run import baseline, eachpatch, pipeline, stages
from kseries.run.context import RunContext
from kseries.run.stages import Stage

NOTHING_TO_ADD = "# The config compiles all that the series changes."


def run(arguments: Namespace) -> int:
    """Carry out all stages up to the one that was asked for."""
    opened = take_up(arguments, lambda: with_settings(request(arguments)))
    asked = opened.request
    names = RUN_STAGES[: RUN_STAGES.index(asked.until) + 1]
    chosen = [
        stage
        for stage in baseline.STAGES
        if stage.name in names and (asked.baseline is not False or stage is not baseline.STAGE)
    ]
    if _is_each_patch_built(asked, chosen):
        place = chosen.index(baseline.STAGE) if baseline.STAGE in chosen else len(chosen)
        chosen.insert(place, eachpatch.STAGE)
    with progress(arguments) as shown:
        return _run_stages(opened.work(shown), chosen, shown, arguments.workspace)


def _is_each_patch_built(asked: Request, chosen: Sequence[Stage[Any]]) -> bool:
    """Whether there is to be a look at it; what it would cost is known when the tests have run."""
    after = stages.TEST if asked.each_patch is None else stages.BUILD
    return asked.each_patch is not False and after in chosen


def stage(arguments: Namespace) -> int:
    """Carry out one stage upon what the earlier ones left."""
    chosen = [stage for stage in baseline.STAGES if stage.name == arguments.stage]
    opened = open_run(arguments.run, arguments.workspace)
    if arguments.stage == baseline.STAGE.name:
        opened = replace(opened, request=replace(opened.request, baseline=True))
    if getattr(arguments, "target", ""):
        asked = on(arguments.target, opened.request, opened.project)
        opened = replace(opened, request=asked)
        opened.run.save("request", asked, REQUEST)
    with progress(arguments) as shown:
        return _run_stages(opened.work(shown), chosen, shown, arguments.workspace)


def why(arguments: Namespace) -> int:
    """Tell why a Kconfig symbol is what it is."""
    with progress(arguments) as shown:
        work = open_run(arguments.run, arguments.workspace).work(shown)
        tree = work.outcome(stages.APPLY)
        text = config_stage.why(tree, work.stack, work.place, arguments.symbol)
    print(text)
    return 0


def config_for(arguments: Namespace) -> int:
    """Print what a series adds to the config, each line with the files that want it."""
    arguments.series = arguments.of
    opened = take_up(arguments, lambda: with_settings(request(arguments)))
    chosen = stages.up_to(stages.CONFIG)
    with progress(arguments) as shown:
        work = opened.work(shown)
        result = _carried_out(work, chosen, shown, arguments.workspace)
    if result.exit_code:
        show(result, work.run, arguments.workspace, shown.notes)
        return result.exit_code
    print(work.wishes.read_text().strip() or NOTHING_TO_ADD)
    return 0


def _run_stages(
    work: RunContext, chosen: Sequence[Stage[Any]], shown: Shown, workspace: str
) -> int:
    result = _carried_out(work, chosen, shown, workspace)
    show(result, work.run, workspace, shown.notes)
    return result.exit_code


def _carried_out(
    work: RunContext, chosen: Sequence[Stage[Any]], shown: Shown, workspace: str
) -> RunResult:
    with resumable(work.run, "run", workspace, shown):
        return pipeline.run_stages(work, chosen)
