# SPDX-License-Identifier: GPL-2.0
"""Decide what of the suites fits a tree: which programs there will be, and what make installs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kseries.lib import proc
from kseries.lib.untrusted import Untrusted
from kseries.lib.userpath import user_path
from kseries.model import TestProgram
from kseries.suite import (
    SELFTESTS,
    Commands,
    Generated,
    KnownFailure,
    Kselftest,
    Kunit,
    Library,
    Liburing,
    Suite,
)
from kseries.suites import kunit, linked, listed, nics
from kseries.suites.base import Generator, Made, Unfit
from kseries.suites.zcrx import ZCRX

CASE_OPTION = "-r"
"""Of kselftest_harness.h: run the case of this name ("fixture.case"); may be repeated."""

GENERATORS: Mapping[str, Generator] = {"zcrx": ZCRX}

# Below the installed folder.
OWN_PROGRAMS = "program"
LIBURING = "liburing"
# liburing's tests say with 77 that they are skipped.
SKIP_OF_LIBURING = '"$@"; status=$?; [ $status -eq 77 ] && exit 4; exit $status'


@dataclass(frozen=True)
class Install:
    """What one run of the tree's kselftest builds and installs."""

    suites: tuple[str, ...]
    targets: tuple[str, ...]
    library: Library | None
    variables: Mapping[str, str]  # of make
    optional: bool = False  # what does not build is left out


