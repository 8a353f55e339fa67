# SPDX-License-Identifier: GPL-2.0
"""Read a stack's file; every mistake in it is told with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field, StrictBool, TypeAdapter

from kseries.lib import tomlfile
from kseries.lib.errors import UserError
from kseries.lib.naming import choices
from kseries.lib.paths import Project
from kseries.lib.userpath import current, named_path, user_path
from kseries.model import NamedSource
from kseries.series.archive import ArchiveConfig
from kseries.series.patchfolder import SERIES_FILE, SeriesFile
from kseries.series.read import Located, locate, slug
from kseries.stacks.source import read_source
from kseries.suite import Suite
from kseries.suites.catalogue import Catalogue

T = TypeVar("T")


@dataclass(frozen=True)
class StackFile:
    """What a stack's file may say."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    source: str
    config: Annotated[tuple[str, ...], Field(min_length=1)]  # fragments, later ones win
    title: str = ""
    series: tuple[str, ...] = ()  # in the order in which they are applied
    under_test: str = ""  # one of series; "": the tree as these make it
    suites: tuple[str, ...] = ()
    trusted: StrictBool = False  # build without the sandbox
    incremental: StrictBool = False  # build upon what its earlier versions left
    partial: StrictBool = False  # its series may lack patches


@dataclass(frozen=True)
class Planned:
    """A series that is to be read: as written, what that means, what its series.toml says."""

    spec: str
    base: Path  # folder that a relative path in `spec` starts from
    located: Located
    told: SeriesFile
    partial: bool = False  # it may lack patches

    @property
    def name(self) -> str:
        """The series' name in the stack."""
        return self.located.name

    def is_for(self, source: NamedSource) -> bool:
        """Whether the series is meant for a source."""
        globs = self.told.for_sources
        return not globs or any(fnmatchcase(source.name, glob) for glob in globs)


@dataclass(frozen=True)
class CheckedStack:
    """A stack whose file holds no mistake; no series is read yet."""

    name: str
    source: NamedSource
    series: tuple[Planned, ...]
    under_test: str  # name of a series, or ""
    fragments: tuple[Path, ...]
    suites: tuple[Suite, ...]
    trusted: bool
    incremental: bool


@dataclass(frozen=True)
class ListedStack:
    """A stack that there is, as its file says it. problem: why it cannot be read, "" if it can."""

    name: str
    file: str
    title: str = ""
    source: str = ""
    series: tuple[str, ...] = ()
    under_test: str = ""
    config: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    problem: str = ""


_ADAPTER = TypeAdapter(StackFile)


def listed(project: Project) -> tuple[ListedStack, ...]:
    """List the stacks of the project by name; nothing but their files is read."""
    return tuple(_listed(file) for file in sorted(project.stacks.glob("*.toml")))


def _listed(file: Path) -> ListedStack:
    try:
        told = tomlfile.read(file, _ADAPTER, what="stack")
    except UserError as error:
        return ListedStack(file.stem, str(file), problem=f"{error.what} {error.where}")
    return ListedStack(
        file.stem,
        str(file),
        told.title,
        told.source,
        told.series,
        told.under_test,
        told.config,
        told.suites,
    )


def read_stack_file(spec: str, *, project: Project, archive: ArchiveConfig) -> CheckedStack:
    """Read a stack by name or by the path of its file.

    Raises UserError when there is no such stack, and with file and line for each mistake.
    """
    return _Checker(_find(spec, project), project, archive).check()


def plan_series(
    spec: str, *, project: Project, archive: ArchiveConfig, base: Path, partial: bool = False
) -> Planned:
    """Find a series and read its series.toml. Raises UserError when there is none."""
    located = locate(spec, project=project, archive=archive, relative_to=base)
    return Planned(spec, base, located, located.series_file(), partial)


def required_by(planned: Planned, *, project: Project, archive: ArchiveConfig) -> list[Planned]:
    """Find the series that one requires. Raises UserError with the line of its series.toml."""
    found, mistakes = [], []
    for place, name in enumerate(planned.told.requires):
        if (project.patches / name).is_dir():
            folder = project.patches
            found.append(plan_series(name, project=project, archive=archive, base=folder))
        else:
            line = tomlfile.line_of(planned.located.path / SERIES_FILE, "requires", place)
            mistakes.append((line, f"requires: there is no series '{name}' in patches/"))
    if mistakes:
        raise tomlfile.mistake(planned.located.path / SERIES_FILE, "series", mistakes)
    return found


def missing_before(
    place: int, series: Sequence[Planned], source: NamedSource, required: Iterable[Planned]
) -> list[Planned]:
    """Which of the required series do not stand before `place`, though meant for the source."""
    before = {one.name for one in series[:place]}
    return [one for one in required if one.name not in before and one.is_for(source)]


