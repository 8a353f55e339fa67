# SPDX-License-Identifier: GPL-2.0
"""A `kseries run` in small: takes milliseconds, leaves a run folder with a real result document.

What it does is told by words in the titles of the series: TOY-FAIL, TOY-LOST (exit code 3, of its
base nothing is known), TOY-NOTHING (no document), TOY-SLEEP (for ever), TOY-ODD (a document that is
none). Each call adds a line to the file that $TOY_LOG names.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kseries.lib import runfolder
from kseries.model import (
    AppliedPatch,
    PatchState,
    Provenance,
    RunResult,
    Scope,
    StageRecord,
    StageState,
    Verdict,
)
from kseries.verdict import document

BASE = '{"chosen": "toy", "why": "there is no other", "fits": true, "candidates": []}'
NO_BASE = '{"chosen": "", "why": "", "fits": false, "known": false, "candidates": []}'


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--series", type=Path)
    arguments, others = parser.parse_known_args()
    patches = sorted((arguments.series or Path(others[-1])).glob("*.patch"))
    text = "".join(patch.read_text(errors="replace") for patch in patches)
    if arguments.command == "base":
        print(NO_BASE if "TOY-LOST" in text else BASE)
        return 3 if "TOY-LOST" in text else 0
    if "TOY_LOG" in os.environ:
        with Path(os.environ["TOY_LOG"]).open("a") as log:
            log.write(f"{arguments.series.parents[1].name}\n")
    if "TOY-SLEEP" in text:
        time.sleep(1000)
    time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
    if "TOY-LOST" in text:
        print("the machine is gone")
        return 3
    if "TOY-NOTHING" in text:
        print("There is no such source.")
        return 2
    code = 1 if "TOY-FAIL" in text else 0
    run = runfolder.create(arguments.workspace / ".kseries" / "runs", "toy")
    told = results(run.name, code, len(patches), sys.argv)
    run.results.write_text("{}" if "TOY-ODD" in text else told)
    return code


def results(name: str, code: int, patches: int = 0, command: Sequence[str] = ()) -> str:
    """Give a small result document. patches: how many were applied."""
    applied = (
        AppliedPatch("toy", number, f"change {number}", "", PatchState.APPLIED)
        for number in range(1, patches + 1)
    )
    verdict = Verdict.FAIL if code else Verdict.PARTIAL
    result = RunResult(
        run=name,
        started="2026-11-30T00:00:00Z",
        seconds=1.0,
        stack="toy",
        under_test="toy",
        verdict=verdict,
        exit_code=code,
        reasons=("it is a toy",),
        provenance=Provenance(("kseries", *command), "0", "", "toy", "3"),
        stages=(StageRecord("series", StageState.DONE),),
        scope=Scope(),
        patches=tuple(applied),
    )
    return document.to_json(result)


if __name__ == "__main__":
    sys.exit(main())