@dataclass(frozen=True)
class Plan:
    """What is to be built, and which programs come of it.

    programs: those that are known before. whole: suites that get all programs of their targets
    which turn out to be installed. files: place in the installed folder → what is put there, a
    file or a folder of this host. texts: the same, with the text. sources: of liburing, by suite.
    """

    programs: tuple[TestProgram, ...] = ()
    installs: tuple[Install, ...] = ()
    generated: tuple[Made, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()  # (suite, why)
    whole: tuple[Suite, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Path] = field(default_factory=dict)


def plan_suites(tree: Path, suites: Sequence[Suite], lib_mk: str) -> Plan:
    """Decide what of the suites fits a tree. lib_mk: the tree's, as make will see it."""
    plan = Plan()
    for suite in suites:
        told = suite.told
        if isinstance(told, Kselftest):
            part = _kselftest(suite, told, tree)
        elif isinstance(told, Generated):
            part = _generated(suite, told, tree, lib_mk)
        elif isinstance(told, Kunit):
            part = _kunit(suite, told, tree)
        elif isinstance(told, Commands):
            part = _commands(suite, told)
        else:
            part = _liburing(suite, told)
        programs = tuple(_as_told(program, suite) for program in part.programs)
        plan = _joined(plan, replace(part, programs=programs))
    return plan


def files_that_decide(suites: Sequence[Suite]) -> tuple[Path, ...]:
    """Give the files of a tree that `plan_suites` looks at: a tree with these alone will do."""
    files: list[Path] = []
    for suite in suites:
        told = suite.told
        if isinstance(told, Kselftest):
            files += [SELFTESTS / program.folder / program.name for program in told.programs]
            if not told.programs:
                files += [SELFTESTS / target / "Makefile" for target in told.targets]
        elif isinstance(told, Generated):
            files += GENERATORS[told.generator].reads
    return tuple(dict.fromkeys(files))


def without(plan: Plan, install: Install, why: str) -> Plan:
    """Leave out the suites of what cannot be installed."""
    return replace(
        plan,
        programs=tuple(p for p in plan.programs if p.suite not in install.suites),
        installs=tuple(other for other in plan.installs if other != install),
        left_out=(*plan.left_out, *((suite, why) for suite in install.suites)),
        whole=tuple(suite for suite in plan.whole if suite.name not in install.suites),
    )


def with_variables(plan: Plan, install: Install, variables: Mapping[str, str]) -> Plan:
    """Hand more variables to one of the runs of make."""
    told = replace(install, variables={**install.variables, **variables})
    return replace(
        plan, installs=tuple(told if other == install else other for other in plan.installs)
    )


def of_tree(suite: Suite, folder: str, name: str, settings: str = "") -> TestProgram:
    """Give a program of the tree that a suite has whole. settings: the text of its folder's."""
    program = TestProgram(
        suite=suite.name,
        name=name,
        argv=_argv(suite, folder, name),
        folder=folder,
        timeout_s=max(suite.told.timeout_s, listed.timeout_of(settings)),
        # Scripts of kselftest may print what they like: their exit status counts then.
        ktap=None,
    )
    return _as_told(program, suite)


def _as_told(program: TestProgram, suite: Suite) -> TestProgram:
    """Give a program with what its suite says of all of them."""
    return replace(
        program,
        known=_known(suite),
        env=linked.environment(suite),
        provokes=suite.told.provokes,
    )


def _known(suite: Suite) -> tuple[KnownFailure, ...]:
    """Give the failures that are known on this host."""
    known = suite.told.known_failures
    return tuple(one for one in known if not one.without or proc.which(one.without) is None)


def _argv(suite: Suite, folder: str, name: str) -> tuple[str, ...]:
    """Give the command for a program of the tree."""
    queues = suite.told.nics if isinstance(suite.told, Kselftest) else 0
    return nics.around(f"./{name}", folder, queues) if queues else (f"./{name}",)


def _joined(plan: Plan, part: Plan) -> Plan:
    installs = list(plan.installs)
    for install in part.installs:
        installs = _installed_too(installs, install)
    return Plan(
        programs=(*plan.programs, *part.programs),
        installs=tuple(installs),
        generated=(*plan.generated, *part.generated),
        left_out=(*plan.left_out, *part.left_out),
        whole=(*plan.whole, *part.whole),
        files={**plan.files, **part.files},
        texts={**plan.texts, **part.texts},
        sources={**plan.sources, **part.sources},
    )


def _installed_too(installs: Sequence[Install], new: Install) -> list[Install]:
    """Add what a suite installs, in one go with those that are made in the same way."""
    kept = []
    for old in installs:
        if _way(old) == _way(new):
            targets = tuple(dict.fromkeys((*old.targets, *new.targets)))
            new = replace(new, suites=(*old.suites, *new.suites), targets=targets)
        else:
            kept.append(old)
    return [*kept, new]


def _way(install: Install) -> tuple[object, ...]:
    return install.library, install.variables, install.optional


def _kselftest(suite: Suite, told: Kselftest, tree: Path) -> Plan:
    install = Install((suite.name,), told.targets, told.library, told.variables, told.optional)
    if not told.programs:
        return _whole(suite, told, install, Untrusted(tree))
    programs, left_out = [], []
    for program in told.programs:
        if not _has(Untrusted(tree), program.folder, program.name):
            file = SELFTESTS / program.folder / program.name
            left_out.append((suite.name, f"the tree has no {file}"))
        elif told.optional:
            settings = _settings(Untrusted(tree), program.folder)
            programs.append(of_tree(suite, program.folder, program.name, settings))
        else:
            programs.append(
                TestProgram(
                    suite=suite.name,
                    name=program.name,
                    argv=_argv(suite, program.folder, program.name),
                    folder=program.folder,
                    timeout_s=program.timeout_s,
                    ktap=program.ktap,
                )
            )
    installs = (install,) if programs else ()
    return Plan(tuple(programs), installs, left_out=tuple(left_out), texts=nics.texts(told.nics))


def _settings(tree: Untrusted, folder: str) -> str:
    """Give the settings of a folder of tests: how much time they may take."""
    place = str(SELFTESTS / folder / "settings")
    return tree.read_text(place) if tree.has(place) else ""


def _has(tree: Untrusted, folder: str, name: str) -> bool:
    """Whether a tree has a test, or the C source of one."""
    return any(tree.has(str(SELFTESTS / folder / f"{name}{end}")) for end in ("", ".c"))


def _whole(suite: Suite, told: Kselftest, install: Install, tree: Untrusted) -> Plan:
    """Plan all that the targets list; what they compute shows when they are installed."""
    programs, left_out = [], []
    for target in told.targets:
        makefile = str(SELFTESTS / target / "Makefile")
        if not tree.has(makefile):
            left_out.append((suite.name, f"the tree has no {makefile}"))
            continue
        words = listed.words_of(tree.read_text(makefile), listed.RUN, lambda _: [])
        settings = _settings(tree, target)
        programs += [
            of_tree(suite, target, name, settings)
            for name in sorted(words.words)
            if "/" not in name
        ]
    targets = tuple(
        target for target in told.targets if tree.has(str(SELFTESTS / target / "Makefile"))
    )
    if not targets:
        return Plan(left_out=tuple(left_out))
    install = replace(install, targets=targets)
    whole = (suite,)
    return Plan(
        tuple(programs),
        (install,),
        left_out=tuple(left_out),
        whole=whole,
        texts=nics.texts(told.nics),
    )


def _generated(suite: Suite, told: Generated, tree: Path, lib_mk: str) -> Plan:
    made = GENERATORS[told.generator].make(tree, lib_mk)
    if isinstance(made, Unfit):
        return Plan(left_out=((suite.name, made.why),))
    programs = [
        TestProgram(
            suite=suite.name,
            name=name,
            argv=(f"./{name}",),
            folder=made.folder,
            timeout_s=told.extended_timeout_s if name in made.extended else told.timeout_s,
            cases=cases,
            case_option=CASE_OPTION,
            extended=name in made.extended,
        )
        for name, cases in made.cases.items()
    ]
    return Plan(tuple(programs), generated=(made,))


def _kunit(suite: Suite, told: Kunit, tree: Path) -> Plan:
    """Plan one program for each symbol: it loads the modules of these tests, and shows results."""
    programs, left_out = [], []
    for symbol in told.tests:
        modules = kunit.modules_of(tree, symbol)
        if isinstance(modules, Unfit):
            left_out.append((suite.name, modules.why))
            continue
        programs.append(
            TestProgram(
                suite=suite.name,
                name=symbol.lower(),
                argv=("sh", f"./{kunit.SCRIPT}", *modules),
                folder=kunit.FOLDER,
                timeout_s=told.timeout_s,
            )
        )
    if not programs:
        return Plan(left_out=tuple(left_out))
    texts = {f"{kunit.FOLDER}/{kunit.SCRIPT}": kunit.script()}
    return Plan(tuple(programs), left_out=tuple(left_out), texts=texts)


def _commands(suite: Suite, told: Commands) -> Plan:
    folder = f"{OWN_PROGRAMS}/{suite.name}"
    programs = [
        TestProgram(
            suite=suite.name,
            name=one.name,
            argv=one.command,
            folder=folder,
            timeout_s=one.timeout_s,
            ktap=one.ktap,
        )
        for one in told.programs
    ]
    files = {f"{folder}/{name}": suite.folder / name for name in told.files}
    return Plan(tuple(programs), files=files)


def _liburing(suite: Suite, told: Liburing) -> Plan:
    source = user_path(told.source, suite.folder)
    tests = source / "test"
    names = told.programs or sorted(file.stem for file in tests.glob("*.c"))
    there = [name for name in names if (tests / f"{name}.c").is_file()]
    absent = [(suite.name, f"liburing has no test/{n}.c") for n in names if n not in there]
    programs = [
        TestProgram(
            suite=suite.name,
            name=name,
            argv=("sh", "-c", SKIP_OF_LIBURING, "sh", f"./{name}.t"),
            folder=LIBURING,
            timeout_s=told.timeout_s,
            ktap=False,
        )
        for name in there
    ]
    sources = {suite.name: source} if there else {}
    return Plan(tuple(programs), left_out=tuple(absent), sources=sources)
