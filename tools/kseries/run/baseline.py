# SPDX-License-Identifier: GPL-2.0
"""What the tests do on the base without the series under test: kept, or made where it tells.

It is the last stage of a run. Where nothing failed the base is not built: only the sources of its
tests are read. A baseline is kept in the cache under a digest of all that decides it, so that
clones, and series on the same base, share it. It is made in a worktree of its own, with a compiler
cache of its own: what a series writes while it is built reaches no baseline.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

import kselftest_zcrx
import kseries
from kseries.config import fragments
from kseries.lib import atomicfile
from kseries.lib.errors import KseriesError
from kseries.lib.gitrepo import Repository
from kseries.lib.locks import locked
from kseries.lib.paths import DATA
from kseries.lib.runfolder import RunFolder
from kseries.model import (
    AgainstBase,
    Baseline,
    NoBaseline,
    SourceChanges,
    Stack,
    Status,
    TestEffect,
    TestOutcome,
    Tree,
)
from kseries.parse.casetree import walk
from kseries.parse.outcome import label_of
from kseries.run import pipeline, stages, variants
from kseries.run.context import RunContext
from kseries.run.stages import Stage
from kseries.stacks.variant import cut, lacking, needing
from kseries.suites import content
from kseries.suites.planning import plan_suites
from kseries.test import plan
from kseries.verdict import known_failures, regressions, testsources
from kseries.verdict.testsources import Sides

NAME = "baseline"
BASELINE: TypeAdapter[Baseline] = TypeAdapter(Baseline)

# Of the toolkit, what decides nothing about the outcome of a test. All else does, in doubt.
NOT_DECIDING = (
    *("__main__.py", "bisect", "cli", "host", "mutants", "report"),
    *("lib/progress.py", "run/provenance.py", "suites/selftestpatch.py"),
)
TOOLKIT = Path(kseries.__file__).parent
GENERATOR = Path(kselftest_zcrx.__file__).parent
NAME_LENGTH = 80

# The error of a base that cannot be tested, in the run's folder `baseline`.
ERROR = "error.txt"


def compare(work: RunContext) -> AgainstBase | NoBaseline:
    """Compare what the tests did with what they do without the series.

    A baseline that is kept is always taken. Else the base is built and tested where that may tell
    something, or when asked for; unless only some tests were. Where it is not, the sources of its
    tests are read.
    """
    stack, now = work.stack, work.outcome(stages.TEST)
    if not stack.under_test:
        return NoBaseline("the stack has no series under test")
    told = _read_sources(work)
    place = _place(work)
    found, is_kept = _read(place), True
    if found is None:
        failure, asked = _failure(now), work.request.baseline
        why = failure or _unclear(now, told)
        # With -k it is not made on its own; then a failure has no excuse.
        if not asked and (not why or (work.request.only and not failure)):
            return regressions.by_sources(told, left_out=_lacking(stack))
        if not asked and work.request.only:
            return NoBaseline("none is kept for this base and config; a run without -k makes one")
        why = why or "it was asked for"
        work.progress.note(f"the base without the series is built and tested: {why}")
        with locked(place, work.progress):
            found = _read(place)
            if found is None:
                made = _make(work)
                if isinstance(made, NoBaseline):
                    return made
                atomicfile.write_bytes(place, BASELINE.dump_json(made))
                found, is_kept = made, False
    _folder(work).save(NAME, found, BASELINE)
    return regressions.against(
        now,
        found,
        left_out=lacking(work.stack, found),
        whole=not work.request.only,
        kept=is_kept,
        sources=told,
    )


def _failure(now: TestOutcome) -> str:
    """Say what a base might excuse; "" where nothing failed."""
    if any(not program.status.good for program in now.programs):
        return "a test is not good"
    return "the kernel complained" if now.events else ""


def _unclear(now: TestOutcome, told: SourceChanges) -> str:
    """Say what the sources of the tests do not tell; "" where they tell all.

    A test that is skipped excuses itself, so one that the series changes must have been skipped
    before.
    """
    for program in now.programs:
        statuses = (program.status, *(case.status for case in walk(program.cases)))
        if label_of(program) in told.touched and Status.SKIP in statuses:
            return f"the series changes {label_of(program)}, which skips something"
    return next(iter(told.unclear), "")


def _read_sources(work: RunContext) -> SourceChanges:
    """Compare the sources of the tests with those of the base, the commit before the series.

    With -k what was not chosen is passed over.
    """
    tree, without = work.outcome(stages.APPLY), _lacking(work.stack)
    applied = [patch for patch in tree.patches if patch.commit]
    own = [number for number, patch in enumerate(applied) if patch.series in without]
    if not own:
        return SourceChanges(head=tree.head)
    repository = Repository(tree.base.repo)
    sides = Sides(
        repository,
        base=repository.text("rev-parse", "--verify", f"{applied[own[0]].commit}^"),
        head=tree.head,
        others=tuple(p.commit for p in applied[own[0] :] if p.series not in without),
    )
    now, installed = work.outcome(stages.TEST), work.outcome(stages.INSTALL)
    told = testsources.compare(sides, work.stack.suites, now.programs, installed.folder)
    return replace(told, removed=tuple(t for t in told.removed if _is_asked(t, work.request.only)))


def _is_asked(test: TestEffect, only: Sequence[str]) -> bool:
    return not only or any(plan.matches(test.test, pattern) for pattern in only)


def _lacking(stack: Stack) -> tuple[str, ...]:
    """Name the series that the base has not: the one under test, and those that require it."""
    return (stack.under_test, *needing(stack))


def kept(work: RunContext) -> Iterator[Baseline]:
    """Give the baselines that are kept for what a work tested: of the usual tests, and of all.

    Of what it tested only the facts count, so that need not be all tests.
    """
    for extended in (False, True):
        asked = replace(work, request=replace(work.request, extended=extended))
        found = _read(_place(asked))
        if found is not None:
            yield found


def key(work: RunContext) -> str:
    """Name all that decides a baseline, in 32 hex digits: by content, and nothing of the series."""
    stack, now = work.stack, work.outcome(stages.TEST)
    base = cut(stack, 0, needing(stack))
    version = work.outcome(stages.FETCH).version
    parts = [
        [work.outcome(stages.FETCH).commit],
        [patch.sha256 for series in base.series for patch in series.patches],
        [
            fragments.read(stack.fragments, version).text,
            # What the series changes has the base configured otherwise, too.
            *work.outcome(stages.CONFIG).added,
        ],
        [content.digest(suite) for suite in stack.suites],
        # With the fragment of all checkers, tests run that otherwise have to be asked for.
        [str(work.extended)],
        [work.outcome(stages.BUILD).compiler],
        list(work.request.append),
        [now.facts.get(name, "") for name in ("accelerator", "qemu")],
        list(_contents(TOOLKIT, ("*",), (*NOT_DECIDING, DATA))),
        list(_contents(GENERATOR, ("cases", "templates", "*.py"))),
        list(_contents(work.project.configs, ("targets",))),  # the machines
    ]
    # As JSON, no two of them can be taken for each other.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _place(work: RunContext) -> Path:
    return work.cache.baselines / f"{key(work)}.json"


def _contents(folder: Path, names: tuple[str, ...], without: tuple[str, ...] = ()) -> Iterator[str]:
    """Give names and digests of files; of folders, of all that is below them."""
    places = {place for name in names for place in folder.glob(name)}
    left_out = {folder / name for name in without}
    for place in sorted(places):
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if left_out.isdisjoint((file, *file.parents)) and _is_source(file):
                yield str(file.relative_to(folder))
                yield hashlib.sha256(file.read_bytes()).hexdigest()


def _is_source(file: Path) -> bool:
    return file.is_file() and "__pycache__" not in file.parts


def _read(place: Path) -> Baseline | None:
    """Give what is kept; None where there is none, or one that cannot be read."""
    try:
        return BASELINE.validate_json(place.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _folder(work: RunContext) -> RunFolder:
    return RunFolder(work.run.path / NAME)


def _make(work: RunContext) -> Baseline | NoBaseline:
    """Build the base without the series and run the tests; evidence goes below the run folder.

    Whatever is in the way of that is no fault of the series, so there is no baseline then.
    """
    folder = _folder(work)
    atomicfile.remove_tree(folder.path)  # of an attempt that was killed
    stack = work.stack
    name = _name(stack)
    base = variants.beside(work, folder, replace(work.plan, name=name), NAME)
    base = replace(base, request=replace(work.request, only=()))
    try:
        with locked(base.stack_folder, work.progress):
            variant = variants.make(base, replace(stack, name=name), 0, _has_tests)
            outcome = TestOutcome((), (), {})
            if variant.built:
                pipeline.through(variant.work, (stages.TEST,))
                outcome = variant.work.outcome(stages.TEST)
    except KseriesError as error:
        atomicfile.write_text(folder.path / ERROR, f"{error}\n")
        return NoBaseline(f"{error.what} ({NAME}/{ERROR})")
    return _baseline(variant, outcome, work)


def _has_tests(tree: Tree, stack: Stack) -> bool:
    return bool(plan_suites(tree.path, stack.suites, "lib.mk").programs)


def _baseline(
    variant: variants.Variant, outcome: TestOutcome, work: RunContext
) -> Baseline | NoBaseline:
    ran = regressions.stripped(outcome)
    if outcome.programs and not ran:
        return NoBaseline(next(iter(outcome.notes), "no program ran"))
    there: set[str] = set()
    if variant.built:
        there = {label_of(one) for one in variant.work.outcome(stages.INSTALL).programs}
    for note in variant.notes:
        work.progress.note(note)
    return Baseline(
        head=variant.work.outcome(stages.APPLY).head,
        series=tuple(series.name for series in variant.work.stack.series),
        run=work.run.name,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        programs=ran,
        events=outcome.events,
        not_run=tuple(sorted(there - {label_of(one) for one in ran})),
    )


def _name(stack: Stack) -> str:
    """Name the base by what it has: worktree and compiler cache are shared by what tests on it."""
    names = "+".join(one.name for one in cut(stack, 0, needing(stack)).series) or "bare"
    if len(names) <= NAME_LENGTH:
        return names
    return f"{names[:NAME_LENGTH]}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"


def _summary(found: AgainstBase | NoBaseline) -> str:
    if isinstance(found, NoBaseline):
        return f"none: {found.why}"
    if found.by_sources:
        return f"not built, as no test failed; by its sources: {known_failures.sentence(found)}"
    return (
        f"{known_failures.sentence(found)} ({'kept from' if found.kept else 'made by'} {found.run})"
    )


STAGE: Stage[AgainstBase | NoBaseline] = Stage(
    "baseline", TypeAdapter(AgainstBase | NoBaseline), compare, _summary
)
STAGES: tuple[Stage[Any], ...] = (*stages.STAGES, STAGE)
"""All stages of a run."""
