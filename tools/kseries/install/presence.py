# SPDX-License-Identifier: GPL-2.0
"""Which programs are there once tests were installed, and what of a suite is left out.

A whole target is known by kselftest's own list. What does not build on this host is left out, with
what make said; what the series may have broken fails it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from kseries.config.fragments import config_values
from kseries.install import unbuilt
from kseries.kbuild import make as kbuild
from kseries.lib.errors import CheckFailed
from kseries.lib.naming import few
from kseries.lib.untrusted import MIB, Untrusted
from kseries.model import InstalledSuites, Kernel, TestProgram
from kseries.suite import SELFTESTS, Kselftest, Suite
from kseries.suites import kunit, listed
from kseries.suites.planning import LIBURING, Plan, of_tree

# What kselftest writes about what it has installed.
LIST = "kselftest-list.txt"
LIST_SIZE = 1 * MIB
MAX_NAMED = 5  # files in a sentence
# What the tests of a tree are compiled with: whoever changes that may break any of them.
USER_HEADERS = ("include/uapi/", "arch/x86/include/uapi/", f"{SELFTESTS}/kselftest")


def installed(
    folder: Path,
    plan: Plan,
    kernel: Kernel,
    why: Mapping[str, str],
    unmade: Mapping[str, Sequence[str]],
) -> InstalledSuites:
    """Give the programs that are there: those planned, and what else whole targets have.

    why: of programs that did not build. unmade: files of a target that were not made.

    Raises CheckFailed for one that the series may have broken.
    """
    files = Untrusted(folder)
    there = listed.installed(files.read_text(LIST, LIST_SIZE)) if files.has(LIST) else []
    planned = {(program.folder, program.name) for program in plan.programs}
    programs = list(plan.programs)
    for suite in plan.whole:
        more = [place for place in there if _is_of(suite, place[0]) and place not in planned]
        programs += [_program(suite, place, files) for place in more]
    absent = [one for one in programs if not _is_there(folder, one)]
    broken = [
        one
        for one in absent
        if _may_be_broken(one.folder, kernel) and not unbuilt.is_of_host(why.get(one.name, ""))
    ]
    if broken:
        raise CheckFailed(
            "Tests that the series may have changed do not build.",
            where="\n".join(f"{one.folder}/{one.name}{_said(one, why)}" for one in broken),
            do="see the log of the stage install",
        )
    left_out = [
        (one.suite, f"{one.name} does not build on this host{_said(one, why)}") for one in absent
    ]
    off = _off(programs, kernel)
    left_out += [(program.suite, why_off) for program, why_off in off.items()]
    kept = tuple(one for one in programs if one not in absent and one not in off)
    named = {suite for suite, _ in left_out} | {program.suite for program in kept}
    left_out += [
        (suite.name, "none of its programs builds on this host")
        for suite in plan.whole
        if suite.name not in named
    ]
    left_out += _used(kept, {one.name for one in absent}, unmade)
    return InstalledSuites(folder, kept, (*plan.left_out, *left_out))


def _off(programs: Sequence[TestProgram], kernel: Kernel) -> dict[TestProgram, str]:
    """Give the KUnit tests that the kernel was built without, each with the reason."""
    values = config_values((kernel.config.place.state / kbuild.CONFIG).read_text())
    return {
        program: f"CONFIG_{symbol} is off, the config cannot have it: `kseries config why {symbol}`"
        for program in programs
        if program.folder == kunit.FOLDER and (symbol := program.name.upper()) not in values
    }


def _used(
    programs: Sequence[TestProgram], told: Container[str], unmade: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    """Say of a suite which files were not made that its programs may start."""
    suites = {program.folder: program.suite for program in programs}
    for target, names in unmade.items():
        others = [name for name in names if name not in told]
        if target in suites and others:
            told_few = few(others, MAX_NAMED)
            yield suites[target], f"files that its tests use do not build here: {told_few}"


def lacking(folder: Path, plan: Plan) -> list[str]:
    """Give the planned programs that are not in a folder and must be."""
    optional = {name for install in plan.installs if install.optional for name in install.suites}
    optional |= set(plan.sources)
    return [
        f"{one.folder}/{one.name}"
        for one in plan.programs
        if one.suite not in optional and not _is_there(folder, one)
    ]


def _said(program: TestProgram, why: Mapping[str, str]) -> str:
    return f": {why[program.name]}" if program.name in why else ""


def _is_of(suite: Suite, folder: str) -> bool:
    return isinstance(suite.told, Kselftest) and folder in suite.told.targets


def _program(suite: Suite, place: tuple[str, str], files: Untrusted) -> TestProgram:
    folder, name = place
    settings = f"{folder}/settings"
    text = files.read_text(settings, LIST_SIZE) if files.has(settings) else ""
    return of_tree(suite, folder, name, text)


def _may_be_broken(folder: str, kernel: Kernel) -> bool:
    """Whether a series changes what a test is made of, as far as its place tells."""
    if folder == LIBURING:
        return False  # it brings the headers that it is compiled with
    own = f"{SELFTESTS}/{folder}/"
    paths = [file.path for file in kernel.changed or ()]
    return any(path.startswith((own, *USER_HEADERS)) for path in paths)


def _is_there(folder: Path, program: TestProgram) -> bool:
    """Whether the files that a program is started by are there: words that begin with "./"."""
    files = [word for word in program.argv if word.startswith("./")]
    return all((folder / program.folder / file).is_file() for file in files)
