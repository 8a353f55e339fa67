# SPDX-License-Identifier: GPL-2.0
"""Stacks: a source, series in order, a config. Planned from a file and options, then read.

`plan` decides what is to be tested and fetches nothing; `resolve` reads the series of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kseries.fetch import kerneltree
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Progress
from kseries.lib.userpath import current, user_path
from kseries.model import LocalSource, NamedSource, Request, Series, Stack
from kseries.names import DEFAULT_STACK, PLAIN_STACK
from kseries.series import prerequisites
from kseries.series.archive import ArchiveConfig
from kseries.series.read import read_series
from kseries.stacks.source import local_source, read_source
from kseries.stacks.stackfile import (
    CheckedStack,
    Planned,
    find_fragment,
    missing_before,
    plan_series,
    read_stack_file,
    required_by,
)
from kseries.suite import Suite
from kseries.suites.catalogue import Catalogue

OF_A_TREE = (
    "what was changed in the tree is not known, so neither whether all of that was compiled;"
    " give the changes as --series to know"
)


@dataclass(frozen=True)
class Plan:
    """A checked stack with the options of the command line in it; no series is read yet."""

    name: str
    source: NamedSource
    series: tuple[Planned, ...]
    under_test: str  # name of a series; "" for a plain tree
    fragments: tuple[Path, ...]
    suites: tuple[Suite, ...]
    trusted: bool
    incremental: bool
    archive: ArchiveConfig
    compiler: str = ""  # "": gcc
    notes: tuple[str, ...] = ()  # what follows from the options beyond their words
    replaces: str = ""  # name of the series that the one under test takes the place of


def plan(request: Request, *, project: Project) -> Plan:
    """Decide what a request tests. Reads the files of stack, source and series.toml only.

    Raises UserError when something named does not exist or a file has mistakes.
    """
    if request.source and request.tree:
        raise UserError(
            "--source and --tree both say where the kernel tree comes from.",
            do="give one of them; --tree DIR tests a tree as it lies there",
        )
    archive = ArchiveConfig.asked(request.archive)
    read = partial(read_stack_file, project=project, archive=archive)
    stack, why = _stack_of(request, read)
    suites = _suites(request, stack, project)
    planned = Plan(
        name=stack.name,
        source=_source(request, stack, project),
        series=() if request.tree else stack.series,
        under_test="" if request.tree else stack.under_test,
        fragments=_fragments(request, stack, suites, project),
        suites=suites,
        trusted=_vouched(request, stack.trusted, request.trusted),
        incremental=_vouched(request, stack.incremental, request.incremental),
        archive=archive,
        compiler=request.compiler,
    )
    if request.tree:
        notes = () if request.series else (OF_A_TREE,)
        planned = replace(planned, name=f"{planned.name}+tree", notes=(*notes, *why))
    planned = replace(planned, notes=(*planned.notes, *request.suites_why))
    if request.base_why:
        told = f"the base is {planned.source.name}: {request.base_why}"
        planned = replace(planned, notes=(*planned.notes, told))
    if request.series:
        planned = _with_series(planned, request.series, project)
    if request.before:
        planned = _with_before(planned, request.before, project)
    if request.partial:
        series = [
            replace(one, partial=True) if one.name == planned.under_test else one
            for one in planned.series
        ]
        planned = replace(planned, series=tuple(series))
    return _without_strangers(planned)


def resolve(planned: Plan, *, project: Project, workdir: Path, progress: Progress) -> Stack:
    """Read the series of a plan; their patches are written below `workdir`.

    Raises UserError for a series that is not whole, InfraError for an archive that is lost.
    """
    for note in planned.notes:
        progress.note(note)
    series: list[Series] = []
    for one in planned.series:
        read = read_series(
            one.spec,
            project=project,
            workdir=workdir,
            archive=planned.archive,
            progress=progress,
            relative_to=one.base,
            partial=one.partial,
        )
        archive = one.located.asked or planned.archive
        found = prerequisites.find(
            read, project=project, workdir=workdir, archive=archive, progress=progress
        )
        for note in found.notes:
            progress.note(f"{read.name}: {note}")
        there = {each.name for each in planned.series} | {each.name for each in series}
        series += [each for each in found.series if each.name not in there]
        series.append(replace(read, notes=(*read.notes, *found.notes)))
    return Stack(
        name=planned.name,
        source=planned.source,
        series=tuple(series),
        under_test=planned.under_test,
        fragments=planned.fragments,
        suites=planned.suites,
        trusted=planned.trusted,
        incremental=planned.incremental,
        compiler=planned.compiler,
        replaces=planned.replaces,
    )


def read_stack(name_or_path: str, *, project: Project, workdir: Path, progress: Progress) -> Stack:
    """Read a stack as its file says, without options."""
    planned = plan(Request(stack=name_or_path), project=project)
    return resolve(planned, project=project, workdir=workdir, progress=progress)


def _stack_of(
    request: Request, read: Callable[[str], CheckedStack]
) -> tuple[CheckedStack, tuple[str, ...]]:
    """Read the stack that is asked for, or the one that suits; say why, where that was a choice.

    The default stack tests what its series bring. A tree alone must bring it itself.
    """
    if request.stack or request.series or not request.tree:
        return read(request.stack or (PLAIN_STACK if request.series else DEFAULT_STACK)), ()
    tree = local_source(user_path(request.tree, current())).source
    assert isinstance(tree, LocalSource)
    stack = read(DEFAULT_STACK)
    needs = {symbol for one in stack.series for symbol in one.told.needs}
    lacking = sorted(needs - kerneltree.defined(tree.path, needs))
    if needs and not lacking:
        what = " and ".join(sorted(needs))
        return stack, (f"the stack is {DEFAULT_STACK}, as the tree has {what}",)
    what = f"the tree has no {' and no '.join(lacking)}, which {DEFAULT_STACK} is about"
    why = what if lacking else "nothing says that the tree has what another one needs"
    return read(PLAIN_STACK), (f"the stack is {PLAIN_STACK}, as {why}; --stack NAME takes another",)


def _source(request: Request, stack: CheckedStack, project: Project) -> NamedSource:
    if request.tree:
        return local_source(user_path(request.tree, current()))
    return read_source(request.source, project=project) if request.source else stack.source


def _suites(request: Request, stack: CheckedStack, project: Project) -> tuple[Suite, ...]:
    if not request.suites:
        return stack.suites
    return Catalogue.of(project).find(request.suites, current())


def _fragments(
    request: Request, stack: CheckedStack, suites: Sequence[Suite], project: Project
) -> tuple[Path, ...]:
    """Give the stack's fragments, those that suites want beyond it, and those asked for."""
    here = current()
    wanted = [
        find_fragment(name, project=project, base=suite.folder)
        for suite in suites
        for name in suite.told.config
    ]
    added = [find_fragment(name, project=project, base=here) for name in request.configs]
    return tuple(dict.fromkeys([*stack.fragments, *wanted, *added]))


