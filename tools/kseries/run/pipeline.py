# SPDX-License-Identifier: GPL-2.0
"""A run: the stages in order, each recorded, the result document written at every step.

Each stage leaves its outcome in the run folder, and does next to nothing when all that it
depends on is unchanged. So a single stage can be started on what the earlier ones left, and a
killed run is continued by walking through all of them again.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from kseries.host import cache as cachefolder
from kseries.lib import atomicfile
from kseries.lib.errors import InfraError, Interrupted, KseriesError, UserError
from kseries.lib.locks import locked
from kseries.model import (
    BaseTree,
    Provenance,
    Request,
    RunResult,
    Scope,
    StageState,
)
from kseries.names import RUN_STAGES
from kseries.run import provenance
from kseries.run.context import SELFTEST, RunContext
from kseries.run.record import STATE_OF, Record
from kseries.run.stages import CONFIG, FETCH, SERIES, STAGES, TEST, Stage
from kseries.verdict import history

T = TypeVar("T")

SCRIPT = "reproduce.sh"
"""In the run folder: it repeats the run."""


def run_stages(work: RunContext, stages: Sequence[Stage[Any]] = STAGES) -> RunResult:
    """Carry out stages up to the one that fails; give the result document.

    It is written when a stage begins and when it ends, so that a run killed at any moment can
    be read. What stages after these left in an earlier attempt is dropped. Raises Interrupted and
    KeyboardInterrupt after writing it.
    """
    names = [item.name for item in stages]
    facts = provenance.gather(_asked(work, names), work.project)
    _write_script(work, facts, names)
    chosen = tuple(one.name for one in work.plan.suites) if work.request.suites_why else ()
    asked = Scope(only=work.request.only, extended=work.extended, chosen_suites=chosen)
    _hold(work)
    cachefolder.make_room(work.project, work.cache, work.progress)
    with locked(work.stack_folder, work.progress):
        earlier = _earlier(work, names)
        record = Record(work.run, work.plan, names, facts, scope=asked, earlier=earlier)
        _drop_later(work, names)
        for item in stages:
            if not _attempt(item, work, record):
                break
            if item is SERIES:
                _write_script(work, facts, names)
    if TEST in stages and TEST.name in work.outcomes:
        record.note(*_remember(work, record.write()))
    return record.write()


def _hold(work: RunContext) -> None:
    """Keep what the run has, or will make, from being removed."""
    work.hold(work.run.path, work.stack_folder)
    with suppress(UserError):  # of another version: the stage that needs it says so
        if work.run.has(FETCH.name):
            work.hold(work.outcome(FETCH).repo)
        if work.run.has(CONFIG.name):
            place = work.outcome(CONFIG).place
            work.hold(place.folder, place.ccache)


def _earlier(work: RunContext, names: Sequence[str]) -> dict[str, object]:
    """Give what the stages before these left."""
    before = itertools.takewhile(lambda item: item.name not in names, STAGES)
    return {item.name: work.outcome(item) for item in before if work.run.has(item.name)}


def _drop_later(work: RunContext, names: Sequence[str]) -> None:
    """Drop what the first of these stages and all after it left: it was made of something else."""
    if names[0] in RUN_STAGES:
        for name in RUN_STAGES[RUN_STAGES.index(names[0]) :]:
            atomicfile.remove_tree(work.run.path / f"{name}.json")


def _asked(work: RunContext, names: Sequence[str]) -> Request:
    """Give the request as it is carried out: a run goes up to the last of these stages."""
    last = [name for name in names if name in RUN_STAGES][-1:]
    return replace(work.request, until=last[0] if last and work.session == SELFTEST else "")


def _write_script(work: RunContext, facts: Provenance, names: Sequence[str]) -> None:
    """Write the script that repeats the run, from the series as it was read once that is so."""
    asked, ours = work.request.series, work.project.patches
    from_outside = bool(asked) and ("/" in asked or not (ours / asked).is_dir())
    kept = work.plan.under_test if from_outside and SERIES.name in work.outcomes else ""
    script = work.run.path / SCRIPT
    request = _asked(work, names)
    provenance.write_script(script, work.run.name, work.session, request, facts, series=kept)


def _remember(work: RunContext, result: RunResult) -> Sequence[str]:
    """Put what the tests did into their history; tell which are known to be flaky.

    A history that cannot be used takes nothing from the run.
    """
    try:
        known = history.about(work.cache.history, result.programs)
        history.add(work.cache.history, result)
    except InfraError as error:
        return (error.what,)
    return known


def through(work: RunContext, stages: Sequence[Stage[Any]]) -> None:
    """Carry out stages without a record of them, for what is a part of another stage's work.

    The caller holds the lock of the worktree. Raises what a stage raises.
    """
    for item in stages:
        keep(item, work, item.carry_out(work))


def keep(item: Stage[T], work: RunContext, outcome: T) -> None:
    """Keep what a stage leaves, for those after it and for who goes on later."""
    if isinstance(outcome, BaseTree):
        work.hold(outcome.repo)
    work.outcomes[item.name] = outcome
    work.run.save(item.name, outcome, item.adapter)


def _attempt(item: Stage[Any], work: RunContext, record: Record) -> bool:
    """Carry out one stage; tell whether the next one may follow."""
    record.begin(item.name)
    try:
        work.progress.stage(item.name)
        outcome = item.carry_out(work)
    except KseriesError as error:
        record.add(error)
        record.end(item.name, STATE_OF[error.exit_code], error.what, str(error))
        work.progress.finish(error.what, good=False)
        return False
    except (Interrupted, KeyboardInterrupt) as signal:
        record.end(item.name, StageState.INTERRUPTED, str(signal) or "interrupted")
        raise
    keep(item, work, outcome)
    record.add(outcome)
    summary = item.summary(outcome)
    record.end(item.name, StageState.DONE, summary)
    work.progress.finish(summary)
    return True
