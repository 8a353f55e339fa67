# SPDX-License-Identifier: GPL-2.0
"""What earlier runs found of a patch or a series, looked up by a mail of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kseries.lib.errors import UserError
from kseries.lib.runfolder import RunFolder
from kseries.model import RunResult, Series, Verdict
from kseries.run import stages
from kseries.series.patchid import Identity
from kseries.verdict.runs import listed


@dataclass(frozen=True)
class Stored:
    """A run with a verdict. index: of the patch in the series; 0 for its cover letter."""

    result: RunResult
    index: int


def newest(runs: Path, mail: Identity) -> Stored | None:
    """Give the newest run that has a verdict on the series of a mail; None where there is none."""
    for run in listed(runs):
        result = run.result
        if result is None or not result.under_test or result.verdict is Verdict.INCOMPLETE:
            continue
        index = _by_patch(result, mail.patch_id) or _by_message(RunFolder(runs / run.name), mail)
        if index is not None:
            return Stored(result, index)
    return None


def _by_patch(result: RunResult, patch_id: str) -> int | None:
    own = (patch for patch in result.patches if patch.series == result.under_test)
    return next((patch.index for patch in own if patch_id and patch.patch_id == patch_id), None)


def _by_message(run: RunFolder, mail: Identity) -> int | None:
    """Find a mail by its id; one that has a diff of its own is another patch under an old id."""
    series = _series(run)
    if series is None or not mail.message_id:
        return None
    if not mail.patch_id and mail.message_id == series.message_id:
        return 0
    return None


def _series(run: RunFolder) -> Series | None:
    try:
        stack = run.load(stages.SERIES.name, stages.SERIES.adapter)
    except UserError:
        return None
    return next((one for one in stack.series if one.name == stack.under_test), None)
