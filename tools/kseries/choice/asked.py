# SPDX-License-Identifier: GPL-2.0
"""The tests for a request that names none: chosen for what its series changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kseries.choice import choosing
from kseries.choice.choosing import Choice
from kseries.choice.treefiles import TreeFiles
from kseries.lib import proc
from kseries.lib.gitrepo import Repository
from kseries.lib.paths import Project
from kseries.model import Request
from kseries.stacks.candidates import Candidate
from kseries.suites.catalogue import Catalogue

NAMED = 6  # in a note


@dataclass(frozen=True)
class Asked:
    """What a series changes on a base, and the suites chosen for it."""

    paths: tuple[str, ...]
    choice: Choice


def is_open(request: Request) -> bool:
    """Whether a request leaves it to us which tests are run."""
    return bool(request.series) and not (request.suites or request.stack)


def find(candidate: Candidate, project: Project, minutes: float) -> Asked | None:
    """Choose suites for what the series changes; None where it does not apply.

    minutes: what they may take, by a rough estimate.
    """
    if not candidate.patched:
        return None
    repository = Repository(candidate.base.repo)
    paths = repository.changed_between(candidate.below, candidate.patched)
    catalogue = Catalogue.of(project)
    wanted = {name for one in catalogue.listed if one.suite for name in one.suite.told.host}
    has = [name for name in sorted(wanted) if proc.which(name)]
    files = TreeFiles(repository, candidate.patched, candidate.base.commit)
    choice = choosing.choose(paths, files, catalogue, limit_s=60 * minutes, has=has)
    return Asked(tuple(paths), choice)


def notes(choice: Choice) -> tuple[str, ...]:
    """Say in sentences what is run, and what is not."""
    if not choice.chosen:
        told = "no suite covers what the series changes: those of the stack are run"
    else:
        told = f"tests chosen for what the series changes: {_few(together(choice))}"
    left = [
        f"{_named(one.suite, one.programs)}: {one.why}" for one in choosing.grouped(choice.left_out)
    ]
    return (told, f"tests left out: {_few(left)}") if left else (told,)


def together(choice: Choice) -> list[str]:
    """Name the suites that are chosen; of a target its programs are counted."""
    return [_named(*one) for one in choosing.suites_of(choice.names).items()]


def _named(suite: str, programs: Sequence[str]) -> str:
    if not programs:
        return suite
    few = ", ".join(programs) if len(programs) <= 3 else f"{len(programs)} programs"
    return f"{suite} ({few})"


def _few(names: Sequence[str]) -> str:
    shown = "; ".join(names[:NAMED])
    more = len(names) - NAMED
    return f"{shown}; and {more} more: `kseries suites for SERIES`" if more > 0 else shown
