# SPDX-License-Identifier: GPL-2.0
"""With which patch a bisection begins, where a kernel did not come up. Pure."""

from __future__ import annotations

from kseries.model import PatchState, Status, TestOutcome, Tree


def note(outcome: TestOutcome, tree: Tree, under_test: str, run: str) -> tuple[str, ...]:
    """Say it where no program ran: the patch that the kernel log points to, else the middle one."""
    programs = outcome.programs
    if not programs or any(each.status is not Status.MISSING or each.seconds for each in programs):
        return ()
    own = [
        patch
        for patch in tree.patches
        if patch.series == under_test and patch.state is PatchState.APPLIED
    ]
    if not own:
        return ()
    suspects = [each.suspect for each in outcome.findings if each.suspect is not None]
    named = [suspect for suspect in suspects if suspect.series == under_test]
    index, why = own[(len(own) - 1) // 2].index, "the middle of the series"
    if named:
        index, why = named[0].index, "the kernel log points to it"
    title = next(patch.title for patch in own if patch.index == index)
    first = f"{programs[0].suite}/{programs[0].name}"
    return (
        f"begin a bisection with patch {index} of {len(own)}, '{title}' ({why}):"
        f" kseries bisect {first} --run {run}",
    )