def find_fragment(name: str, *, project: Project, base: Path) -> Path:
    """Find a Kconfig fragment by name (configs/NAME.config) or path. Raises UserError."""
    known = named_path(project.configs, name, ".config")
    if known is not None and known.is_file():
        return known
    path = user_path(name, base)
    if path.is_file():
        return path.resolve()
    if path.exists():
        raise UserError(
            "A config fragment is a regular file.", where=str(path), do="name a text file"
        )
    there = [file.stem for file in project.configs.glob("*.config")]
    raise UserError(
        f"There is no config fragment '{name}'.",
        where=str(project.configs),
        do=choices(name, there),
    )


def _find(spec: str, project: Project) -> Path:
    known = named_path(project.stacks, spec, ".toml")
    if known is not None and known.is_file():
        return known
    path = user_path(spec, current())
    if path.suffix == ".toml" and path.is_file():
        return path.resolve()
    raise UserError(
        f"There is no stack '{spec}'.",
        where=str(project.stacks),
        do=choices(spec, [file.stem for file in project.stacks.glob("*.toml")]),
    )


class _Checker:
    """Collects the mistakes of one stack file."""

    def __init__(self, file: Path, project: Project, archive: ArchiveConfig) -> None:
        self._file = file
        self._project = project
        self._archive = archive
        self._catalogue = Catalogue.of(project)
        self._mistakes: list[tuple[int, str]] = []

    def check(self) -> CheckedStack:
        told = tomlfile.read(self._file, _ADAPTER, what="stack")
        base = self._file.parent
        source = self._try(
            partial(read_source, told.source, project=self._project, relative_to=base), "source"
        )
        series = self._series(told, base)
        fragments = [
            self._try(
                partial(find_fragment, name, project=self._project, base=base), "config", place
            )
            for place, name in enumerate(told.config)
        ]
        suites = self._suites(told, base)
        under_test = self._under_test(told, series)
        if source is not None:
            self._check_required(series, source)
        if self._mistakes or source is None:
            raise tomlfile.mistake(self._file, "stack", sorted(self._mistakes))
        return CheckedStack(
            name=slug(self._file.stem),
            source=source,
            series=tuple(one for one in series if one is not None),
            under_test=under_test,
            fragments=tuple(one for one in fragments if one is not None),
            suites=suites,
            trusted=told.trusted,
            incremental=told.incremental,
        )

    def _try(self, read: Callable[[], T], *key: str | int) -> T | None:
        try:
            return read()
        except UserError as error:
            parts = (error.what, error.where if ":" in error.where else "", error.do)
            self._mistake(" ".join(part for part in parts if part), *key)
            return None

    def _mistake(self, text: str, *key: str | int) -> None:
        line = tomlfile.line_of(self._file, *key)
        self._mistakes.append((line, f"{key[0]}: {text}"))

    def _series(self, told: StackFile, base: Path) -> list[Planned | None]:
        found: list[Planned | None] = []
        for place, spec in enumerate(told.series):
            read = partial(
                plan_series, spec, project=self._project, archive=self._archive, base=base,
                partial=told.partial,
            )  # fmt: skip
            planned = self._try(read, "series", place)
            if planned is not None and planned.name in {one.name for one in found if one}:
                self._mistake(f"'{planned.name}' is there twice", "series", place)
            found.append(planned)
        return found

    def _under_test(self, told: StackFile, series: Sequence[Planned | None]) -> str:
        if not told.under_test:
            return ""
        for planned in series:
            if planned is not None and told.under_test in (planned.name, planned.spec):
                return planned.name
        if told.under_test not in told.series:
            text = f"'{told.under_test}' is not in series; {choices('', told.series)}"
            self._mistake(text, "under_test")
        return ""

    def _suites(self, told: StackFile, base: Path) -> tuple[Suite, ...]:
        names = []
        for place, name in enumerate(told.suites):
            find = partial(self._catalogue.find, [name], base)
            if self._try(find, "suites", place) is not None:
                names.append(name)
            if name in told.suites[:place]:
                self._mistake(f"'{name}' is there twice", "suites", place)
        return self._catalogue.find(names, base)

    def _check_required(self, series: Sequence[Planned | None], source: NamedSource) -> None:
        whole = [one for one in series if one is not None]
        for place, planned in enumerate(series):
            if planned is None:
                continue
            required = required_by(planned, project=self._project, archive=self._archive)
            for absent in missing_before(whole.index(planned), whole, source, required):
                text = f"'{planned.name}' requires '{absent.name}' before it"
                self._mistake(text, "series", place)