def _vouched(request: Request, by_stack: bool, by_request: bool) -> bool:
    """Keep what a stack vouches for to what it names itself; anything else has to earn its own."""
    foreign = request.source or request.tree or request.series
    return by_request or (by_stack and not foreign)


def _with_series(planned: Plan, spec: str, project: Project) -> Plan:
    """Put a series in the place of the one under test, what it requires before it."""
    new = plan_series(spec, project=project, archive=planned.archive, base=current())
    if (new.name, new.located) in [(planned.under_test, one.located) for one in planned.series]:
        return planned
    place = next(
        (at for at, one in enumerate(planned.series) if one.name == planned.under_test),
        len(planned.series),
    )
    before = [one for one in planned.series[:place] if one.name != new.name]
    after = [one for one in planned.series[place + 1 :] if one.name != new.name]
    added = _requirements(new, before, planned, project, ())
    names = {one.name for one in added}
    notes = tuple(f"{one.name} is put before {new.name}, which requires it" for one in added)
    return replace(
        planned,
        name=f"{planned.name}+{new.name}",
        series=(*before, *added, new, *[one for one in after if one.name not in names]),
        under_test=new.name,
        notes=(*planned.notes, *notes),
        replaces=planned.under_test,
    )


def _with_before(planned: Plan, specs: Sequence[str], project: Project) -> Plan:
    """Put series below the one under test, in their order."""
    if not planned.under_test:
        raise UserError(
            "--before puts series below the one under test, and there is none.",
            do="name it: --series, or a stack with under_test",
        )
    added = [
        plan_series(spec, project=project, archive=planned.archive, base=current())
        for spec in specs
    ]
    names = [one.name for one in (*planned.series, *added)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(
            f"'{twice[0]}' would be in the stack twice.",
            where=f"--before {' --before '.join(specs)}",
            do="leave out what the stack has already",
        )
    place = names.index(planned.under_test)
    return replace(planned, series=(*planned.series[:place], *added, *planned.series[place:]))


def _requirements(
    new: Planned, before: list[Planned], planned: Plan, project: Project, chain: tuple[str, ...]
) -> list[Planned]:
    """Collect what `new` requires and `before` lacks, and what that requires, in order."""
    if new.name in chain:
        raise UserError(
            "Series require each other in a circle.",
            where=" requires ".join([*chain, new.name]),
            do="remove one `requires` of their series.toml",
        )
    added: list[Planned] = []
    required = required_by(new, project=project, archive=planned.archive)
    for one in required:
        there = [*before, *added]
        if missing_before(len(there), there, planned.source, [one]):
            deeper = _requirements(one, there, planned, project, (*chain, new.name))
            added += [*deeper, one]
    return added


def _without_strangers(planned: Plan) -> Plan:
    """Leave out series that are not for the source; the one under test stays, with a note."""
    kept, notes = [], []
    for one in planned.series:
        if one.is_for(planned.source):
            kept.append(one)
            continue
        meant = f"{one.name} is for the source {' or '.join(one.told.for_sources)}"
        if one.name == planned.under_test:
            kept.append(one)
            notes.append(f"{meant}, not for {planned.source.name}; it is under test all the same")
        else:
            notes.append(f"{meant}: left out on {planned.source.name}")
    return replace(planned, series=tuple(kept), notes=(*planned.notes, *notes))
