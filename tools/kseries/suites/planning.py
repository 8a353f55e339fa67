# SPDX-License-Identifier: GPL-2.0
"""Decide what of the suites fits a tree: which programs there will be, and what make installs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kseries.lib.errors import UserError
from kseries.lib.untrusted import Untrusted
from kseries.model import TestProgram
from kseries.suites import SUITES
from kseries.suites.base import SELFTESTS, Generated, Library, Suite, Unfit

CASE_OPTION = "-r"
"""Of kselftest_harness.h: run the case of this name ("fixture.case"); may be repeated."""


@dataclass(frozen=True)
class Install:
    """What one run of the tree's kselftest builds and installs."""

    suites: tuple[str, ...]
    targets: tuple[str, ...]
    library: Library | None
    variables: Mapping[str, str]  # of make


@dataclass(frozen=True)
class Plan:
    """What is to be built, and which programs come of it."""

    programs: tuple[TestProgram, ...]
    installs: tuple[Install, ...]
    generated: tuple[Generated, ...]
    left_out: tuple[tuple[str, str], ...]  # (suite, why)


def plan_suites(tree: Path, names: Sequence[str], lib_mk: str) -> Plan:
    """Decide what of the suites fits a tree. Raises UserError for a name that is no suite's."""
    programs: list[TestProgram] = []
    installs: list[Install] = []
    generated: list[Generated] = []
    left_out: list[tuple[str, str]] = []
    for name in names:
        if name not in SUITES:
            raise UserError(
                f"There is no suite '{name}'.", do=f"choose from: {', '.join(sorted(SUITES))}"
            )
        suite = SUITES[name]
        own = _tree_programs(suite, tree, left_out)
        if own:
            installs = _installed_too(installs, suite)
        made = suite.generate(tree, lib_mk) if suite.generate else None
        if isinstance(made, Unfit):
            left_out.append((name, made.why))
        elif made is not None:
            generated.append(made)
            own += _generated_programs(suite, made)
        programs += own
    return Plan(tuple(programs), tuple(installs), tuple(generated), tuple(left_out))


def files_that_decide(names: Sequence[str]) -> tuple[Path, ...]:
    """Give the files of a tree that `plan_suites` looks at: a tree with these alone will do."""
    files: list[Path] = []
    for suite in (SUITES[name] for name in names):
        files += [SELFTESTS / program.folder / program.name for program in suite.programs]
        files += suite.reads
    return tuple(dict.fromkeys(files))


def without(plan: Plan, install: Install, why: str) -> Plan:
    """Leave out the suites of what cannot be installed."""
    return replace(
        plan,
        programs=tuple(p for p in plan.programs if p.suite not in install.suites),
        installs=tuple(other for other in plan.installs if other != install),
        left_out=(*plan.left_out, *((suite, why) for suite in install.suites)),
    )


def with_variables(plan: Plan, install: Install, variables: Mapping[str, str]) -> Plan:
    """Hand more variables to one of the runs of make."""
    told = replace(install, variables={**install.variables, **variables})
    return replace(
        plan, installs=tuple(told if other == install else other for other in plan.installs)
    )


def _installed_too(installs: Sequence[Install], suite: Suite) -> list[Install]:
    """Add what a suite installs, in one go with those that are made in the same way."""
    new = Install((suite.name,), suite.targets, suite.library, suite.variables)
    kept = []
    for old in installs:
        if (old.library, old.variables) == (new.library, new.variables):
            targets = tuple(dict.fromkeys((*old.targets, *new.targets)))
            new = replace(new, suites=(*old.suites, *new.suites), targets=targets)
        else:
            kept.append(old)
    return [*kept, new]


def _tree_programs(suite: Suite, tree: Path, left_out: list[tuple[str, str]]) -> list[TestProgram]:
    """Give the programs of a suite that the tree has; say of the others that it has not."""
    found = []
    for program in suite.programs:
        file = SELFTESTS / program.folder / program.name
        if not Untrusted(tree).has(str(file)):
            left_out.append((suite.name, f"the tree has no {file}"))
            continue
        found.append(
            TestProgram(
                suite=suite.name,
                name=program.name,
                argv=(f"./{program.name}",),
                folder=program.folder,
                timeout_s=program.timeout_s,
                ktap=program.ktap,
            )
        )
    return found


def _generated_programs(suite: Suite, made: Generated) -> list[TestProgram]:
    return [
        TestProgram(
            suite=suite.name,
            name=name,
            argv=(f"./{name}",),
            folder=made.folder,
            timeout_s=suite.extended_timeout_s if name in made.extended else suite.timeout_s,
            cases=cases,
            case_option=CASE_OPTION,
            extended=name in made.extended,
        )
        for name, cases in made.cases.items()
    ]
