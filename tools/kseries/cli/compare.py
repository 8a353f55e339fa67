# SPDX-License-Identifier: GPL-2.0
"""What `--compare BASE..SERIES` means: two requests, made of names that other commands take."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from kseries.cli.request import place
from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.userpath import current, named_path
from kseries.model import Request
from kseries.names import PLAIN_STACK
from kseries.series.archive import ArchiveConfig
from kseries.stacks.source import read_source
from kseries.stacks.stackfile import plan_series, read_stack_file

Kind = Literal["stack", "source", "series"]

_DO = "write --compare BASE..SERIES, or ..SERIES for the base that the series is put on"
# Not the parent of a folder in a path.
_BETWEEN = re.compile(r"(?<=[^/.])\.\.")


@dataclass(frozen=True)
class Compared:
    """What is compared. request: of the series. base: of what it is compared with, if another.

    Where there is none, it is compared with the same without the series under test.
    """

    request: Request
    base: Request | None
    base_name: str
    name: str


def read(text: str, request: Request, project: Project) -> Compared:
    """Read what was asked for. request: with all the other options. Raises UserError."""
    left, right = split(text)
    if left == right:
        raise UserError(
            "Both sides are the same.", where=f"--compare {text}", do="name two kernels"
        )
    given = [f"--{name}" for name in ("stack", "series", "tree") if getattr(request, name)]
    if given:
        raise UserError(
            f"--compare and {given[0]} both say what is measured.", do="give one of them"
        )
    archive = ArchiveConfig.asked(request.archive)
    kind = _kind(right, project, archive)
    base = _kind(left, project, archive) if left else None
    series = _side(request, kind, place(right))
    if base is None:
        return _with_own_base(series, kind, right, project, archive)
    if kind == "series" and base == "source":
        return Compared(replace(series, source=place(left)), None, left, right)
    if kind == "series" and base == "stack":
        return Compared(_upon(series, place(left), project, archive), None, left, right)
    other = _side(request, base, place(left))
    if kind == "stack" and base == "series":
        other = replace(other, stack=place(right))
    if kind == "source":
        series = replace(series, stack=PLAIN_STACK)
    if base == "source":
        other = replace(other, stack=PLAIN_STACK)
    return Compared(series, other, left, right)


def split(text: str) -> tuple[str, str]:
    """Give both sides; the first one may be "". Raises UserError.

    Paths may hold `..`: it is between the sides where it is no folder's parent.
    """
    found = _BETWEEN.search(text)
    if found is not None and (not text.startswith("..") or text.startswith("../")):
        left, right = text[: found.start()], text[found.end() :]
    elif text.startswith(".."):
        left, right = "", text[2:]
    else:
        raise UserError("There is no `..` between two kernels.", where=f"--compare {text}", do=_DO)
    if not right:
        raise UserError("Nothing stands behind the `..`.", where=f"--compare {text}", do=_DO)
    return left, right


def _side(request: Request, kind: Kind, name: str) -> Request:
    if kind == "stack":
        return replace(request, stack=name)
    return replace(request, source=name) if kind == "source" else replace(request, series=name)


def _with_own_base(
    request: Request, kind: Kind, name: str, project: Project, archive: ArchiveConfig
) -> Compared:
    tested = name
    if kind == "stack":
        tested = read_stack_file(name, project=project, archive=archive).under_test
    if kind == "source" or not tested:
        raise UserError(
            f"'{name}' has no series under test, so it has no base of its own.",
            do=f"name what it is compared with: --compare BASE..{name}",
        )
    return Compared(request, None, "its base", name)


def _upon(request: Request, stack: str, project: Project, archive: ArchiveConfig) -> Request:
    """Put a series on top of all that a stack has, its series under test included."""
    there = read_stack_file(stack, project=project, archive=archive)
    tested = (one for one in there.series if one.name == there.under_test)
    before = tuple(one.spec if one.located.asked else str(one.located.path) for one in tested)
    return replace(request, stack=stack, before=(*before, *request.before))


def _kind(name: str, project: Project, archive: ArchiveConfig) -> Kind:
    """Tell what a name is of. Raises UserError for what is none."""
    ways: tuple[tuple[Kind, Callable[[], object]], ...] = (
        ("stack", lambda: read_stack_file(name, project=project, archive=archive)),
        ("source", lambda: read_source(name, project=project)),
        (
            "series",
            lambda: plan_series(name, project=project, archive=archive, base=current()),
        ),
    )
    for (kind, look), folder in zip(ways, (project.stacks, project.sources), strict=False):
        known = named_path(folder, name, ".toml")
        if known is not None and known.is_file():
            look()  # its mistakes are told
            return kind
    last: UserError | None = None
    for kind, look in ways:
        try:
            look()
        except UserError as error:
            last = error
        else:
            return kind
    assert last is not None
    raise UserError(
        f"'{name}' is no stack, no source and no series.", where=last.where, do=last.do
    ) from last
