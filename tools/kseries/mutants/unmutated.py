# SPDX-License-Identifier: GPL-2.0
"""The stack without a mutant: built, and its tests green, before any mutant is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kseries.lib.errors import CheckFailed
from kseries.lib.progress import Silent
from kseries.lib.runfolder import RunFolder
from kseries.model import InstalledSuites, Kernel, Verdict
from kseries.run import pipeline, stages
from kseries.run.context import RunContext
from kseries.test.scheduler import Job

STAGES = stages.up_to(stages.INSTALL)


def build(work: RunContext) -> None:
    """Carry out the stages up to the installed tests. Raises CheckFailed when one does not pass."""
    base = pipeline.run_stages(work, STAGES)
    if base.exit_code and base.verdict is not Verdict.INCOMPLETE:
        raise CheckFailed(
            "The stack is not built, so no mutant can be.",
            where="\n".join([*base.reasons, str(work.run.path)]),
            do="fix the stack first: `kseries run`",
        )


def require_green(red: Sequence[str], folder: Path) -> None:
    """Raise CheckFailed where something was red without a mutant. folder: with what was seen."""
    if red:
        raise CheckFailed(
            "The suite is red without a mutant, so it cannot catch one.",
            where="\n".join([*red[:5], str(folder)]),
            do="fix that first: `kseries run`",
        )


def job(work: RunContext, installed: InstalledSuites, kernel: Kernel, folder: RunFolder) -> Job:
    """Give the job of running tests on a kernel of the stack, with its logs in a folder."""
    # Of each machine the same would be told.
    target = replace(work, progress=Silent()).target
    return Job(installed, kernel, target, folder, work.progress)
