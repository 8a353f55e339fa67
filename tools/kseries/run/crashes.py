# SPDX-License-Identifier: GPL-2.0
"""What the kernel complained of, made readable.

Stacks get files and lines, the same complaints come together, and the patch that wrote one of the
lines is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kseries.apply import blame
from kseries.build import stackdecoder
from kseries.build.stackdecoder import Decoded
from kseries.kbuild import make as kbuild
from kseries.lib.errors import KseriesError
from kseries.lib.runfolder import RunFolder
from kseries.model import Finding, Kernel, Place, Stack, Suspect, TestOutcome, Tree
from kseries.parse.calltrace import Trace
from kseries.verdict import findings
from kseries.verdict.findings import Places, Traced

MAX_BLAMED = 24  # lines of one stack
MAX_SUSPECTS = 20  # findings whose lines are looked at

LOG = "decode"


def examine(outcome: TestOutcome, kernel: Kernel, stack: Stack, run: RunFolder) -> TestOutcome:
    """Give what the test stage found with its findings.

    Nothing is lost when a stack cannot be decoded or a line not be blamed on a patch: the finding
    says so, or names none.
    """
    if not outcome.events:
        return outcome
    traced = Traced.read(outcome.events)
    decoded = _decode(traced.calls(), kernel, stack, run)
    events, found = findings.collect(traced, decoded.places, decoded.why)
    named = [
        _with_suspect(finding, traces, decoded.places, kernel.config.tree, stack.under_test)
        if at < MAX_SUSPECTS
        else finding
        for at, (finding, traces) in enumerate(found)
    ]
    return replace(outcome, events=events, findings=tuple(named))


def _decode(calls: Sequence[str], kernel: Kernel, stack: Stack, run: RunFolder) -> Decoded:
    if not calls:
        return Decoded()
    config = kernel.config
    box = kbuild.sandbox(config.tree.path, config.place, trusted=stack.trusted)
    return stackdecoder.decode(box, calls, run.log(LOG))


def _with_suspect(
    finding: Finding, traces: Sequence[Trace], places: Places, tree: Tree, under_test: str
) -> Finding:
    """Name the author of a line, the innermost first; the series under test before the others."""
    suspects: list[Suspect] = []
    try:
        for at, place in list(_lines(traces, places))[:MAX_BLAMED]:
            patch = blame.author(tree, place.file, place.line)
            if patch is not None:
                suspects.append(Suspect(patch.series, patch.index, patch.title, patch.commit, at))
                if patch.series == under_test:
                    break
    except KseriesError:
        # git cannot be run: what was found before stands.
        pass
    own = [suspect for suspect in suspects if suspect.series == under_test]
    return replace(finding, suspect=next(iter([*own, *suspects]), None))


def _lines(traces: Sequence[Trace], places: Places) -> Iterator[tuple[str, Place]]:
    """Give each line of the stacks, with its function."""
    for trace in traces:
        for frame in trace.frames:
            for place in places.get(frame.call, ()):
                yield f"{place} in {frame.function}", place
