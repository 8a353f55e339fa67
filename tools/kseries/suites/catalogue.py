# SPDX-License-Identifier: GPL-2.0
"""The suites that there are: files of the project and of the user, and those that names make.

A name is that of a file in the user's folder of suites or the project's, the path of a file, or
"kselftest/TARGET" and "kunit/SYMBOL" for what needs no file. "kselftest/TARGET:PROGRAM" is one
program of a target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from kseries.lib import datafiles, settings, tomlfile
from kseries.lib.errors import UserError
from kseries.lib.naming import choices
from kseries.lib.paths import Project
from kseries.lib.userpath import user_path
from kseries.suite import Below, Commands, Kind, Kselftest, Kunit, Liburing, Program, Suite

FOLDER = "suites"
KSELFTEST = "kselftest/"
KUNIT = "kunit/"

_FILE: TypeAdapter[Kind] = TypeAdapter(Kind)
_BELOW: TypeAdapter[str] = TypeAdapter(Below)
_TARGET = re.compile(r"(?P<target>[^:]+)(:(?P<program>[\w.+-]+))?")
_SYMBOL = re.compile(r"(?:CONFIG_)?([A-Z0-9_]+)")


@dataclass(frozen=True)
class Listed:
    """A suite that has a file. problem: why the file cannot be used, "" if it can."""

    name: str
    file: Path
    suite: Suite | None
    problem: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Finds suites. folders: where their files lie; the first one counts."""

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, project: Project) -> Catalogue:
        """Give the user's suites, and behind them the project's."""
        return cls((settings.own(FOLDER), project.suites))

    def find(self, names: Iterable[str], base: Path) -> tuple[Suite, ...]:
        """Give suites by their names; programs of one target become one suite.

        base: that a relative path of a file starts from. Raises UserError for a name that is no
        suite's, and for mistakes in a file.
        """
        found: dict[str, Suite] = {}
        for name in names:
            suite = self._one(name, base)
            before = found.get(suite.name)
            found[suite.name] = _together(before, suite) if before else suite
        return tuple(found.values())

    @cached_property
    def listed(self) -> tuple[Listed, ...]:
        """The suites that have files, by name; they are read once."""
        files = datafiles.listed(self.folders)
        return tuple(_listed(name, files[name]) for name in sorted(files))

    def _described(self, suite: Suite) -> Suite:
        """Give the suite of a target, or of a symbol, with what a file about just that says."""
        own = suite.told
        for one in self.listed:
            told = one.suite.told if one.suite else None
            if isinstance(told, Kunit) and isinstance(own, Kunit) and told.tests == own.tests:
                return replace(suite, told=told)
            if not (isinstance(told, Kselftest) and isinstance(own, Kselftest)) or told.programs:
                continue
            if told.targets == own.targets:
                return replace(suite, told=replace(told, programs=own.programs))
        return suite

    def _one(self, name: str, base: Path) -> Suite:
        if name.startswith(KSELFTEST):
            return self._described(of_target(name.removeprefix(KSELFTEST)))
        if name.startswith(KUNIT):
            return self._described(_of_symbol(name.removeprefix(KUNIT)))
        file = datafiles.find(name, self.folders, base)
        if file is not None:
            return read(file)
        there = choices(name, (one.name for one in self.listed))
        raise UserError(
            f"There is no suite '{name}'.",
            where=" ".join(str(folder) for folder in self.folders),
            do=f"{there}; {KSELFTEST}TARGET and {KUNIT}SYMBOL need no file",
        )


def read(file: Path) -> Suite:
    """Read the file of a suite. Raises UserError with file and line of each mistake."""
    told = tomlfile.read(file, _FILE, what="suite")
    suite = Suite(file.stem, told, file.resolve().parent)
    mistakes = list(_mistakes(suite, file))
    if mistakes:
        raise tomlfile.mistake(file, "suite", mistakes)
    return suite


def of_target(text: str) -> Suite:
    """Give the suite of a target of kselftest, "timers", or of one program, "net:fib_tests.sh".

    Raises UserError for what can be no target.
    """
    match = _TARGET.fullmatch(text)
    if match is None or not _is_below(match["target"]):
        raise UserError(
            f"'{text}' is no target of kselftest.",
            do="name a folder below tools/testing/selftests, or one of its programs: net:ioam6.sh",
        )
    target, name = match["target"], match["program"]
    programs = (Program(name, target),) if name else ()
    title = f"the kernel's own tests in {target}"
    told = Kselftest(kind="kselftest", title=title, targets=(target,), programs=programs)
    return Suite(f"{KSELFTEST}{target}", told)


def _of_symbol(text: str) -> Suite:
    match = _SYMBOL.fullmatch(text)
    if match is None:
        raise UserError(
            f"'{text}' is no symbol of KUnit tests.", do="name one: kunit/LIST_KUNIT_TEST"
        )
    told = Kunit(kind="kunit", title=f"the KUnit tests of {match[1]}", tests=(match[1],))
    return Suite(f"{KUNIT}{match[1]}", told)


def _is_below(text: str) -> bool:
    try:
        _BELOW.validate_python(text)
    except ValueError:
        return False
    return True


def _together(one: Suite, other: Suite) -> Suite:
    """Put two parts of a target together; the whole of it has every part."""
    if not isinstance(one.told, Kselftest) or not isinstance(other.told, Kselftest):
        return one
    if not one.told.programs or not other.told.programs:
        return replace(one, told=replace(one.told, programs=()))
    programs = tuple(dict.fromkeys((*one.told.programs, *other.told.programs)))
    return replace(one, told=replace(one.told, programs=programs))


def _listed(name: str, file: Path) -> Listed:
    try:
        return Listed(name, file, read(file))
    except UserError as error:
        return Listed(name, file, None, f"{error.what} {error.where}")


def _mistakes(suite: Suite, file: Path) -> Iterable[tuple[int, str]]:
    """Give (line, text) of what the file names and is not there, or is there twice."""
    told = suite.told
    if isinstance(told, Commands):
        for place, name in enumerate(told.files):
            if not (suite.folder / name).exists():
                line = tomlfile.line_of(file, "files", place)
                yield line, f"files: there is no {suite.folder / name}"
    if isinstance(told, Liburing) and not user_path(told.source, suite.folder).is_dir():
        yield tomlfile.line_of(file, "source"), f"source: there is no folder {told.source}"
    if isinstance(told, Kselftest) and told.nics and told.machines > 1:
        yield tomlfile.line_of(file, "machines"), "machines: nics are two of one machine"
    if isinstance(told, Kselftest | Commands):
        places = [(getattr(one, "folder", ""), one.name) for one in told.programs]
        yield from _repeated(file, places)


def _repeated(file: Path, places: Sequence[tuple[str, str]]) -> Iterable[tuple[int, str]]:
    for number, place in enumerate(places):
        if place in places[:number]:
            yield tomlfile.line_of(file, "programs", number), f"programs: {place[1]} is there twice"
