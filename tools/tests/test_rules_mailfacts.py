# SPDX-License-Identifier: GPL-2.0
"""Rules of the facts of a run that one small change of a line would break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kseries.model import RunResult, StageRecord, StageState
from kseries.report import mailfacts
from kseries.run import eachpatch
from kseries.run.eachpatch import EachPatch


@pytest.mark.parametrize(
    ("found", "state", "told"),
    [
        (EachPatch(1), StageState.DONE, "yes, no warnings; each patch on its own"),
        (EachPatch(1), StageState.FAILED, "yes, no warnings; not each patch on its own"),
        # Where it would have taken too long, nothing is known of each patch.
        (EachPatch(1, left_out=500), StageState.DONE, "yes, no warnings"),
        (EachPatch(1), StageState.NOT_RUN, "yes, no warnings"),
    ],
)
def test_each_patch_builds_only_where_it_was_built(
    found: EachPatch, state: StageState, told: str, passing_run: RunResult
) -> None:
    stage = StageRecord("patches", state, 1.0, eachpatch._summary(found))
    result = replace(passing_run, stages=(*passing_run.stages, stage))
    assert dict(mailfacts.facts(result))["builds"] == told
